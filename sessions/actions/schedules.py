"""What runs by the clock: claimed by one worker with a conditional update, whatever their number."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from sessions import conf
from sessions.errors import BrakePulled, SessionsiteError
from sessions.models import Schedule
from sessions.records import Actor

from . import upkeep
from .cleanup import CleanupPlan, plan_cleanup
from .cleanup_runs import apply_cleanup, note_stopped_cleanup

log = logging.getLogger(__name__)

CLEANUP = "cleanup"
COUNTS = "activity counts"
NIGHT_HOUR_UTC = 3
# A run that has not ended after so long died with its worker, and is claimed anew.
_LEASE = timedelta(hours=1)


def run_due_schedules(actor: Actor) -> int:
    """Run what is due and nobody else has claimed; return how many ran."""
    now = timezone.now()
    for name in _JOBS:
        Schedule.objects.get_or_create(name=name, defaults={"next_run_at": _next_run(now)})
    due = Q(next_run_at__lte=now, running_since=None) | Q(running_since__lt=now - _LEASE)
    return sum(_run(schedule, actor) for schedule in Schedule.objects.filter(due, name__in=_JOBS))


def _run(schedule: Schedule, actor: Actor) -> bool:
    if not _claim(schedule):
        return False
    result: dict[str, Any] = {}
    failure = ""
    try:
        result = _JOBS[schedule.name](actor)
    except SessionsiteError as error:
        failure = str(error)
        log.warning("schedule_stopped", extra={"schedule": schedule.name, "reason": error.code})
    Schedule.objects.filter(pk=schedule.pk).update(
        running_since=None, last_finished_at=timezone.now(), last_result=result, last_error=failure
    )
    return True


def _claim(schedule: Schedule) -> bool:
    """Move the run on, unless somebody did since it was read."""
    now = timezone.now()
    unchanged = Schedule.objects.filter(
        pk=schedule.pk, next_run_at=schedule.next_run_at, running_since=schedule.running_since
    )
    return unchanged.update(next_run_at=_next_run(now), running_since=now) == 1


def _next_run(now: datetime) -> datetime:
    today = now.replace(hour=NIGHT_HOUR_UTC, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def plan_tonight() -> CleanupPlan:
    """What the nightly cleanup would take now. It spares what came in or came back lately. Raises InvalidInput."""
    return plan_cleanup(purge=True, settled_days=conf.expire_days())


def _clean_up(actor: Actor) -> dict[str, Any]:
    """The nightly cleanup. It never confirms the brake."""
    plan = plan_tonight()
    try:
        result = apply_cleanup(plan.token, actor=actor)
    except BrakePulled as error:
        note_stopped_cleanup(plan, str(error), actor=actor)
        raise
    return asdict(result)


def _check_counts(actor: Actor) -> dict[str, Any]:
    """Whether Home's figures of interactions per day add up; they are counted anew where they do not."""
    return {"right": upkeep.check_activity()}


_JOBS: dict[str, Callable[[Actor], dict[str, Any]]] = {CLEANUP: _clean_up, COUNTS: _check_counts}
