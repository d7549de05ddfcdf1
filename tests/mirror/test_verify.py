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


def remerge(session_id: str) -> None:
    Merge.objects.filter(survivor_id=session_id).update(merged_by="other")


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
    (remerge, "differs", "The journal and the database tell the session's merges differently."),
    (cut, "behind", "The journal lacks what the row has beyond revision"),
]


def furnish() -> str:
    """Three sessions and an absorbed one; the ID of the one that has everything."""
    make_session(session_id="a", turns=2)
    make_session(session_id="b", turns=3, tags=["t"], title="T")
    make_session(session_id="c", turns=1)
    make_session(session_id="d", turns=2)
    actions.merge_sessions("b", absorbed="d", actor=ALICE)
    assert findings() == []
    return "b"


@pytest.mark.parametrize("most_at_once", [1_000, 0], ids=["at once", "one by one"])
@pytest.mark.parametrize(("harm", "kind", "reason"), HARMS, ids=[harm.__name__ for harm, _, _ in HARMS])
def test_what_differs_is_found_and_nothing_else(
    harm: Callable[[str], None], kind: str, reason: str, most_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_MOST_AT_ONCE", most_at_once)
    harmed = furnish()
    harm(harmed)
    [found] = findings()
    assert (found.key, found.kind) == (harmed, kind)
    assert found.reason.startswith(reason)


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


def test_only_what_differs_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[str] = []
    hold = journal.hold

    def noted(layout: Layout, key: str) -> AbstractContextManager[None]:
        locked.append(key)
        return hold(layout, key)

    harmed = furnish()
    retitle(harmed)
    monkeypatch.setattr(journal, "hold", noted)
    assert findings() != []
    assert locked == [harmed]
