"""What the formats that are lists of messages look like to those who read them."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions import actions
from sessions.exporters import ways
from sessions.models import Session
from sessions.records import InteractionKind as Kind
from tests.builders import log, make_session

from .round_trips import all_told, out_and_in, take_in

pytestmark = pytest.mark.django_db(transaction=True)

LINEAR = ("openai", "sharegpt", "claude-code")
THOUGHT = "It is sunny there, I think."


def rows_of(session: Session, form: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in "".join(actions.export_session(session.pk, form)).splitlines()]


def make_talk(session_id: str = "weather-in-rome") -> Session:
    """Two calls at once, a failed result, a thought, and a result that nobody asked for."""
    session = make_session(session_id=session_id)
    log(session, kind=Kind.CONVERSATION_TURN, response="Be brief.", metadata={"role": "system"})
    log(session, kind=Kind.CLIENT_REQUEST, prompt="Weather in Rome?")
    log(session, kind=Kind.AGENT_RESPONSE, reasoning=THOUGHT)
    log(session, kind=Kind.TOOL_CALL, tool_name="weather.now", tool_parameters={"city": "Rome"}, metadata=used("a"))
    log(session, kind=Kind.TOOL_CALL, tool_name="clock", tool_parameters="CET", metadata=used("b"))
    log(session, kind=Kind.TOOL_RESPONSE, tool_name="clock", response="12:00", metadata=used("b"))
    log(session, kind=Kind.TOOL_RESPONSE, tool_name="weather.now", response="down", status="error", metadata=used("a"))
    log(session, kind=Kind.TOOL_RESPONSE, tool_name="news", response="Unasked.")
    log(session, kind=Kind.AGENT_RESPONSE, response="I cannot tell.", model="m-1")
    log(session, kind=Kind.ERROR, error_message="Overloaded.")
    log(session, kind=Kind.CLIENT_REQUEST, prompt="Thanks.")
    return session


def used(call_id: str) -> dict[str, str]:
    return {"tool_use_id": call_id}


def make_fork(session_id: str = "a-fork") -> Session:
    """Asked one thing, and then in its place another, which was answered with a tool."""
    session = make_session(session_id=session_id)
    first = log(session, kind=Kind.AGENT_RESPONSE, response="Hello.")
    one = log(session, kind=Kind.CLIENT_REQUEST, prompt="One?", parent_id=first.pk)
    log(session, kind=Kind.AGENT_RESPONSE, response="1", parent_id=one.pk)
    other = log(session, kind=Kind.CLIENT_REQUEST, prompt="Two?", parent_id=first.pk)
    call = log(session, kind=Kind.TOOL_CALL, tool_name="count", parent_id=other.pk)
    log(session, kind=Kind.TOOL_RESPONSE, tool_name="count", response="2", parent_id=call.pk)
    return session


def test_openai_gets_messages_that_its_interface_takes() -> None:
    [row] = rows_of(make_talk(), "openai")
    assert [(one["role"], one["content"]) for one in row["messages"]] == [
        ("system", "Be brief."),
        ("user", "Weather in Rome?"),
        ("assistant", None),
        ("tool", "12:00"),
        ("tool", "down"),
        ("tool", "Unasked."),
        ("assistant", "I cannot tell."),
        ("assistant", "Overloaded."),
        ("user", "Thanks."),
    ]
    called = row["messages"][2]
    assert called["reasoning_content"] == THOUGHT
    assert [(one["id"], one["function"]["arguments"]) for one in called["tool_calls"]] == [
        ("a", '{"city": "Rome"}'),
        ("b", "CET"),
    ]


@pytest.mark.parametrize("form", ["openai", "sharegpt"])
def test_a_conversation_that_branches_is_a_row_for_each_way_with_the_open_one_first(form: str) -> None:
    rows = rows_of(make_fork(), form)
    lists = [row.get("messages") or row["conversations"] for row in rows]
    assert [[one.get("content", one.get("value")) for one in row][1] for row in lists] == ["Two?", "One?"]
    assert [row["sessionsite"]["ways"] for row in rows] == [2, 2]


@pytest.mark.parametrize("form", LINEAR)
@pytest.mark.parametrize("make", [make_talk, make_fork])
@pytest.mark.parametrize("session_id", ["short", "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"])
def test_what_was_said_here_comes_back(form: str, make: Any, session_id: str, tmp_path: Path) -> None:
    make(session_id)
    # Interactions of which none names a parent become a thread, so a talk is compared as it is read.
    is_fork = make is make_fork
    before = {pk: told.ways if is_fork else told.default for pk, told in all_told().items()}
    for _ in range(2):
        out_and_in(tmp_path, form)
        assert {pk: told.ways if is_fork else told.default for pk, told in all_told().items()} == before


def test_a_file_for_fine_tuning_holds_only_what_the_trainer_knows() -> None:
    [row] = rows_of(make_talk(), "openai-finetune")
    assert row.keys() == {"messages", "tools"}
    assert row["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather in Rome?"},
        {
            "role": "assistant",
            "tool_calls": [
                called("a", "weather_now", '{"city": "Rome"}'),
                called("b", "clock", '{"value": "CET"}'),
            ],
        },
        {"role": "tool", "tool_call_id": "b", "content": "12:00"},
        {"role": "tool", "tool_call_id": "a", "content": "down"},
        {"role": "system", "content": "Unasked."},
        {"role": "assistant", "content": "I cannot tell."},
        {"role": "assistant", "content": "Overloaded."},
    ]
    assert [tool["function"]["name"] for tool in row["tools"]] == ["weather_now", "clock"]


def called(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_fine_tuning_answers_every_call_at_once() -> None:
    session = make_session()
    log(session, kind=Kind.TOOL_CALL, tool_name="slow", metadata=used("a"))
    log(session, kind=Kind.CLIENT_REQUEST, prompt="Well?")
    log(session, kind=Kind.TOOL_RESPONSE, response="Late.", metadata=used("a"))
    log(session, kind=Kind.AGENT_RESPONSE, response="There.")
    [row] = rows_of(session, "openai-finetune")
    assert [(one["role"], one.get("content")) for one in row["messages"]] == [
        ("assistant", None),
        ("tool", ""),
        ("user", "Well?"),
        ("system", "Late."),
        ("assistant", "There."),
    ]


def test_fine_tuning_has_no_row_without_an_answer() -> None:
    session = make_session()
    log(session, kind=Kind.CLIENT_REQUEST, prompt="Anybody?")
    assert rows_of(session, "openai-finetune") == []


def test_sharegpt_gets_its_speakers() -> None:
    [row] = rows_of(make_talk(), "sharegpt")
    assert [turn["from"] for turn in row["conversations"]] == [
        "system", "human", "gpt", "function_call", "function_call", "observation", "observation", "observation",
        "gpt", "gpt", "human",
    ]  # fmt: skip
    assert json.loads(row["conversations"][3]["value"]) == {"name": "weather.now", "arguments": {"city": "Rome"}}


def test_claude_code_gets_one_thread_whose_results_answer_its_calls() -> None:
    opening, *records = rows_of(make_talk(), "claude-code")
    assert [one["parentUuid"] for one in records] == [None, *(one["uuid"] for one in records[:-1])]
    assert {one["sessionId"] for one in (opening, *records)} == {opening["sessionId"]}
    blocks = [block for one in records for block in contents(one)]
    assert {one["tool_use_id"] for one in blocks if one["type"] == "tool_result"} == {
        one["id"] for one in blocks if one["type"] == "tool_use"
    }


def contents(record: dict[str, Any]) -> list[dict[str, Any]]:
    content = record.get("message", {}).get("content")
    return content if isinstance(content, list) else []


def test_claude_code_finds_its_way_over_records_that_were_not_kept(tmp_path: Path) -> None:
    session = "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"
    around = {"sessionId": session, "timestamp": "2026-01-01T00:00:00Z", "isSidechain": False}
    lines = [
        {"type": "user", "uuid": "u1", "parentUuid": None, "message": {"role": "user", "content": "Hi"}, **around},
        {"type": "system", "subtype": "turn_duration", "uuid": "s1", "parentUuid": "u1", **around},
        {"type": "user", "uuid": "u2", "parentUuid": "s1", "message": {"role": "user", "content": "Ho"}, **around},
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    take_in(path)
    records = rows_of(Session.objects.get(), "claude-code")
    assert [(one["uuid"], one["parentUuid"]) for one in records if "uuid" in one] == [
        ("u1", None),
        ("s1", "u1"),
        ("u2", "s1"),
    ]


@pytest.mark.parametrize("form", ["openai", "openai-finetune", "sharegpt"])
def test_what_is_too_large_to_be_held_is_read_anew_for_each_way(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_fork()
    held = rows_of(session, form)
    monkeypatch.setattr(ways, "MOST_HELD_CHARACTERS", 0)
    assert rows_of(session, form) == held


def test_what_is_too_long_to_branch_is_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "MAX_INTERACTIONS", 2)
    [row] = rows_of(make_fork(), "sharegpt")
    assert [turn["value"] for turn in row["conversations"] if turn["from"] == "human"] == ["One?", "Two?"]


def test_the_same_export_twice_adds_nothing(tmp_path: Path) -> None:
    session = make_fork()
    for form in ("openai", "sharegpt", "claude-code"):
        out_and_in(tmp_path, form)
        path = tmp_path / f"again-{form}.jsonl"
        path.write_text("".join(actions.export_session(session.pk, form)))
        report = take_in(path)
        assert (report.added, report.differing_count) == (0, 0)


def test_a_message_ends_where_ways_part(tmp_path: Path) -> None:
    session = make_session(session_id="thought-once")
    thought = log(session, kind=Kind.AGENT_RESPONSE, reasoning=THOUGHT)
    for answer in ("Yes.", "No."):
        log(session, kind=Kind.AGENT_RESPONSE, response=answer, parent_id=thought.pk)
    before = all_told()[session.pk].ways
    out_and_in(tmp_path, "openai")
    assert all_told()[session.pk].ways == before


def test_claude_code_gets_calls_that_follow_each_other_as_one_answer() -> None:
    records = rows_of(make_talk(), "claude-code")
    calls = [one for one in records if any(block["type"] == "tool_use" for block in contents(one))]
    assert [one["message"]["id"] for one in calls] == [calls[0]["message"]["id"]] * 2
