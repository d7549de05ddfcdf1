import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError

from sessionsite.processes import STOP_SIGNALS, SUPERVISOR_VARIABLE
from sessionsite.worker import LONGEST_BACK_OFF_SECONDS, Job, Timetable, run_forever, run_once

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def nothing() -> bool:
    return False


def failing(error: Exception) -> Callable[[], bool]:
    def run() -> bool:
        raise error

    return run


def seconds_until_due(timetable: Timetable, clock: Clock) -> float:
    start = clock.now
    while not timetable.is_due:
        clock.now += 0.5
    return clock.now - start


def test_a_job_runs_on_its_beat() -> None:
    clock = Clock()
    timetable = Timetable(Job("example", 15, nothing), clock=clock)
    assert timetable.is_due
    timetable.attempt()
    assert seconds_until_due(timetable, clock) == 15


def test_a_job_with_more_to_do_is_due_at_once() -> None:
    timetable = Timetable(Job("example", 15, lambda: True), clock=Clock())
    timetable.attempt()
    assert timetable.is_due


def test_a_failing_job_is_tried_ever_more_rarely() -> None:
    clock = Clock()
    timetable = Timetable(Job("example", 1, failing(OperationalError("gone"))), clock=clock)
    waits = []
    for _ in range(9):
        timetable.attempt()
        waits.append(seconds_until_due(timetable, clock))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, LONGEST_BACK_OFF_SECONDS]


def test_a_rare_job_does_not_become_frequent_by_failing() -> None:
    clock = Clock()
    timetable = Timetable(Job("example", 900, failing(OSError("full"))), clock=clock)
    timetable.attempt()
    assert seconds_until_due(timetable, clock) == 900


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[logging.LogRecord]:
    """The worker's log records."""
    records: list[logging.LogRecord] = []
    monkeypatch.setattr(logging.getLogger("sessionsite.worker"), "handle", records.append)
    return records


def test_a_failure_and_its_end_are_logged_without_the_databases_words(events: list[logging.LogRecord]) -> None:
    outcomes = iter([OperationalError("what somebody said"), None])

    def run() -> bool:
        if error := next(outcomes):
            raise error
        return False

    timetable = Timetable(Job("example", 1, run), clock=Clock())
    timetable.attempt()
    timetable.attempt()
    assert [event.getMessage() for event in events] == ["job_failed", "job_recovered"]
    assert vars(events[0])["error"] == "OperationalError"
    assert "somebody" not in str(vars(events[0]))


def test_a_bug_in_a_job_is_logged_with_its_traceback(events: list[logging.LogRecord]) -> None:
    Timetable(Job("example", 1, failing(KeyError("x")))).attempt()
    assert events[0].exc_info


def test_once_runs_everything_that_waits_and_names_what_failed() -> None:
    remaining = [True, True, False]
    jobs = [Job("fine", 1, lambda: remaining.pop(0)), Job("broken", 1, failing(OSError())), Job("last", 1, nothing)]
    assert run_once(jobs) == ["broken"]
    assert remaining == []


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """Puts back the signal handlers of the test run, which outlives the loop."""
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_handlers")
def test_the_loop_survives_errors_and_stops_upon_a_signal() -> None:
    ran: list[float] = []

    def note() -> bool:
        ran.append(time.monotonic())
        return False

    jobs = [Job("broken", 0.1, failing(OperationalError())), Job("fine", 0.1, note)]
    threading.Timer(2.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    start = time.monotonic()
    run_forever(jobs)
    assert 2.4 < time.monotonic() - start < 20
    assert len(ran) >= 2
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN, "a late second signal must change nothing"


@pytest.mark.usefixtures("own_handlers")
def test_the_loop_ends_when_its_supervisor_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setenv(SUPERVISOR_VARIABLE, str(gone.pid))
    run_forever([Job("example", 1, lambda: pytest.fail("ran for nobody"))])
