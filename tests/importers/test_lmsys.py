"""The rows of LMSYS-Chat-1M, WildChat and Chatbot Arena."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .builders import drafts, only, read, sessions, write
from .telling import branches, told

HELLO = {"role": "user", "content": "hello"}
HI = {"role": "assistant", "content": "hi"}
HASH = "bc21d4ca8b4dc99ef1bbf6ed9e2431a0"


def lmsys(**more: Any) -> dict[str, Any]:
    row = {
        "conversation_id": HASH,
        "model": "vicuna-13b",
        "conversation": [HELLO, HI],
        "turn": 1,
        "language": "English",
    }
    return row | {"openai_moderation": [{"flagged": True}, {"flagged": False}], "redacted": False} | more


def wildchat(**more: Any) -> dict[str, Any]:
    answer = HI | {"timestamp": "2023-04-09T00:03:53+00:00", "toxic": True, "language": "English"}
    row = {"conversation_hash": HASH, "model": "gpt-4", "timestamp": "2023-04-09T00:04:53+00:00", "country": "Chile"}
    return row | {"conversation": [HELLO | {"timestamp": None, "toxic": False, "turn_identifier": 1}, answer]} | more


def test_it_reads_a_row_of_lmsys(tmp_path: Path) -> None:
    events = read(tmp_path, lmsys())
    assert told(events) == [("user", "hello"), ("agent", "hi")]
    request, answer = drafts(events)
    assert (request.metadata, answer.metadata, answer.model) == ({"flagged": True}, {}, "vicuna-13b")
    assert (sessions(events)[0].metadata or {})["language"] == "English"


def test_it_reads_a_row_of_wildchat_with_its_times(tmp_path: Path) -> None:
    events = read(tmp_path, wildchat())
    request, answer = drafts(events)
    assert request.occurred_at == answer.occurred_at == datetime(2023, 4, 9, 0, 3, 53, tzinfo=UTC)
    assert (request.metadata, answer.metadata["toxic"]) == ({"turn_identifier": 1}, True)
    assert sessions(events)[0].last_activity_at == datetime(2023, 4, 9, 0, 4, 53, tzinfo=UTC)


def test_an_answers_tokens_are_counted(tmp_path: Path) -> None:
    answer = HI | {"usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    _, found = drafts(read(tmp_path, wildchat(conversation=[HELLO, answer])))
    assert (found.input_tokens, found.output_tokens) == (5, 7)


def test_both_may_name_a_conversation_alike(tmp_path: Path) -> None:
    (one,), (other,) = sessions(read(tmp_path, lmsys())), sessions(read(tmp_path, wildchat()))[:1]
    assert (one.source, other.source) == ("lmsys", "wildchat")
    assert one.session_id != other.session_id


@pytest.mark.parametrize(("winner", "last"), [("model_a", "hi"), ("model_b", "no"), ("tie", "no")])
def test_the_winners_answer_of_an_arena_is_last(tmp_path: Path, winner: str, last: str) -> None:
    other = [HELLO, {**HI, "content": "no"}]
    row = {"question_id": HASH, "model_a": "a", "model_b": "b", "winner": winner, "tstamp": 1.6e9}
    events = read(tmp_path, row | {"conversation_a": [HELLO, HI], "conversation_b": other})
    assert [found[-1] for found in branches(events)] == [last]
    assert {draft.model for draft in drafts(events)} == {"", "a", "b"}


@pytest.mark.parametrize(("row", "name"), [(lmsys(), "lmsys"), (wildchat(), "wildchat")])
def test_it_is_recognised_by_what_names_the_conversation(tmp_path: Path, row: Any, name: str) -> None:
    assert only(write(tmp_path / "rows", row)).format_name == name


def test_a_list_may_be_text_as_tables_keep_it(tmp_path: Path) -> None:
    rows = [lmsys(conversation=json.dumps([HELLO, HI])), wildchat(conversation=json.dumps([HELLO, HI]))]
    for row in rows:
        assert told(read(tmp_path, row)) == [("user", "hello"), ("agent", "hi")]


def test_a_row_that_begins_with_a_damaged_message_is_read(tmp_path: Path) -> None:
    events = read(tmp_path, lmsys(), lmsys(conversation_id="d" * 32, conversation=[{"content": "hm"}, HI]))
    assert told(events)[2:] == [("turn", "hm"), ("agent", "hi")]


def test_two_who_said_the_same_are_two(tmp_path: Path) -> None:
    again = [HELLO | {"timestamp": None, "turn_identifier": 2}, HI]
    events = read(tmp_path, wildchat(), wildchat(conversation=again))
    assert len({session.session_id for session in sessions(events)}) == 2
