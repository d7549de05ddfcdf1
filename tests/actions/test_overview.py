"""The store at a glance."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sessions import actions
from sessions.errors import InvalidInput
from sessions.models import Session
from tests.builders import ALICE, make_session


def furnish() -> None:
    for name, days in (("new", 0.5), ("soon", 6), ("sooner", 6.5), ("held", 6.2), ("old", 9), ("gone", 9)):
        make_session(session_id=name, idle_days=days, user_id=f"user-{name}")
    actions.hold_session("held", actor=ALICE)
    actions.trash_session("gone", actor=ALICE)


def names(sessions: object) -> list[str]:
    return [session.pk for session in sessions]  # type: ignore[attr-defined]


def test_it_counts_what_is_where_in_its_life() -> None:
    furnish()
    absorbed = make_session(turns=1)
    actions.merge_sessions("new", absorbed=absorbed.pk, actor=ALICE)
    counts = actions.state_counts()
    assert (counts.active, counts.expiring, counts.expired, counts.held, counts.trashed) == (4, 2, 1, 1, 1)
    assert counts.total == 6


def test_it_counts_nothing_in_an_empty_store() -> None:
    assert actions.state_counts() == actions.StateCounts(0, 0, 0, 0, 0)


def test_it_lists_what_expires_next_and_leaves_out_what_is_held() -> None:
    furnish()
    first = actions.list_expiring(limit=1)
    assert names(first.sessions) == ["sooner"]
    second = actions.list_expiring(limit=1, cursor=first.next_cursor)
    assert (names(second.sessions), second.next_cursor) == (["soon"], "")


def test_it_pages_through_the_trash_latest_first() -> None:
    now = timezone.now()
    Session.objects.bulk_create([Session(pk=f"s{n}", trashed_at=now - timedelta(minutes=n // 2)) for n in range(5)])
    seen, cursor = [], ""
    while True:
        page = actions.list_trash(cursor=cursor, limit=2)
        seen += names(page.sessions)
        if not (cursor := page.next_cursor):
            break
    assert seen == ["s1", "s0", "s3", "s2", "s4"]


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4IiwgInkiXQ", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsICIuLi94Il0"])
def test_it_refuses_a_cursor_that_is_none(cursor: str) -> None:
    for asked in (actions.list_trash, actions.list_expiring):
        with pytest.raises(InvalidInput):
            asked(cursor=cursor)


def test_it_tells_who_is_active_and_what_is_new() -> None:
    make_session(session_id="first", turns=3, user_id="alice")
    make_session(session_id="second", turns=1, user_id="bob")
    make_session(session_id="third", turns=1, user_id="alice")
    Session.objects.filter(pk="first").update(last_activity_at=timezone.now())
    seen = actions.glance(limit=2)
    assert names(seen.latest) == ["first", "third"]
    assert names(seen.newest) == ["third", "second"]
    assert [(user.user_id, user.sessions, user.interactions) for user in seen.users] == [("alice", 2, 4), ("bob", 1, 1)]
    assert seen.looked_at == 3
