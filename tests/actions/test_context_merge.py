"""What has to be decided where sessions differ, and what becomes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.actions.context_merge import BOTH, CONTEXT_FIELDS, Question, merged, questions, unmerged
from sessions.records import Note, SessionRecord, new_interaction_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(name: str, **fields: Any) -> SessionRecord:
    return SessionRecord(session_id=name, created_at=NOON, last_activity_at=NOON, **fields)


def ask(*records: SessionRecord) -> dict[str, Question]:
    return {f"{one.field}.{one.key}".rstrip("."): one for one in questions(records)}


def keeps(question: Question) -> list[str]:
    return [option.keep for option in question.options]


def test_it_asks_nothing_where_all_agree_or_only_one_says_something() -> None:
    same: dict[str, Any] = {"title": "T", "tags": ["t"], "metadata": {"k": 1}}
    a = record("a", **same)
    b = record("b", **same, context_summary="only b", active_topics=["x"], user_preferences={"only": "b"})
    assert questions([a, b, record("c")]) == []


def test_it_asks_once_for_each_field_and_key_in_which_they_differ() -> None:
    a = record("a", title="A", user_id="alice", metadata={"k": 1, "same": 0})
    b = record("b", title="B", user_id="bob", metadata={"k": 2, "same": 0, "only": 1})
    c = record("c", title="A", user_id="bob", source="mcp", metadata={"k": None})
    asked = ask(a, b, c)
    assert set(asked) == {"title", "user_id", "metadata.k"}
    assert keeps(asked["title"]) == ["a", "b"]
    assert [list(option.holders) for option in asked["title"].options] == [["a", "c"], ["b"]]
    assert keeps(asked["metadata.k"]) == ["a", "b", "c"]
    assert {one.default for one in asked.values()} == {"a"}


def test_what_can_be_joined_offers_both_and_lists_prefer_it() -> None:
    a = record("a", context_summary="A", active_topics=["x"], metadata={"l": [1]}, tags=["t", "u"])
    b = record("b", context_summary="B", active_topics=["y"], metadata={"l": [2]}, tags=["u", "t"])
    asked = ask(a, b)
    assert set(asked) == {"context_summary", "active_topics", "metadata.l"}
    assert [one.options[-1].keep for one in asked.values()] == [BOTH] * 3
    assert [one.options[-1].value for one in asked.values()] == ["A\n\nB", ["x", "y"], [1, 2]]
    assert [one.default for one in asked.values()] == ["a", BOTH, "a"]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({}, ("A", "A", ["x", "y"], {"k": 1, "a": 1, "b": 1})),
        ({"title": "b", "user_preferences": {"k": "b"}}, ("B", "A", ["x", "y"], {"k": 2, "a": 1, "b": 1})),
        ({"context_summary": BOTH, "active_topics": "a"}, ("A", "A\n\nB", ["x"], {"k": 1, "a": 1, "b": 1})),
        ({"title": BOTH, "active_topics": "b"}, ("A", "A", ["y"], {"k": 1, "a": 1, "b": 1})),
    ],
)
def test_a_choice_decides(choices: dict[str, Any], expected: tuple[Any, ...]) -> None:
    a = record("a", title="A", context_summary="A", active_topics=["x"], user_preferences={"k": 1, "a": 1})
    b = record("b", title="B", context_summary="B", active_topics=["y"], user_preferences={"k": 2, "b": 1})
    result = merged(a, b, choices)
    assert (result.title, result.context_summary, list(result.active_topics), result.user_preferences) == expected


def test_a_value_that_only_one_has_is_kept_whatever_was_chosen() -> None:
    a, b = record("a", title="A", tags=["t"]), record("b", context_summary="B")
    result = merged(a, b, {"title": "b", "tags": "b", "context_summary": "a"})
    assert (result.title, result.tags, result.context_summary) == ("A", ["t"], "B")


def test_notes_and_pins_of_all_are_kept() -> None:
    notes = [Note(id=new_interaction_id(), text=f"{n}", author="x", written_at=NOON + timedelta(n)) for n in range(3)]
    pins = [new_interaction_id() for _ in range(3)]
    result = merged(
        record("a", notes=[notes[0], notes[2]], pins=pins[:2]), record("b", notes=[notes[1]], pins=pins[1:]), {}
    )
    assert (result.notes, result.pins) == (notes, pins)


words = st.sampled_from(["", "x", "y"])
lists = st.lists(st.sampled_from("xyz"), max_size=2, unique=True)
objects = st.dictionaries(st.sampled_from("kl"), st.sampled_from([None, "", 1, [1], [2], "x"]), max_size=2)
contents = st.fixed_dictionaries(
    {
        field: lists if field in ("active_topics", "tags") else words if field in CONTEXT_FIELDS[:4] else objects
        for field in CONTEXT_FIELDS
    }
)
answers = st.sampled_from(["", "a", "b", "c", BOTH])
decisions = st.fixed_dictionaries(
    {
        field: answers if field in CONTEXT_FIELDS[:6] else st.dictionaries(st.sampled_from("kl"), answers)
        for field in CONTEXT_FIELDS
    }
)


@given(contents, contents, contents, decisions)
def test_taking_back_what_was_just_merged_leaves_nothing_of_it(a: Any, b: Any, c: Any, decided: Any) -> None:
    start = replace(record("a", **a), tags=sorted(a["tags"]))
    first = merged(start, record("b", **b), decided)
    second = merged(first, record("c", **c), decided)
    assert unmerged(second, first, second) == first
    assert unmerged(first, start, first) == start


@given(contents, contents, decisions)
def test_a_question_that_was_answered_gives_what_its_option_shows(a: Any, b: Any, decided: Any) -> None:
    records = [record("a", **a), record("b", **b)]
    for question in questions(records):
        for option in question.options:
            choices: Any = {question.field: {question.key: option.keep} if question.key else option.keep}
            value = getattr(merged(records[0], records[1], choices), question.field)
            value = value[question.key] if question.key else value
            shown = option.value
            assert (set(value) == set(shown)) if question.field in ("active_topics", "tags") else value == shown
