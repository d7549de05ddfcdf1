"""SillyTavern: swipes as branches, three notations of time, hidden messages, and files that are branches of a chat."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .builders import asides, drafts, only, read, sessions
from .telling import FIXTURES, branches, keys, told

HEADER = {"user_name": "Ada", "character_name": "Eliza", "create_date": "2024-09-20@14h02m00s", "chat_metadata": {}}


def said(text: str, *, is_user: bool = False, **more: Any) -> dict[str, Any]:
    name = "Ada" if is_user else "Eliza"
    return {"name": name, "is_user": is_user, "send_date": "September 20, 2024 2:05pm", "mes": text, **more}


def test_replies_are_branches_and_the_one_taken_is_the_last(tmp_path: Path) -> None:
    swiped = said("b", swipes=["a", "b", "c"], swipe_id=1, swipe_info=[{"extra": {"model": "m"}}, {}, {}])
    events = read(tmp_path, HEADER, said("hello", is_user=True), swiped, said("go on", is_user=True))
    assert branches(events) == [("a", "c", "b")]
    request, first, _, taken, following = drafts(events)
    assert first.model == "m"
    assert taken.metadata["swipe"] == 1
    assert following.parent_key == taken.idempotency_key
    assert request.prompt == "hello"


@pytest.mark.parametrize(
    ("told_time", "expected"),
    [
        ("September 20, 2024 2:05pm", datetime(2024, 9, 20, 14, 5, tzinfo=UTC)),
        ("Sep 20, 2024 12:05am", datetime(2024, 9, 20, 0, 5, tzinfo=UTC)),
        ("2024-9-20 @14h 5m 6s 7ms", datetime(2024, 9, 20, 14, 5, 6, 7000, UTC)),
        ("2024-09-20@14h05m06s", datetime(2024, 9, 20, 14, 5, 6, tzinfo=UTC)),
        ("2024-09-20T14:05:06Z", datetime(2024, 9, 20, 14, 5, 6, tzinfo=UTC)),
        (1726841106000, datetime(2024, 9, 20, 14, 5, 6, tzinfo=UTC)),
    ],
)
def test_it_takes_times_in_all_notations(tmp_path: Path, told_time: Any, expected: datetime) -> None:
    (draft,) = drafts(read(tmp_path, HEADER, said("hi", send_date=told_time)))
    assert draft.occurred_at == expected


@pytest.mark.parametrize("told_time", ["Smarch 1, 2024 2:05pm", "2024-13-99@99h99m99s", None, [], "yesterday"])
def test_an_unreadable_time_is_that_of_the_chat(tmp_path: Path, told_time: Any) -> None:
    events = read(tmp_path, HEADER, said("hi", send_date=told_time))
    assert sessions(events)[0].created_at == datetime(2024, 9, 20, 14, 2, tzinfo=UTC)
    assert len(drafts(events)) == 1


def test_hidden_messages_are_kept_and_marked(tmp_path: Path) -> None:
    narrated = said("Night falls.", is_system=True, extra={"type": "narrator"})
    hidden = said("psst", is_user=True, is_system=True)
    events = read(tmp_path, HEADER, hidden, narrated)
    assert told(events) == [("user", "psst"), ("turn", "Night falls.")]
    assert [draft.metadata["hidden"] for draft in drafts(events)] == [True, True]


def test_it_reads_reasoning_model_tokens_and_duration(tmp_path: Path) -> None:
    extra = {"reasoning": "Hm.", "model": "gpt-4o", "token_count": 3}
    times: dict[str, Any] = {"gen_started": "2024-09-20T14:05:00Z", "gen_finished": "2024-09-20T14:05:04Z"}
    (draft,) = drafts(read(tmp_path, HEADER, said("hi", extra=extra, **times)))
    assert (draft.reasoning, draft.model, draft.output_tokens, draft.execution_time_ms) == ("Hm.", "gpt-4o", 3, 4000)


def test_it_reads_calls_of_tools_and_files(tmp_path: Path) -> None:
    invocation = {"id": "c1", "name": "roll", "parameters": '{"sides": 6}', "result": "4"}
    events = read(
        tmp_path,
        HEADER,
        said("", is_system=True, extra={"tool_invocations": [invocation]}),
        said("look", is_user=True, extra={"image": "a.png"}),
    )
    call, result, request = drafts(events)
    assert (call.tool_name, call.tool_parameters, result.response) == ("roll", {"sides": 6}, "4")
    assert request.metadata["attachments"] == [{"type": "image", "url": "a.png"}]


def test_a_longer_version_adds_what_is_new(tmp_path: Path) -> None:
    lines = [HEADER, said("hello", is_user=True), said("hi")]
    shorter = read(tmp_path, *lines)
    swiped = said("hey", swipes=["hi", "hey"], swipe_id=1)
    longer = read(tmp_path, HEADER, lines[1], swiped, said("more", is_user=True))
    assert keys(shorter) < keys(longer)


def test_a_branch_in_a_file_of_its_own_is_a_branch_of_its_chat(tmp_path: Path) -> None:
    beginning = [HEADER, said("hello", is_user=True), said("hi")]
    chat = read(tmp_path, *beginning, said("one way", is_user=True))
    branch = read(tmp_path, *beginning, said("another", is_user=True))
    assert sessions(chat)[0].session_id == sessions(branch)[0].session_id
    assert [draft.parent_key for draft in drafts(chat)] == [draft.parent_key for draft in drafts(branch)]
    assert len(keys(chat) & keys(branch)) == 2


def test_it_sets_aside_what_is_neither_header_nor_message(tmp_path: Path) -> None:
    events = read(tmp_path, HEADER, said("hi"), {"note": 1})
    assert [aside.reason for aside in asides(events)] == ["neither header nor message"]


def test_it_reads_chats_made_of_real_replies() -> None:
    events = list(only(FIXTURES / "sillytavern" / "st-swipes-3.jsonl").read())
    assert [len(found) for found in branches(events)] == [3, 2]
    assert sessions(events)[0].title == "Assistant"


def test_a_message_that_lacks_something_is_still_one(tmp_path: Path) -> None:
    silent = said("a") | {"mes": None}
    nameless = said("b")
    del nameless["is_user"]
    assert told(read(tmp_path, said("q", is_user=True), silent, nameless)) == [
        ("user", "q"),
        ("agent", ""),
        ("agent", "b"),
    ]
