"""Interactions per day: the viewer's days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sessions import actions
from sessions.analytics.days import interactions_per_day
from sessions.records import InteractionKind
from tests.builders import log, make_session

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def days(number: int, zone: str) -> dict[date, int]:
    found = interactions_per_day(number, now=NOW, zone=ZoneInfo(zone))
    return {day.date: day.interactions for day in found.days if day.interactions}


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", 30), ("Europe/Berlin", 31), ("Asia/Kolkata", 31), ("Asia/Kathmandu", 31), ("America/New_York", 30)],
)
@pytest.mark.parametrize("counted", [True, False])
def test_a_day_is_the_viewers(zone: str, day: int, counted: bool) -> None:
    log(make_session(), prompt="late", occurred_at=datetime(2026, 3, 30, 22, 1, tzinfo=UTC))
    if counted:
        actions.count_activity()
    assert days(7, zone) == {date(2026, 3, day): 1}


def test_the_day_that_summer_begins_on_has_23_hours() -> None:
    session = make_session()
    for hour in (23, 0, 21, 22):
        day = 28 if hour == 23 else 29
        log(session, prompt="x", occurred_at=datetime(2026, 3, day, hour, 30, tzinfo=UTC))
    assert days(7, "Europe/Berlin") == {date(2026, 3, 29): 3, date(2026, 3, 30): 1}


def test_it_ends_today_and_is_as_long_as_asked_for() -> None:
    session = make_session()
    log(session, prompt="before", occurred_at=NOW - timedelta(days=8))
    log(session, prompt="first", occurred_at=NOW - timedelta(days=6))
    log(session, kind=InteractionKind.ERROR, error_message="no", occurred_at=NOW)
    found = interactions_per_day(7, now=NOW, zone=UTC)
    assert [day.date for day in found.days] == [date(2026, 3, 25) + timedelta(days=n) for n in range(7)]
    assert [day.interactions for day in found.days] == [1, 0, 0, 0, 0, 0, 1]
    assert (found.interactions, found.errors, found.complete) == (2, 1, True)
