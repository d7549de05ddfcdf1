"""Cleanup, second half: a plan applied, step by step, with a record of the run that can undo it.

A step is one conditional statement in one transaction: rows that fit the plan no more when they are locked are left
alone. Every session of a run gets the run's own moment as its `trashed_at`, so a run knows its sessions by an index.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, When
from django.utils import timezone

from sessions.errors import BrakePulled, Conflict, MirrorUnavailable, NotFound
from sessions.mirror import drain
from sessions.models import CleanupRun, Session
from sessions.querysets import SessionQuerySet
from sessions.records import Actor

from . import audit
from .begin import take_out_of_trash
from .cleanup import CleanupPlan, CleanupRule, brake, journal_bytes, plan_of, read_token, sessions_of
from .life import lock_family, purge_locked

log = logging.getLogger(__name__)

STEP_SESSIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupResult:
    """What a cleanup did. `skipped` were in the plan and have been touched since."""

    trashed: int
    purged: int
    skipped: int
    size_bytes: int


def apply_cleanup(token: str, *, actor: Actor, confirmed_sessions: int | None = None) -> CleanupResult:
    """Apply the plan of a token to its end. See `begin_cleanup` and `continue_cleanup`."""
    run = begin_cleanup(token, actor=actor, confirmed_sessions=confirmed_sessions)
    while run.finished_at is None:
        run = continue_cleanup(run.pk, actor=actor)
    return CleanupResult(trashed=run.trashed, purged=run.purged, skipped=run.skipped, size_bytes=run.size_bytes)


def begin_cleanup(token: str, *, actor: Actor, confirmed_sessions: int | None = None) -> CleanupRun:
    """Begin to apply the plan of a token; no session is touched yet.

    A plan over the brake needs its number of sessions said once more. Raises PlanChanged for a token that is foreign
    or older than a day, and BrakePulled.
    """
    _, _, count = read_token(token)
    plan = plan_of(token)
    if brake(count, plan.store_sessions) and confirmed_sessions != count:
        log.warning("cleanup_stopped", extra={"planned": count, "store_sessions": plan.store_sessions})
        raise BrakePulled(
            f"This cleanup would take {count} of {plan.store_sessions} sessions.",
            hint="Nothing was touched. Confirm it with exactly that number.",
        )
    return CleanupRun.objects.create(**_who(actor), rule=asdict(plan.rule), planned_at=plan.made_at, planned=count)


def note_stopped_cleanup(plan: CleanupPlan, reason: str, *, actor: Actor) -> CleanupRun:
    """Note that a cleanup was to run and took nothing."""
    ended = {"stopped": reason, "finished_at": timezone.now()}
    audit.record(actor, "cleanup_stopped", planned=plan.count)
    return CleanupRun.objects.create(
        **_who(actor), **ended, rule=asdict(plan.rule), planned_at=plan.made_at, planned=plan.count
    )


def continue_cleanup(run_id: UUID, *, actor: Actor, most_sessions: int = STEP_SESSIONS) -> CleanupRun:
    """Apply a run's plan to up to so many more sessions; the last step sets `finished_at`.

    Raises NotFound, and MirrorUnavailable when the database has the change and the files do not yet: the periodic
    drain settles that, and the run can be continued.
    """
    run = get_cleanup_run(run_id)
    if run.finished_at is not None:
        return run
    rule = CleanupRule(**run.rule)
    seen, taken = _trash_step(run, rule, most_sessions, actor)
    if seen < most_sessions:
        seen += _purge_step(run, rule, most_sessions - seen, actor)
    if seen < most_sessions:
        _finish(run, actor)
    _settle(run, taken)
    return get_cleanup_run(run_id)


def restore_cleanup(run_id: UUID, *, actor: Actor, most_sessions: int = STEP_SESSIONS) -> CleanupRun:
    """Take up to so many of the sessions that a run trashed out of the trash again, as they were.

    What was purged does not come back, and what was restored and trashed anew is not the run's any more. Raises
    NotFound, and Conflict while the run goes on.
    """
    with transaction.atomic(durable=True):
        run = get_cleanup_run(run_id)
        if run.finished_at is None:
            raise Conflict("This cleanup has not ended.", hint="Let it end, then undo it.")
        names = list(_in_trash_of(run).order_by("trashed_at", "pk").values_list("pk", flat=True)[:most_sessions])
        rows = Session.objects.select_for_update().filter(pk__in=names, trashed_at=run.at).order_by("pk")
        for session in list(rows):
            take_out_of_trash(session)
            session.raise_revision()
            session.save()
            audit.record(actor, "session_restored", session.pk, run=str(run.pk))
            run.restored += 1
        run.save(update_fields=["restored"])
    log.info("cleanup_undone", extra={"restored": run.restored, "face": actor.face})
    return run


def get_cleanup_run(run_id: UUID) -> CleanupRun:
    """Raises NotFound."""
    run = CleanupRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such cleanup.")
    return run


def left_in_trash(run: CleanupRun) -> int:
    """How many sessions that a run trashed are still in the trash."""
    return _in_trash_of(run).order_by().count() if run.trashed else 0


def cleanup_runs(*, before: datetime | None = None, limit: int = 20) -> Sequence[CleanupRun]:
    """The latest runs, or those before a moment."""
    runs = CleanupRun.objects.order_by("-at")
    return list((runs.filter(at__lt=before) if before else runs)[:limit])


def _who(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name[:255], "face": str(actor.face)}


def _in_trash_of(run: CleanupRun) -> SessionQuerySet:
    return Session.objects.filter(trashed_at=run.at)


def _trash_step(run: CleanupRun, rule: CleanupRule, most: int, actor: Actor) -> tuple[int, list[str]]:
    """Trash the next sessions that are still due, in one conditional statement.

    Returns how many were looked at, and which were taken: another transaction may have come first.
    """
    due = sessions_of(rule, run.planned_at, "trash")
    with transaction.atomic(durable=True):
        names = list(due.order_by("last_activity_at", "session_id").values_list("pk", flat=True)[:most])
        # Locked in the one order that all transactions keep; whoever was used meanwhile is due no more.
        rows = list(due.filter(pk__in=names).select_for_update().order_by("pk").only("pk", "trashed_at"))
        taken = [row.pk for row in rows]
        size_bytes = sum(map(journal_bytes, rows))
        now = timezone.now()
        Session.objects.filter(pk__in=taken).order_by().update(
            trashed_at=run.at,
            trashed_by=actor.name[:255],
            trash_reason=f"idle for {rule.idle_days} days",
            debt_since=Case(When(revision=F("mirrored_revision"), then=now), default=F("debt_since")),
            revision=F("revision") + 1,
        )
        for pk in taken:
            audit.record(actor, "session_trashed", pk, reason="cleanup", run=str(run.pk))
        _count(run, trashed=len(taken), size_bytes=size_bytes)
    return len(names), taken


def _purge_step(run: CleanupRun, rule: CleanupRule, most: int, actor: Actor) -> int:
    """Purge the next sessions that are still due, each with its family in one transaction; return how many it saw."""
    due = sessions_of(rule, run.planned_at, "purge")
    names = list(due.order_by("pk").values_list("pk", flat=True)[:most])
    for pk in names:
        with transaction.atomic(durable=True):
            try:
                family = lock_family(pk)
            except NotFound:
                continue
            if due.filter(pk=pk).exists():
                size_bytes = sum(map(journal_bytes, family))
                purge_locked(family, reason=f"in the trash for {rule.trash_days} days", actor=actor)
                _count(run, purged=1, size_bytes=size_bytes)
    return len(names)


def _count(run: CleanupRun, **done: int) -> None:
    CleanupRun.objects.filter(pk=run.pk).update(**{name: F(name) + number for name, number in done.items()})


def _finish(run: CleanupRun, actor: Actor) -> None:
    with transaction.atomic():
        ended = CleanupRun.objects.filter(pk=run.pk, finished_at=None).update(finished_at=timezone.now())
        if ended:
            run.refresh_from_db()
            audit.record(actor, "cleanup_finished", run=str(run.pk), trashed=run.trashed, purged=run.purged)
    log.info("cleanup_finished", extra={"trashed": run.trashed, "purged": run.purged, "face": actor.face})


def _settle(run: CleanupRun, ids: Sequence[str]) -> None:
    """`update` rings no bell; move the journals now, and leave what fails to the periodic drain."""
    failure: MirrorUnavailable | None = None
    failures = 0
    for pk in ids:
        try:
            drain.drain_session(pk)
        except MirrorUnavailable as error:
            failure = error
            failures += 1
    if failure is not None:
        _count(run, failures=failures)
        raise failure
