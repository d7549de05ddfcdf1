"""One verb over many sessions: planned, done in steps, taken back at any later time.

A run writes down its sessions when it is planned. Each step changes a few of them in one transaction with what became
of each, so that a run survives a restart, goes on where it stood, and knows exactly what to take back.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from sessions import validation
from sessions.errors import Conflict, InvalidInput, NotFound
from sessions.models import BulkItem, BulkRun, Session
from sessions.querysets import SessionQuerySet
from sessions.records import JSON, Actor

from . import audit
from .bulk_verbs import VERBS, Skip, Verb
from .listing import SessionFilters, matching

log = logging.getLogger(__name__)
STEP_SECONDS = 2.0
_BATCH = 25
_SHOWN = 20
_PLAN_DAYS = 1
_Phase = BulkRun.Phase
_Outcome = BulkItem.Outcome


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """What a planned run would do now: how many sessions it fits, how many it leaves alone and why, and some titles."""

    fitting: int
    refused: Sequence[tuple[str, int]]
    first: Sequence[Session]


def plan_bulk(
    verb: str,
    *,
    sessions: Sequence[str] | SessionFilters,
    actor: Actor,
    tags: Sequence[str] = (),
    reason: str = "",
    chosen_by: str = "",
) -> BulkRun:
    """Write down what a verb shall be done to: the sessions of some IDs, or all that fit some filters. Touches none.

    Raises InvalidInput for an unknown verb, for no tags where the verb is about tags, and where no session is meant.
    """
    parameters = _parameters(verb, tags, reason)
    found = matching(sessions) if isinstance(sessions, SessionFilters) else Session.objects.filter(pk__in=sessions)
    with transaction.atomic(durable=True):
        BulkRun.objects.filter(
            phase=_Phase.PLANNED, created_at__lt=timezone.now() - timedelta(days=_PLAN_DAYS)
        ).delete()
        run = BulkRun.objects.create(verb=verb, parameters=parameters, chosen_by=chosen_by, actor=actor.name[:255])
        run.total = _write_down(run, found)
        if not run.total:
            raise InvalidInput("sessions", "names none that there is.", hint="Select some first; nothing was changed.")
        run.save()
    return run


def start_bulk(run_id: UUID, *, actor: Actor) -> BulkRun:
    """Let a planned run begin; one that has begun is left as it is. `advance_bulk` does the work."""
    with transaction.atomic(durable=True):
        run = _lock_run(run_id)
        if run.phase == _Phase.PLANNED:
            run.phase = _Phase.DOING
            run.save()
            audit.record(actor, "bulk_started", run=str(run.pk), bulk_verb=run.verb, sessions=run.total)
    return run


def undo_bulk(run_id: UUID, *, actor: Actor) -> BulkRun:
    """Take a run back, or stop one half-way and take back what it did. Raises Conflict for one that did nothing yet."""
    with transaction.atomic(durable=True):
        run = _lock_run(run_id)
        if run.phase == _Phase.PLANNED:
            raise Conflict("This run has not begun.", hint="There is nothing to take back.")
        if run.phase in (_Phase.DOING, _Phase.DONE):
            run.phase = _Phase.UNDOING
            run.undone_by = actor.name[:255]
            run.save()
            audit.record(actor, "bulk_undone", run=str(run.pk), bulk_verb=run.verb, sessions=run.done)
    return run


def advance_bulk(run_id: UUID, *, actor: Actor, seconds: float = STEP_SECONDS) -> BulkRun:
    """Go on with a run for about so long. Raises MirrorUnavailable when files could not follow; it may go on later."""
    deadline = time.monotonic() + seconds
    while True:
        run = _step(run_id, actor)
        if run.phase not in (_Phase.DOING, _Phase.UNDOING) or time.monotonic() >= deadline:
            return run


def get_bulk(run_id: UUID) -> BulkRun:
    """Raises NotFound."""
    run = BulkRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run.", hint="A plan that nobody began is dropped after a day.")
    return run


def bulk_plan(run: BulkRun) -> BulkPlan:
    """What a planned run would find now."""
    chosen = Session.objects.filter(pk__in=run.items.values("session_id"))
    left = Q()
    counts = {}
    for number, refusal in enumerate(VERBS[run.verb].refusals):
        counts[f"n{number}"] = Count("pk", filter=refusal.condition & left)
        left &= ~refusal.condition
    told = chosen.order_by().aggregate(fitting=Count("pk", filter=left) if left else Count("pk"), **counts)
    refused = [(refusal.words, told[f"n{number}"]) for number, refusal in enumerate(VERBS[run.verb].refusals)]
    gone = run.total - told["fitting"] - sum(count for _, count in refused)
    return BulkPlan(
        told["fitting"],
        [(words, count) for words, count in (*refused, ("gone", gone)) if count],
        list(chosen.filter(left).order_by("-last_activity_at", "-session_id")[:_SHOWN]),
    )


def bulk_skips(run: BulkRun) -> list[tuple[str, int]]:
    """Why sessions were skipped, or kept when the run was taken back: the reasons and how many each."""
    left_alone = run.items.filter(outcome__in=(_Outcome.SKIPPED, _Outcome.KEPT)).order_by()
    counted = left_alone.values("reason").annotate(number=Count("pk")).order_by("-number", "reason")
    return [(row["reason"], row["number"]) for row in counted[:_SHOWN]]


def bulk_items(run: BulkRun, outcome: str, *, limit: int = _SHOWN) -> list[tuple[BulkItem, Session | None]]:
    """The first sessions of a run with some outcome; None where a session is gone."""
    items = list(run.items.filter(outcome=outcome).order_by("id")[:limit])
    rows = Session.objects.in_bulk([item.session_id for item in items])
    return [(item, rows.get(item.session_id)) for item in items]


def _parameters(verb: str, tags: Sequence[str], reason: str) -> dict[str, JSON]:
    if verb not in VERBS:
        raise InvalidInput("verb", f"must be one of {', '.join(VERBS)}.")
    if verb not in ("tag", "untag"):
        return {"reason": validation.text("reason", reason, longest=validation.MAX_TITLE_CHARACTERS)}
    names = validation.tags(list(tags))
    if not names:
        raise InvalidInput("tags", "must name at least one tag.")
    return {"tags": names}


def _write_down(run: BulkRun, found: SessionQuerySet) -> int:
    """Insert an item for each session; in one statement, since there may be a hundred thousand."""
    try:
        chosen, parameters = found.order_by("session_id").values_list("session_id", flat=True).query.sql_with_params()
    except EmptyResultSet:
        return 0
    run_key = BulkRun._meta.pk.get_db_prep_value(run.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {connection.ops.quote_name(BulkItem._meta.db_table)} "  # noqa: S608
            "(run_id, session_id, outcome, reason, details) "
            f"SELECT %s, chosen.session_id, '{_Outcome.PENDING}', '', '{{}}' FROM ({chosen}) AS chosen",
            [run_key, *parameters],
        )
        return int(cursor.rowcount)


def _lock_run(run_id: UUID) -> BulkRun:
    get_bulk(run_id)
    return BulkRun.objects.select_for_update().get(pk=run_id)


def _step(run_id: UUID, actor: Actor) -> BulkRun:
    """A few sessions further, in one transaction."""
    with transaction.atomic(durable=True):
        run = _lock_run(run_id)
        if run.phase == _Phase.DOING:
            _go_on(run, _Outcome.PENDING, _do, actor, last=_Phase.DONE)
        elif run.phase == _Phase.UNDOING:
            _go_on(run, _Outcome.DONE, _undo, actor, last=_Phase.UNDONE)
    return run


type _Change = Callable[[Verb, BulkRun, BulkItem, Session | None, Actor], None]


def _go_on(run: BulkRun, waiting: str, change: _Change, actor: Actor, *, last: str) -> None:
    items = list(run.items.filter(outcome=waiting).order_by("id")[:_BATCH])
    rows = _lock([item.session_id for item in items])
    for item in items:
        change(VERBS[run.verb], run, item, rows.get(item.session_id), actor)
    BulkItem.objects.bulk_update(items, ["outcome", "reason", "details"])
    if len(items) < _BATCH:
        run.phase, run.finished_at = last, timezone.now()
        log.info("bulk_finished", extra={"verb": run.verb, "phase": last, "done": run.done, "undone": run.undone})
    run.save()


def _lock(session_ids: Sequence[str]) -> Mapping[str, Session]:
    """These rows, those that are gone left out, locked in the order that all transactions keep."""
    rows = Session.objects.select_for_update().filter(pk__in=session_ids).order_by("pk")
    return {row.pk: row for row in rows}


def _do(verb: Verb, run: BulkRun, item: BulkItem, session: Session | None, actor: Actor) -> None:
    try:
        if session is None:
            raise Skip("gone")
        verb.check(session)
        # A savepoint: one session that refuses must not take the others back with it.
        with transaction.atomic():
            item.details = dict(verb.do(session, run.parameters, actor))
    except (Skip, InvalidInput) as refused:
        item.outcome, item.reason = _Outcome.SKIPPED, str(refused)[:300]
        run.skipped += 1
    else:
        item.outcome = _Outcome.DONE
        run.done += 1


def _undo(verb: Verb, run: BulkRun, item: BulkItem, session: Session | None, actor: Actor) -> None:
    try:
        if session is None:
            raise Skip("purged since")
        with transaction.atomic():
            verb.undo(session, item.details, actor)
    except (Skip, InvalidInput) as refused:
        item.outcome, item.reason = _Outcome.KEPT, str(refused)[:300]
        run.kept += 1
    else:
        item.outcome = _Outcome.UNDONE
        run.undone += 1
