"""Rows of chat-completions messages, their dialects, and what holds for all rows without names."""

import json
from pathlib import Path
from typing import Any

import pytest

from .builders import asides, drafts, only, read, sessions, write
from .telling import FIXTURES, branches, keys, read_json, told

HELLO = {"role": "user", "content": "hello"}
HI = {"role": "assistant", "content": "hi"}
MORE = {"role": "user", "content": "more"}
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "."}'}}


def ids(events: list[Any]) -> list[str]:
    return list(dict.fromkeys(session.session_id for session in sessions(events)))


# --- messages ---------------------------------------------------------------------------------------------------


def test_it_reads_a_row(tmp_path: Path) -> None:
    calling = {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    result = {"role": "tool", "tool_call_id": "c2", "content": "a.py"}
    system = {"role": "system", "content": "Be brief."}
    events = read(tmp_path, {"messages": [system, HELLO, calling, result, HI], "tools": [{"type": "function"}]})
    assert told(events) == [
        ("turn", "Be brief."), ("user", "hello"), ("call", "ls"), ("call", "ls"), ("result", "a.py"), ("agent", "hi"),
    ]  # fmt: skip
    call, answer = drafts(events)[2], drafts(events)[4]
    assert (call.tool_parameters, call.metadata) == ({"path": "."}, {"tool_use_id": "c1"})
    assert (answer.tool_name, answer.metadata) == ("ls", {"tool_use_id": "c2"})
    assert [one.parent_key for one in drafts(events)[1:]] == [one.idempotency_key for one in drafts(events)[:-1]]
    assert sessions(events)[0].metadata == {"tools": [{"type": "function"}]}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": ""}, [("user", "")]),
        ({"role": "user", "content": None}, [("user", "")]),
        ({"role": "developer", "content": "Be brief."}, [("turn", "Be brief.")]),
        ({"role": "critic", "content": "Meh."}, [("turn", "Meh.")]),
        ({"role": "function", "name": "ls", "content": "a.py"}, [("result", "a.py")]),
        ({"role": "assistant", "content": "", "tool_calls": [CALL]}, [("call", "ls")]),
        ({"role": "assistant", "content": "Look.", "tool_calls": [CALL]}, [("agent", "Look."), ("call", "ls")]),
        ({"role": "assistant", "content": None, "function_call": CALL["function"]}, [("call", "ls")]),
        ({"role": "assistant", "content": None, "refusal": "No."}, [("agent", "No.")]),
        ({"role": "assistant", "content": None}, [("agent", "")]),
        ({"role": "assistant", "content": None, "audio": {"id": "s", "transcript": "Ahoy."}}, [("agent", "Ahoy.")]),
        ({"role": "assistant", "content": None, "audio": {"id": "s"}}, [("agent", "")]),
        ({"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]},
         [("call", "sh")]),
        ({"role": "assistant", "content": [
            {"type": "mcp_tool_use", "id": "c", "name": "find", "input": {}},
            {"type": "mcp_tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "found"}]},
         ]}, [("call", "find"), ("result", "found")]),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
         [("user", "a"), ("user", "b")]),
        ({"role": "user", "content": [{"type": "hologram", "glow": 1}]}, [("user", "")]),
        ({"role": "user", "content": 42}, [("user", "42")]),
    ],
)  # fmt: skip
def test_it_reads_messages_in_all_their_shapes(
    tmp_path: Path, message: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert told(read(tmp_path, {"messages": [message]})) == expected


def test_arguments_that_are_no_json_stay_as_they_are(tmp_path: Path) -> None:
    call = {"id": "c1", "function": {"name": "ls", "arguments": '{"path": '}}
    (draft,) = drafts(read(tmp_path, {"messages": [{"role": "assistant", "tool_calls": [call]}]}))
    assert draft.tool_parameters == '{"path": '


def test_it_reads_thoughts_and_notes_files(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJDRA=="}}
    voice = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
    asked = {"role": "user", "content": [{"type": "text", "text": "look"}, picture, voice]}
    events = read(tmp_path, {"messages": [asked, {**HI, "reasoning_content": "Hm."}]})
    request, answer = drafts(events)
    assert request.metadata["attachments"] == [
        {"type": "image_url", "media_type": "image/png", "size_bytes": 4},
        {"type": "input_audio", "size_bytes": 3},
    ]
    assert (answer.response, answer.reasoning) == ("hi", "Hm.")


def test_the_record_of_a_message_is_kept_and_the_rows_own_with_the_first(tmp_path: Path) -> None:
    first, second = drafts(read(tmp_path, {"messages": [HELLO, {**HI, "weight": 0}], "reward": 0.5}))
    assert json.loads(first.source_record or b"") == {"reward": 0.5, "messages": [HELLO]}
    assert json.loads(second.source_record or b"") == {**HI, "weight": 0}


# --- dialects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["messages", "traj", "history"])
def test_it_reads_dialects_as_lines_and_as_documents(tmp_path: Path, name: str) -> None:
    row = {name: [HELLO, HI], "reward": 1}
    assert told(read(tmp_path, row)) == told(read_json(tmp_path, [row])) == told(read_json(tmp_path, row))
    assert told(read(tmp_path, row)) == [("user", "hello"), ("agent", "hi")]


def test_it_reads_messages_without_rows(tmp_path: Path) -> None:
    expected = [("user", "hello"), ("agent", "hi"), ("user", "more")]
    assert told(read(tmp_path, HELLO, HI, MORE)) == expected
    assert told(read_json(tmp_path, [HELLO, HI, MORE])) == expected
    assert told(read_json(tmp_path, [[HELLO, HI], [MORE]])) == expected
    assert len(ids(read_json(tmp_path, [[HELLO, HI], [MORE]]))) == 2


@pytest.mark.parametrize(
    "row",
    [
        {"input": {"messages": [HELLO]}, "preferred_output": [HI], "non_preferred_output": [{**HI, "content": "no"}]},
        {"prompt": [HELLO], "chosen": [HI], "rejected": [{**HI, "content": "no"}]},
        {"chosen": [HELLO, HI], "rejected": [HELLO, {**HI, "content": "no"}]},
    ],
)
def test_preferences_are_branches_and_the_preferred_one_is_last(tmp_path: Path, row: dict[str, Any]) -> None:
    events = read(tmp_path, row)
    assert told(events) == [("user", "hello"), ("agent", "no"), ("agent", "hi")]
    assert branches(events) == [("no", "hi")]


@pytest.mark.parametrize("name", ["messages", "prompt"])
def test_answers_beside_the_messages_are_told_behind_them(tmp_path: Path, name: str) -> None:
    asked, good, bad = {"role": "user", "content": "q"}, *({"role": "assistant", "content": said} for said in "ab")
    ranked = read(tmp_path, {name: [asked], "chosen": good, "rejected": bad})
    assert told(ranked) == [("user", "q"), ("agent", "b"), ("agent", "a")]
    assert branches(ranked) == [("b", "a")]
    assert told(read(tmp_path, {name: [asked], "completion": [good]})) == [("user", "q"), ("agent", "a")]


def test_it_reads_prompts_with_completions_and_requests(tmp_path: Path) -> None:
    assert told(read(tmp_path, {"prompt": "hello", "completion": "hi"})) == [("user", "hello"), ("agent", "hi")]
    request = {"custom_id": "r1", "method": "POST", "url": "/v1", "body": {"model": "gpt-4o", "messages": [HELLO, HI]}}
    assert drafts(read(tmp_path, request))[1].model == "gpt-4o"


def test_files_of_a_row_go_where_their_placeholders_stand(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "<image>Who? And <image>?"}
    first, _, last = drafts(
        read(tmp_path, {"messages": [asked, HI, {**MORE, "content": "<image>"}], "images": ["1", "2"]})
    )
    assert [file["url"] for file in first.metadata["attachments"]] == ["1", "2"]
    assert last.metadata == {}


# --- names ------------------------------------------------------------------------------------------------------


def test_a_longer_conversation_has_the_keys_of_the_shorter(tmp_path: Path) -> None:
    shorter, longer = read(tmp_path, {"messages": [HELLO, HI]}), read(tmp_path, {"messages": [HELLO, HI, MORE]})
    assert keys(shorter) < keys(longer)


def test_the_container_and_the_files_name_change_no_key(tmp_path: Path) -> None:
    row = {"messages": [HELLO, HI]}
    renamed = only(write(tmp_path / "elsewhere" / "x", {"messages": [dict(reversed(HELLO.items())), HI]}))
    assert keys(read(tmp_path, row)) == keys(read_json(tmp_path, [row])) == keys(list(renamed.read()))


def test_conversations_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    rows = [{"messages": [HELLO, HI]}, {"messages": [HELLO, HI, MORE]}, {"messages": [HELLO, HI]}]
    events = read(tmp_path, *rows)
    assert len(ids(events)) == 3
    assert ids(read(tmp_path, *rows)) == ids(events)


def test_the_other_way_of_a_conversation_in_another_file_is_a_branch(tmp_path: Path) -> None:
    one = read(tmp_path, {"messages": [HELLO, HI, MORE]})
    other = read(tmp_path, {"messages": [HELLO, HI, {**MORE, "content": "less"}]})
    assert ids(one) == ids(other)
    assert len(keys(one) & keys(other)) == 2
    assert drafts(one)[2].parent_key == drafts(other)[2].parent_key


@pytest.mark.parametrize(
    ("identifier", "session_id"),
    [("sgd-train-1_00000", "sgd-train-1_00000"), ("7", "openai-7-"), (7, "openai-7-"), ("../../etc/passwd", "openai-")],
)
def test_a_sources_own_id_counts_if_it_is_one_of_its_kind(tmp_path: Path, identifier: Any, session_id: str) -> None:
    (found,) = ids(read(tmp_path, {"id": identifier, "messages": [HELLO, HI]}))
    assert found.startswith(session_id)
    assert "/" not in found


def test_what_was_edited_in_a_named_conversation_keeps_its_key(tmp_path: Path) -> None:
    before = read(tmp_path, {"id": "sgd-train-1_00000", "messages": [HELLO, HI]})
    after = read(tmp_path, {"id": "sgd-train-1_00000", "messages": [HELLO, {**HI, "content": "hey"}]})
    assert keys(before) == keys(after)


# --- damage -----------------------------------------------------------------------------------------------------


def test_a_bad_row_costs_no_neighbour(tmp_path: Path) -> None:
    rows = [{"messages": [HELLO]}, b'{"messages": [', {"messages": "none"}, {"messages": [7, HI]}]
    events = read(tmp_path, *rows)
    assert told(events)[0] == ("user", "hello")
    assert [(aside.reason, aside.damaged) for aside in asides(events)] == [
        ("not JSON", True), ("a row without a conversation", False),
    ]  # fmt: skip


def test_it_reads_rows_made_by_others() -> None:
    events = list(only(FIXTURES / "openai" / "toy_chat_fine_tuning.jsonl").read())
    assert (len(ids(events)), len(drafts(events))) == (5, 19)
    events = list(only(FIXTURES / "openai" / "hiyouga__mllm_demo.json").read())
    assert (len(ids(events)), len(drafts(events))) == (6, 24)
    assert drafts(events)[0].metadata["attachments"] == [{"type": "image", "url": "mllm_demo_data/1.jpg"}]


def test_a_row_that_begins_with_a_damaged_message_is_read(tmp_path: Path) -> None:
    whole = {"messages": [{"role": "user", "content": "q"}]}
    events = read(tmp_path, whole, {"messages": [{"content": "who"}, None, {"role": "user", "content": "q2"}]})
    assert told(events) == [("user", "q"), ("turn", "who"), ("turn", ""), ("user", "q2")]


def test_a_text_may_stand_one_level_down(tmp_path: Path) -> None:
    block = {"type": "text", "text": {"value": "hello", "annotations": []}}
    assert told(read(tmp_path, {"messages": [{"role": "assistant", "content": [block]}]})) == [("agent", "hello")]


def test_instructions_beside_the_messages_are_told_once(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "q"}]
    assert told(read(tmp_path, {"system": "be", "messages": messages})) == [("turn", "be"), ("user", "q")]
    both = [{"role": "system", "content": "be"}, *messages]
    assert told(read(tmp_path, {"system": "be", "messages": both})) == [("turn", "be"), ("user", "q")]


def test_conversations_that_an_object_wraps_are_read(tmp_path: Path) -> None:
    rows = [{"id": n, "messages": [{"role": "user", "content": f"q{n}"}]} for n in (1, 2)]
    events = read_json(tmp_path, {"version": 4, "history": rows, "folders": []})
    assert (told(events), len(sessions(events))) == ([("user", "q1"), ("user", "q2")], 2)
    assert [aside.reason for aside in asides(events)] == ["members around the records"]
