"""The background loop: jobs that run every so often, in one thread, for as long as the site lives."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from sessionsite.processes import StopSignals, orphaned

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
LONGEST_BACK_OFF_SECONDS = 60.0

type Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `every_seconds`. `run` returns whether more of it waits, to be called at once."""

    name: str
    every_seconds: float
    run: Callable[[], bool]


class Timetable:
    """When a job runs next: on its beat, and ever more rarely while it fails."""

    def __init__(self, job: Job, *, clock: Clock = time.monotonic) -> None:
        self.job = job
        self.failures = 0
        self._clock = clock
        self._due_at = clock()

    @property
    def is_due(self) -> bool:
        return self._clock() >= self._due_at

    def attempt(self) -> None:
        """Run the job once and put down its next time.

        Nothing that a job raises ends the loop: a worker that dies takes the whole site down.
        """
        try:
            more_waits = self.job.run()
        except Exception as error:  # noqa: BLE001
            self._failed(error)
            return
        if self.failures:
            log.info("job_recovered", extra={"job": self.job.name, "failures": self.failures})
        self.failures = 0
        self._due_at = self._clock() + (0 if more_waits else self.job.every_seconds)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        delay = max(self.job.every_seconds, min(2.0 ** (self.failures - 1), LONGEST_BACK_OFF_SECONDS))
        self._due_at = self._clock() + delay
        log.warning(
            "job_failed",
            # A database's message may quote the row it refuses; its class says enough.
            extra={"job": self.job.name, "error": type(error).__name__, "failures": self.failures, "retry_s": delay},
            exc_info=None if isinstance(error, DatabaseError | OSError) else error,
        )
        # Whatever state it is in, the next attempt starts on a fresh one.
        connections.close_all()


def run_forever(jobs: Sequence[Job]) -> None:
    """Run the jobs until SIGTERM or SIGINT, or until the supervisor that started this process is gone.

    A signal is obeyed between two jobs, within `TICK_SECONDS` of the running one's end. Must run in the main
    thread.
    """
    timetables = [Timetable(job) for job in jobs]
    with StopSignals() as signals:
        log.debug("worker_started", extra={"jobs": [job.name for job in jobs]})
        while not signals.asked and not orphaned():
            for timetable in timetables:
                if timetable.is_due and not signals.asked:
                    timetable.attempt()
                    # Hears of a signal that came meanwhile.
                    signals.wait(0)
            close_old_connections()
            if not any(timetable.is_due for timetable in timetables):
                signals.wait(TICK_SECONDS)
    connections.close_all()
    log.debug("worker_stopped")


def run_once(jobs: Sequence[Job]) -> list[str]:
    """Run each job once, and on while it says that more waits; the names of those that failed."""
    # On a clock that stands still a job is due again only when it said so.
    timetables = [Timetable(job, clock=lambda: 0.0) for job in jobs]
    for timetable in timetables:
        while timetable.is_due:
            timetable.attempt()
    return [timetable.job.name for timetable in timetables if timetable.failures]
