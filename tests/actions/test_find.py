"""Finding sessions and interactions."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from sessions import actions
from sessions.actions import SessionFilters
from sessions.errors import InvalidInput
from sessions.models import Session
from tests.builders import ALICE, make_idle, make_session


def found(cursor: str = "", limit: int = 50, **filters: Any) -> list[str]:
    return [one.pk for one in actions.list_sessions(SessionFilters(**filters), cursor=cursor, limit=limit).sessions]


def pages(limit: int, **filters: Any) -> list[list[str]]:
    result, cursor = [], ""
    while True:
        page = actions.list_sessions(SessionFilters(**filters), cursor=cursor, limit=limit)
        result.append([one.pk for one in page.sessions])
        cursor = page.next_cursor
        if not cursor:
            return result


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def test_it_lists_by_state() -> None:
    active, expired, held, trashed, merged = (make_session(session_id=name) for name in "aehtm")
    make_idle(expired, 30)
    actions.hold_session(held.pk, actor=ALICE)
    actions.trash_session(trashed.pk, actor=ALICE)
    actions.merge_sessions(active.pk, absorbed=merged.pk, actor=ALICE)
    assert set(found(state="active")) == {"a", "h"}
    assert found(state="expired") == ["e"]
    assert found(state="held") == ["h"]
    assert found(state="trashed") == ["t"]
    assert found(state="merged") == ["m"]
    assert set(found(state="all")) == set("aehtm")
    with pytest.raises(InvalidInput):
        found(state="asleep")


def test_it_narrows_by_every_filter() -> None:
    make_session(session_id="x", user_id="bob", source="mcp", tags=["t", "u"])
    make_idle(make_session(session_id="y"), 3)
    day_ago = timezone.now() - timedelta(days=1)
    assert found(user_id="bob") == found(source="mcp") == found(tag="t") == found(active_since=day_ago) == ["x"]
    assert found(active_before=day_ago) == ["y"]
    assert found(user_id="bob", tag="none") == []
    assert set(actions.known_sources()) == {"mcp"}


@pytest.mark.parametrize(
    "filters",
    [
        {"user_id": "\0"},
        {"source": "\ud800"},
        {"tag": "x" * 300},
        {"active_since": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"active_before": datetime(1, 1, 1, tzinfo=UTC)},
    ],
)
def test_it_refuses_what_no_session_can_have(filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        found(**filters)
    assert caught.value.field in filters


def test_it_pages_through_everything_once() -> None:
    names = {make_session().pk for _ in range(11)}
    Session.objects.update(last_activity_at=timezone.now())
    result = pages(4)
    assert [len(page) for page in result] == [4, 4, 3]
    assert {name for page in result for name in page} == names


def test_pages_stay_as_they_are_under_inserts() -> None:
    for number in range(6):
        make_idle(make_session(), number / 10)
    before = pages(2)
    first = actions.list_sessions(SessionFilters(), limit=2)
    make_session()
    make_session()
    assert found(cursor=first.next_cursor, limit=2) == before[1]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ä",
        "====",
        forged(),
        forged("2026-01-01T00:00:00+00:00"),
        forged("2026-01-01T00:00:00", "a"),
        forged("2026-01-01T00:00:00+00:00", "../x"),
        forged("2026-01-01T00:00:00+00:00", 5),
        forged("0001-01-01T00:00:00+14:00", "a"),
        forged("9999-12-31T23:59:59-14:00", "a"),
        forged(5, "a"),
        forged("2026-01-01T00:00:00+00:00", "a", "b"),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "A" * 100_000,
    ],
)
def test_it_refuses_a_foreign_cursor(cursor: str) -> None:
    make_session()
    with pytest.raises(InvalidInput) as caught:
        found(cursor=cursor)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_it_refuses_a_limit_that_makes_no_page(limit: int) -> None:
    with pytest.raises(InvalidInput):
        found(limit=limit)
    with pytest.raises(InvalidInput):
        actions.list_interactions("x", limit=limit)


def test_it_pages_through_interactions_both_ways() -> None:
    session = make_session(turns=7)

    def sequences(**place: Any) -> tuple[list[int], int | None, int | None]:
        page = actions.list_interactions(session.pk, limit=3, **place)
        return [row.sequence for row in page.interactions], page.before, page.after

    assert sequences() == ([1, 2, 3], None, 3)
    assert sequences(after=3) == ([4, 5, 6], 4, 6)
    assert sequences(after=6) == ([7], 7, None)
    assert sequences(before=8) == ([5, 6, 7], 5, 7)
    assert sequences(before=3) == ([1, 2], None, 2)
    assert sequences(after=7) == ([], None, None)
    assert sequences(after=2**70) == ([], None, None)


def test_a_list_costs_the_same_however_long_it_is(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        make_session(tags=["t"])
    with django_assert_num_queries(2):
        found()
    for _ in range(20):
        make_session(tags=["t"])
    with django_assert_num_queries(2):
        found()
