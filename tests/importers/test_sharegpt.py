"""ShareGPT's rows: who speaks under `from`, calls as JSON in a string, chosen and rejected answers."""

from pathlib import Path
from typing import Any

import pytest

from .builders import drafts, only, read, sessions
from .telling import FIXTURES, branches, read_json, told


def said(speaker: str, value: Any) -> dict[str, Any]:
    return {"from": speaker, "value": value}


HELLO, HI = said("human", "hello"), said("gpt", "hi")


def test_it_reads_rows_as_lines_and_as_documents(tmp_path: Path) -> None:
    row = {"id": "a-long-enough-id-1", "system": "Be brief.", "conversations": [HELLO, HI], "tools": '[{"name": "ls"}]'}
    expected = [("turn", "Be brief."), ("user", "hello"), ("agent", "hi")]
    assert told(read(tmp_path, row)) == told(read_json(tmp_path, [row])) == expected
    (session,) = sessions(read(tmp_path, row))
    assert (session.session_id, session.metadata) == ("a-long-enough-id-1", {"tools": [{"name": "ls"}]})


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (said("system", "Be brief."), ("turn", "Be brief.")),
        (said("chatgpt", "hi"), ("agent", "hi")),
        (said("bing", "hi"), ("agent", "hi")),
        (said("user", "hello"), ("user", "hello")),
        (said("function_call", '{"name": "ls", "arguments": {"path": "."}}'), ("call", "ls")),
        (said("function_call", '{"name": "ls", "arguments": "{}"}'), ("call", "ls")),
        (said("function_call", "ls -l"), ("call", "")),
        (said("observation", "a.py"), ("result", "a.py")),
        (said("tool", '{"a": 1}'), ("result", '{"a": 1}')),
        (said("narrator", "Night falls."), ("turn", "Night falls.")),
        (said("human", None), ("user", "")),
        ({"role": "assistant", "content": "hi"}, ("agent", "hi")),
    ],
)
def test_it_reads_turns_of_all_kinds(tmp_path: Path, turn: Any, expected: tuple[str, str]) -> None:
    assert told(read(tmp_path, {"conversations": [HELLO, turn]}))[1:] == [expected]


def test_a_result_is_that_of_the_call_before(tmp_path: Path) -> None:
    call = said("function_call", '[{"name": "ls", "arguments": {}}, {"name": "cat", "arguments": {"f": "a"}}]')
    events = read(tmp_path, {"conversations": [HELLO, call, said("observation", "a"), said("observation", "b")]})
    assert [draft.tool_name for draft in drafts(events)] == ["", "ls", "cat", "ls", "cat"]
    assert drafts(events)[2].tool_parameters == {"f": "a"}


def test_what_is_no_call_is_kept_as_it_is(tmp_path: Path) -> None:
    *_, call = drafts(read(tmp_path, {"conversations": [HELLO, said("function_call", "ls -l")]}))
    assert call.tool_parameters == "ls -l"


@pytest.mark.parametrize("answers", [(HI, said("gpt", "no")), ([HI], [said("gpt", "no")]), ("hi", "no")])
def test_chosen_and_rejected_are_branches_and_the_chosen_is_last(tmp_path: Path, answers: tuple[Any, Any]) -> None:
    events = read(tmp_path, {"conversations": [HELLO], "chosen": answers[0], "rejected": answers[1]})
    assert branches(events) == [("no", "hi")]
    assert [draft.metadata.get("preference") for draft in drafts(events)] == [None, "rejected", "preferred"]


def test_it_reads_rows_made_by_others() -> None:
    events = list(only(FIXTURES / "sharegpt" / "hiyouga__glaive_toolcall_en_demo.first3.json").read())
    assert len(sessions(events)) == 3
    assert ("call", "search_recipes") in told(events)


def test_a_row_that_begins_with_a_damaged_turn_is_read(tmp_path: Path) -> None:
    whole = {"conversations": [said("human", "q")]}
    events = read(tmp_path, whole, {"conversations": [{"value": "who"}, None, said("gpt", "a")]})
    assert told(events) == [("user", "q"), ("turn", "who"), ("turn", ""), ("agent", "a")]
