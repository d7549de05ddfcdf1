"""Comparing the copies: what differs is found among any number of sessions, and what is alike costs little."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.mirror import journal, verify
from sessions.mirror.layout import Layout
from sessions.models import Interaction, Merge, Session, SessionTag
from tests.builders import ALICE, make_session

from .disk import findings, journal_of


def retitle(session_id: str) -> None:
    Session.objects.filter(pk=session_id).update(title="other")


def reword(session_id: str) -> None:
    Interaction.objects.filter(session=session_id, sequence=2).update(response="other")


def drop(session_id: str) -> None:
    Interaction.objects.filter(session=session_id, sequence=2).unordered_delete()


def retag(session_id: str) -> None:
    SessionTag.objects.filter(session=session_id).update(name="other")


def cut(session_id: str) -> None:
    path = journal_of(session_id)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))


def rejuvenate(session_id: str) -> None:
    session = Session.objects.get(pk=session_id)
    Session.objects.filter(pk=session_id).update(last_activity_at=session.last_activity_at.replace(year=2030))


HARMS: list[tuple[Callable[[str], None], str, str]] = [
    (retitle, "differs", "The journal and the row tell the session itself differently."),
    (rejuvenate, "differs", "The journal and the row tell the session itself differently."),
    (retag, "differs", "The journal and the row tell the session itself differently."),
    (reword, "differs", "The journal and the row tell interaction 2 differently"),
    (drop, "differs", "The row lacks an interaction of the journal"),
    (cut, "behind", "The journal lacks what the row has beyond revision"),
]


def furnish() -> None:
    """Sessions that are looked at together, "b" among them, and "m", which absorbed one and is looked at alone."""
    make_session(session_id="a", turns=2)
    for name in ("b", "m"):
        make_session(session_id=name, turns=3, tags=["t"], title="T")
    make_session(session_id="c", turns=1)
    make_session(session_id="d", turns=2)
    actions.merge_sessions("m", absorbed="d", actor=ALICE)
    assert findings() == []


@pytest.mark.parametrize("harmed", ["b", "m"], ids=["at once", "alone"])
@pytest.mark.parametrize(("harm", "kind", "reason"), HARMS, ids=[harm.__name__ for harm, _, _ in HARMS])
def test_what_differs_is_found_and_nothing_else(
    harm: Callable[[str], None], kind: str, reason: str, harmed: str
) -> None:
    furnish()
    harm(harmed)
    [found] = findings()
    assert (found.key, found.kind) == (harmed, kind)
    assert found.reason.startswith(reason)


def test_a_merge_that_the_copies_tell_differently_is_found() -> None:
    furnish()
    Merge.objects.filter(survivor_id="m").update(merged_by="other")
    [found] = findings()
    assert (found.key, found.kind) == ("m", "differs")
    assert found.reason == "The journal and the database tell the session's merges differently."


def test_more_sessions_that_are_alike_cost_no_more_queries() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert findings() == []
        return len(captured)

    # All of them in one folder: each folder's names are asked for.
    for number in range(3):
        make_session(session_id=f"aa{number}", turns=2, tags=["t"])
    few = queries()
    for number in range(3, 12):
        make_session(session_id=f"aa{number}", turns=2, tags=["t"])
    assert queries() == few


def test_only_what_differs_or_is_long_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[str] = []
    hold = journal.hold

    def noted(layout: Layout, key: str) -> AbstractContextManager[None]:
        locked.append(key)
        return hold(layout, key)

    for name in ("alike", "differs", "empty"):
        make_session(session_id=name, turns=0 if name == "empty" else 2)
    make_session(session_id="long", turns=1, metadata={"m": "x" * 100_000})
    make_session(session_id="many", turns=3)
    retitle("differs")
    monkeypatch.setattr(verify, "_MOST_AT_ONCE", 2)
    monkeypatch.setattr(journal, "hold", noted)
    assert [found.key for found in findings()] == ["differs"]
    assert locked == ["differs", "long", "many"]


def test_a_note_from_before_its_editors_were_named_tells_the_same() -> None:
    session = make_session()
    note = actions.add_note(session.pk, "before", actor=ALICE)
    row = Session.objects.get(pk=session.pk)
    del row.notes[0]["edited_by"]
    Session.objects.filter(pk=session.pk).update(notes=row.notes)
    assert findings() == []
    assert actions.edit_note(session.pk, note.id, "after", actor=ALICE).edited_by == ALICE.name
    assert findings() == []
