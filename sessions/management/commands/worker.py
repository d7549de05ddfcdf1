"""`manage.py worker`: settle what the mirror owes and run the schedules, until told to stop."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sessions import actions
from sessions.records import Actor, Face
from sessionsite.worker import Job, run_forever, run_once

SETTLE_EVERY_SECONDS = 1.0
LOOK_FOR_SCHEDULES_EVERY_SECONDS = 15.0
COUNT_EVERY_SECONDS = 5.0
# Small enough that a stop signal waits for one batch and no longer.
SESSIONS_A_BATCH = 100
INTERACTIONS_A_BATCH = 500
SCHEDULER = Actor(name="scheduler", face=Face.SCHEDULE)


class Command(BaseCommand):
    help = "Settle what the files on disk lack and run the schedules; `serve` starts one by itself."
    # The loop survives what a check would complain about, and says so.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if not once:
            run_forever(self._jobs())
        elif failed := run_once(self._jobs()):
            raise CommandError(f"Failed: {', '.join(failed)}. The log says why; it is safe to try again.")

    def _jobs(self) -> list[Job]:
        return [
            Job("settle_mirror", SETTLE_EVERY_SECONDS, _settle),
            Job("settle_search", SETTLE_EVERY_SECONDS, actions.settle_search),
            Job("count_activity", COUNT_EVERY_SECONDS, _count),
            Job("work_on_imports", SETTLE_EVERY_SECONDS, actions.work_on_imports),
            Job("run_due_schedules", LOOK_FOR_SCHEDULES_EVERY_SECONDS, _run_schedules),
        ]


def _settle() -> bool:
    return actions.settle_mirror(limit=SESSIONS_A_BATCH) >= SESSIONS_A_BATCH


def _count() -> bool:
    return actions.count_activity(limit=INTERACTIONS_A_BATCH) >= INTERACTIONS_A_BATCH


def _run_schedules() -> bool:
    actions.note_worker()
    actions.run_due_schedules(actor=SCHEDULER)
    return False
