"""What runs by the clock."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from sessions import actions
from sessions.actions import schedules
from sessions.models import AuditEvent, CleanupRun, Schedule, Session
from sessions.records import Actor, Face
from tests.builders import make_session

CLOCK = Actor("scheduler", Face.SCHEDULE)


def make_due(**fields: object) -> None:
    values = {"next_run_at": timezone.now() - timedelta(minutes=1), **fields}
    Schedule.objects.update_or_create(name=actions.CLEANUP, defaults=values)


def run() -> int:
    return actions.run_due_schedules(CLOCK)


def test_it_waits_for_the_first_night() -> None:
    make_session(idle_days=30)
    assert run() == 0
    schedule = Schedule.objects.get(pk=actions.CLEANUP)
    assert schedule.next_run_at is not None
    assert timezone.now() < schedule.next_run_at <= timezone.now() + timedelta(days=1)
    assert schedule.next_run_at.hour == schedules.NIGHT_HOUR_UTC


def test_it_runs_once_and_notes_the_outcome() -> None:
    make_session(idle_days=30)
    make_session()
    make_due()
    assert [run(), run()] == [1, 0]
    schedule = Schedule.objects.get(pk=actions.CLEANUP)
    assert (schedule.last_result["trashed"], schedule.last_error, schedule.running_since) == (1, "", None)
    assert schedule.last_finished_at is not None
    assert schedule.next_run_at is not None
    assert schedule.next_run_at > timezone.now()
    assert Session.objects.trashed().count() == 1


def test_many_workers_run_it_once() -> None:
    make_due()
    ran: list[int] = []
    barrier = threading.Barrier(6)

    def work() -> None:
        try:
            barrier.wait()
            ran.append(run())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(ran) == 1
    assert len(ran) == 6


def test_a_run_that_died_is_tried_again_after_its_lease() -> None:
    make_session(idle_days=30)
    make_session()
    now = timezone.now()
    make_due(running_since=now - timedelta(minutes=50), next_run_at=now + timedelta(hours=20))
    assert run() == 0
    make_due(running_since=now - timedelta(minutes=70), next_run_at=now + timedelta(hours=20))
    assert run() == 1
    assert Session.objects.trashed().count() == 1


def test_the_brake_stops_it_and_is_noted() -> None:
    now = timezone.now() - timedelta(days=30)
    Session.objects.bulk_create(
        Session(session_id=f"s{n}", last_activity_at=now, settled_at=now, created_at=now) for n in range(30)
    )
    make_due()
    assert run() == 1
    schedule = Schedule.objects.get(pk=actions.CLEANUP)
    assert "30 of 30" in schedule.last_error
    assert schedule.running_since is None
    assert Session.objects.trashed().count() == 0
    assert AuditEvent.objects.get(verb="cleanup_stopped").details == {"planned": 30}
    stopped = CleanupRun.objects.get()
    assert (stopped.planned, stopped.done, stopped.skipped, stopped.face) == (30, 0, 0, "schedule")
    assert "30 of 30" in stopped.stopped


@pytest.mark.parametrize("days", [0, -7, None, "seven"])
def test_a_bad_setting_deletes_nothing_and_is_noted(days: object, settings: Settings) -> None:
    make_session(idle_days=30)
    make_due()
    settings.SESSIONSITE_EXPIRE_DAYS = days
    assert run() == 1
    assert "nothing was touched" in Schedule.objects.get(pk=actions.CLEANUP).last_error
    assert Session.objects.trashed().count() == 0


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (datetime(2026, 3, 1, 2, 59, tzinfo=UTC), datetime(2026, 3, 1, 3, tzinfo=UTC)),
        (datetime(2026, 3, 1, 3, tzinfo=UTC), datetime(2026, 3, 2, 3, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, 3, tzinfo=UTC)),
    ],
)
def test_it_comes_every_night(now: datetime, then: datetime) -> None:
    assert schedules._next_run(now) == then
