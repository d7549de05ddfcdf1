"""What goes into a pack, and that it never takes more than its budget."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions import packing
from sessions.errors import InvalidInput
from sessions.packing import MIN_TOKENS

from .builders import gaps_of, pack, size, turn

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60),
    st.sampled_from(["short", "数据库必须一致。", "👨‍👩‍👧‍👦🏳️‍🌈", "\n" * 40, '"\\' * 30, "\x01" * 50, "مرحبا"]),
).flatmap(lambda text: st.sampled_from([1, 1, 1, 7, 400]).map(lambda times: text * times))
members = st.dictionaries(
    texts.map(lambda text: text[:40]), st.one_of(texts, st.integers(), st.lists(texts, max_size=2))
)
materials = st.fixed_dictionaries(
    {
        "title": texts,
        "user_id": texts.map(lambda text: text[:255]),
        "summary": texts,
        "preferences": members,
        "active_topics": st.lists(texts, max_size=4).map(tuple),
        "project_context": members,
        "semantic_context": members,
    }
)
turns = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["client_request", "agent_response", "tool_call", "tool_response", "error"]),
            "prompt": texts,
            "response": texts,
            "tool_name": texts.map(lambda text: text[:255]),
            "tool_parameters": st.one_of(st.none(), texts, members),
            "error_message": texts,
        }
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(materials, turns, st.sets(st.integers(1, 12)), st.integers(MIN_TOKENS, 6_000))
def test_it_never_takes_more_than_its_budget(
    material: dict[str, Any], said: list[dict[str, Any]], pins: set[int], max_tokens: int
) -> None:
    all_turns = [turn(place, **fields, pinned=place in pins) for place, fields in enumerate(said, start=1)]
    made = pack(all_turns, max_tokens=max_tokens, pins=sorted(pins), **material)
    assert size(made) <= made.tokens <= max_tokens
    kept = {one.sequence for one in (*made.pinned, *made.latest)}
    assert list(made.gaps) == gaps_of(all_turns, kept)
    assert made == pack(all_turns, max_tokens=max_tokens, pins=sorted(pins), **material)
    # There is a way on as long as something earlier is left, and as long as nothing is there.
    assert bool(made.cursor) == any(not made.latest or gap.first < made.latest[0].sequence for gap in made.gaps)


@pytest.mark.parametrize("max_tokens", [0, -1, MIN_TOKENS - 1, 1_000_001, 2.5, True, "2000", None])
def test_it_refuses_a_budget_that_makes_no_sense(max_tokens: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        pack([], max_tokens=max_tokens)
    assert caught.value.field == "max_tokens"


def test_the_frame_of_the_longest_id_fits_the_least_budget() -> None:
    made = pack([turn(one) for one in range(1, 4)], session_id="0" * 128, user_id="名" * 255, max_tokens=MIN_TOKENS)
    assert size(made) <= MIN_TOKENS
    assert packing.document(made)["session"]["id"] == "0" * 128


def test_it_takes_everything_where_there_is_room() -> None:
    all_turns = [turn(one) for one in range(1, 6)]
    made = pack(all_turns, summary="Where we are", preferences={"language": "de"}, title="Ferries")
    assert list(made.latest) == all_turns
    assert (made.gaps, made.cursor) == ([], "")
    assert made.material.summary == "Where we are"


def test_it_leaves_out_the_oldest_and_says_which() -> None:
    made = pack([turn(one, response="word " * 100) for one in range(1, 100)])
    first = made.latest[0].sequence
    assert made.latest[-1].sequence == 99
    assert [(gap.first, gap.last, gap.count) for gap in made.gaps] == [(1, first - 1, first - 1)]
    assert made.cursor == made.latest[0].id.hex


def test_it_leaves_out_all_of_them_where_the_context_takes_the_room_and_says_how_to_go_on() -> None:
    full: dict[str, Any] = {"title": "标题" * 100, "user_id": "alice"}
    all_turns = [turn(one) for one in range(1, 5)]
    made = pack(all_turns, max_tokens=MIN_TOKENS, **full)
    assert (made.latest, made.cursor, made.gaps) == ([], packing.FROM_THE_END, gaps_of(all_turns, set()))
    assert made.material.title
    # What comes behind it needs no title.
    further = pack(all_turns, max_tokens=MIN_TOKENS, is_first=False, **full)
    assert [one.sequence for one in further.latest] == [2, 3, 4]
    assert (further.cursor, further.material.title) == (further.latest[0].id.hex, "")
    assert pack([], max_tokens=MIN_TOKENS, **full).cursor == ""


def test_it_goes_on_ahead_of_a_turn_that_cannot_be_made_to_fit() -> None:
    all_turns = [turn(1), turn(2, tool_name="工具" * 127)]
    made = pack(all_turns, max_tokens=MIN_TOKENS, is_first=False, session_id="0" * 128, user_id="名" * 90)
    assert (made.latest, made.cursor) == ([], all_turns[1].id.hex)


def test_it_shortens_one_huge_turn_and_keeps_its_neighbours() -> None:
    made = pack([turn(1), turn(2, response="x yz " * 100_000 + "THE END"), turn(3)])
    assert [(one.sequence, one.shortened) for one in made.latest] == [(1, False), (2, True), (3, False)]
    assert "characters left out …]" in made.latest[1].response
    assert made.latest[1].response.endswith("THE END")


def test_it_says_how_much_stands_behind_what_was_fetched() -> None:
    made = pack([turn(1, response="abc " * 3_000, hidden={"response": 5_000_000})])
    assert made.latest[0].shortened
    assert "[… 5,01" in made.latest[0].response.replace("\n", "") or "[… 5,00" in made.latest[0].response


def test_a_pinned_turn_comes_along_from_afar() -> None:
    made = pack([turn(one, response="word " * 100) for one in range(1, 100)], pins=[7, 99])
    assert [one.sequence for one in made.pinned] == [7]
    assert made.latest[-1].sequence == 99
    assert [(gap.first, gap.last) for gap in made.gaps] == [(1, 6), (8, made.latest[0].sequence - 1)]


def test_many_pins_leave_room_for_the_latest() -> None:
    made = pack([turn(one, response="word " * 200) for one in range(1, 100)], pins=range(1, 60))
    assert made.pinned
    assert made.latest[-1].sequence == 99


def test_it_degrades_in_its_order() -> None:
    parts: dict[str, Any] = {
        "summary": "The summary. " * 40,
        "preferences": {f"preference {n}": "value " * 5 for n in range(10)},
        "active_topics": tuple(f"topic {n}" for n in range(40)),
        "project_context": {f"project {n}": "value " * 5 for n in range(10)},
        "semantic_context": {f"meaning {n}": "value " * 5 for n in range(10)},
    }
    rich, poor = pack([turn(1)], max_tokens=8_000, **parts), pack([turn(1)], max_tokens=900, **parts)
    assert rich.members_left_out == {}
    assert poor.material.summary
    assert poor.members_left_out["semantic_context"] == 10
    assert poor.members_left_out.get("preferences", 0) < 10
    assert packing.document(poor)["left_out"]["members"] == poor.members_left_out


def test_a_plugged_in_tokenizer_is_named_and_obeyed() -> None:
    class Bytes:
        name = "bytes"

        def count(self, text: str) -> int:
            return len(text.encode())

    made = packing.assemble(
        packing.Material(session_id="s"),
        pinned=[],
        latest=[turn(one) for one in range(100, 0, -1)],
        gaps=lambda _, latest: gaps_of([turn(one) for one in range(1, 101)], {one.sequence for one in latest}),
        max_tokens=3_000,
        tokenizer=Bytes(),
    )
    assert 2_000 < len(packing.to_json(packing.document(made)).encode()) <= 3_000
    assert packing.document(made)["budget"]["tokenizer"] == "bytes"


def test_its_two_forms_say_the_same() -> None:
    called = turn(2, kind="tool_call", prompt="", response="", tool_name="Bash", tool_parameters={"command": "ls"})
    made = pack([turn(1), called, replace(turn(3), kind="error", error_message="Broken")], title="Ferries", pins=[1])
    document, text = packing.document(made), packing.to_text(made)
    assert document["schema"] == "sessionsite.context-pack.v1"
    assert document["latest"][1] == {
        "sequence": 2,
        "kind": "tool_call",
        "at": "2026-03-01T12:00:02Z",
        "tool_name": "Bash",
        "tool_parameters": {"command": "ls"},
    }
    for said in (
        "# Ferries",
        "request 1",
        'Bash {"command":"ls"}',
        "Error: Broken",
        "### 2 · tool call · 2026-03-01 12:00",
    ):
        assert said in text
    assert json.loads(packing.to_json(document)) == document
