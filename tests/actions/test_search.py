"""Finding what was said."""

from sessions import actions
from tests.builders import ALICE, log, make_session


def found(text: str) -> list[tuple[str, int]]:
    """Session and sequence of each hit, in their order; 0 for a session's own texts."""
    return [(hit.session.pk, hit.interaction.sequence if hit.interaction else 0) for hit in actions.search(text).hits]


def test_it_finds_what_was_just_said() -> None:
    session = make_session()
    log(session, prompt="the kiln overheats", response="check the thermocouple")
    assert found("thermocouple") == [(session.pk, 1)]
    assert found("kiln -thermocouple") == []
    assert found('"kiln overheats"') == [(session.pk, 1)]
    assert found('"overheats kiln"') == []
    assert found("therm*") == [(session.pk, 1)]
    assert found("user:alice kiln") == [(session.pk, 1)]
    assert found("user:bob kiln") == []
    page = actions.search("Thermocouple")
    assert [(p.text, p.found) for p in page.hits[0].snippet.pieces] == [("check the ", False), ("thermocouple", True)]
    actions.trash_session(session.pk, actor=ALICE)
    assert found("thermocouple") == [(session.pk, 1)]
    actions.purge_session(session.pk, actor=ALICE)
    assert found("thermocouple") == []


def test_it_finds_a_users_sessions_by_the_id_that_was_merged_away() -> None:
    make_session(user_id="alice")
    session = make_session(user_id="bob")
    log(session, prompt="the kiln overheats")
    actions.merge_users("alice", absorbed="bob", actor=ALICE)
    assert found("user:bob kiln") == found("user:alice kiln") == [(session.pk, 1)]
