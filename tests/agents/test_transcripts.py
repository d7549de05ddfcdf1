"""Conversations in pieces: no longer than was asked for, and never without the way to the rest."""

import json

import pytest

from sessions import agents
from sessions.errors import InvalidInput
from sessions.records import InteractionKind
from tests.builders import log, make_session

from .estate import caller


def long_session(turns: int = 6, characters: int = 600) -> None:
    session = make_session(session_id="one")
    for number in range(1, turns + 1):
        log(session, prompt=f"{number}" * characters)


def test_a_history_keeps_to_its_length_and_goes_on() -> None:
    long_session()
    first = agents.history(caller(), "one", most_characters=1_500)
    assert [one.sequence for one in first.interactions] == [1, 2]
    assert (first.before, first.after) == (None, 2)
    second = agents.history(caller(), "one", after=2, most_characters=1_500)
    assert [one.sequence for one in second.interactions] == [3, 4]
    assert (second.before, second.after) == (3, 4)


def test_a_history_goes_backwards_too() -> None:
    long_session()
    last = agents.history(caller(), "one", before=7, most_characters=1_500)
    assert [one.sequence for one in last.interactions] == [5, 6]
    assert last.before == 5
    assert [one.sequence for one in agents.history(caller(), "one", before=5).interactions] == [1, 2, 3, 4]


def test_what_is_too_long_by_itself_is_cut_and_says_so() -> None:
    session = make_session(session_id="one")
    log(session, prompt="p" * 800, response="r" * 800, tool_parameters=["x" * 800], metadata={"m": "x" * 800})
    (told,) = agents.history(caller(), "one", most_characters=1_000).interactions
    assert (told.prompt, told.response) == ("p" * 800, "r" * 200)
    assert (told.tool_parameters, told.metadata) == ("", {})
    assert told.left_out == {"response": 600, "tool_parameters": 804, "metadata": 809}


def test_all_of_a_history_is_read_by_following_it() -> None:
    long_session(turns=9)
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = agents.history(caller(), "one", after=after, limit=4, most_characters=1_300)
        seen += [one.sequence for one in page.interactions]
        after = page.after
    assert seen == list(range(1, 10))


@pytest.mark.parametrize("form", ["json", "jsonl", "markdown"])
def test_the_stretches_of_an_export_are_the_export(form: str) -> None:
    long_session()
    whole = "".join(agents.export_session(caller(), "one", form=form).chunks)
    told, offset = "", 0
    while True:
        part = agents.export_part(caller(), "one", form=form, offset=offset, most_characters=1_000)
        told += part.content
        if part.next_offset is None:
            break
        offset = part.next_offset
    # When it was exported is another moment each time.
    assert len(told) == len(whole)
    assert told[-500:] == whole[-500:]
    assert part.origin.note


@pytest.mark.parametrize("offset", [10**9, 2**63])
def test_behind_its_end_an_export_is_empty(offset: int) -> None:
    make_session(session_id="one")
    part = agents.export_part(caller(), "one", offset=offset)
    assert (part.content, part.next_offset) == ("", None)


@pytest.mark.parametrize("most", [0, 999, 1_000_001])
def test_it_refuses_a_length_that_makes_no_sense(most: int) -> None:
    make_session(session_id="one")
    for verb in (agents.history, agents.export_part, agents.transcript):
        with pytest.raises(InvalidInput, match="max_characters"):
            verb(caller(), "one", most_characters=most)
    with pytest.raises(InvalidInput, match="offset"):
        agents.export_part(caller(), "one", offset=-1)


def test_a_transcript_ends_between_two_interactions() -> None:
    long_session()
    found = agents.transcript(caller(), "one", most_characters=1_700)
    assert found.after == 2
    assert "2" * 600 in found.text
    assert "333" not in found.text
    assert agents.transcript(caller(), "one").after is None


def test_a_summary_tells_how_it_began_and_ends() -> None:
    session = make_session(session_id="one", source="claude-code")
    log(session, prompt="How do roses grow?")
    for number in range(8):
        log(session, prompt=f"more {number}", kind=InteractionKind.CLIENT_REQUEST)
    told = agents.conversation_summary(caller(), "one")
    assert told.opening == "How do roses grow?"
    assert [turn.prompt for turn in told.latest] == ["more 5", "more 6", "more 7"]
    assert told.session.total_interactions == 9


def test_a_summary_stays_small() -> None:
    session = make_session(session_id="one")
    for _ in range(20):
        log(session, prompt="word " * 5_000, response="word " * 5_000)
    told = agents.conversation_summary(caller(), "one").model_dump(mode="json", exclude_defaults=True)
    assert len(json.dumps(told)) < 12_000
