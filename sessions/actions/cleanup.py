"""Cleanup: first a plan that changes nothing, then the plan applied, to nothing that it did not show.

A plan is named by a signed token that holds its rule and its moment. Applying it runs one conditional statement:
what was touched, held, restored or brought in since that moment is left alone, so the applied set can only be a
part of the shown one.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction
from django.db.models import Case, F, When
from django.utils import timezone

from sessions import conf, validation
from sessions.conf import MAX_DAYS
from sessions.errors import BrakePulled, InvalidInput, MirrorUnavailable, NotFound, PlanChanged
from sessions.mirror import drain
from sessions.models import Session
from sessions.querysets import SessionQuerySet
from sessions.records import Actor

from . import audit
from .life import lock_family, purge_locked

log = logging.getLogger(__name__)

BRAKE_SHARE = 0.10
BRAKE_SESSIONS = 20
TOKEN_SECONDS = 24 * 60 * 60
_SALT = "sessionsite.cleanup"
_BATCH = 200
_MOST_EXCLUDED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupRule:
    """What a cleanup takes: live sessions idle for `idle_days`, and with `purge` what lay in the trash long enough.

    `settled_days` spares what came in, was restored or released so recently; the schedule uses it, so that an old
    conversation imported today is not gone tomorrow.
    """

    idle_days: int
    trash_days: int
    user_id: str = ""
    purge: bool = False
    settled_days: int = 0


@dataclass(frozen=True, slots=True)
class CleanupItem:
    """A session that a cleanup would take; `size_bytes` is its journal's size."""

    session_id: str
    user_id: str
    title: str
    last_activity_at: datetime
    interaction_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Excluded:
    """An idle session that the cleanup leaves, and why."""

    session_id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupPlan:
    """The exact sessions that a cleanup would take, those it spares, and the token that applies it."""

    rule: CleanupRule
    made_at: datetime
    to_trash: list[CleanupItem]
    to_purge: list[CleanupItem]
    excluded: list[Excluded]
    store_sessions: int
    token: str

    @property
    def idle_days(self) -> int:
        return self.rule.idle_days

    @property
    def user_id(self) -> str:
        return self.rule.user_id

    @property
    def purge(self) -> bool:
        return self.rule.purge

    @property
    def cutoff(self) -> datetime:
        return self.made_at - timedelta(days=self.rule.idle_days)

    @property
    def count(self) -> int:
        return len(self.to_trash) + len(self.to_purge)

    @property
    def size_bytes(self) -> int:
        return sum(item.size_bytes for item in (*self.to_trash, *self.to_purge))

    @property
    def braked(self) -> bool:
        """Whether it would take so much of the store that it must be confirmed by its number."""
        return brake(self.count, self.store_sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupResult:
    """What a cleanup did. `skipped` were in the plan and have been touched since."""

    trashed: int
    purged: int
    skipped: int
    size_bytes: int


def brake(sessions: int, store_sessions: int) -> bool:
    return sessions > BRAKE_SESSIONS and sessions > store_sessions * BRAKE_SHARE


def plan_cleanup(
    *, idle_days: int | None = None, user_id: str = "", purge: bool = False, settled_days: int = 0
) -> CleanupPlan:
    """What a cleanup would do now. Changes nothing. `idle_days` defaults to the setting. Raises InvalidInput."""
    rule = CleanupRule(
        idle_days=conf.expire_days() if idle_days is None else _days("idle_days", idle_days),
        trash_days=conf.trash_days(),
        user_id=validation.text("user_id", user_id, longest=validation.MAX_SHORT_CHARACTERS),
        purge=purge,
        settled_days=_days("settled_days", settled_days) if settled_days else 0,
    )
    return _plan(rule, timezone.now())


def apply_cleanup(token: str, *, actor: Actor, confirmed_sessions: int | None = None) -> CleanupResult:
    """Apply the plan of a token. A plan over the brake needs its number of sessions said once more.

    Raises PlanChanged for a token that is foreign or older than a day, BrakePulled, and MirrorUnavailable when the
    database has the change and the files do not yet.
    """
    rule, made_at, planned = _read_token(token)
    plan = _plan(rule, made_at)
    if brake(planned, plan.store_sessions) and confirmed_sessions != planned:
        log.warning("cleanup_stopped", extra={"planned": planned, "store_sessions": plan.store_sessions})
        raise BrakePulled(
            f"This cleanup would take {planned} of {plan.store_sessions} sessions.",
            hint="Nothing was touched. Confirm it with exactly that number.",
        )
    trashed = [pk for batch in _batches(plan.to_trash) for pk in _trash_batch(plan, batch, actor)]
    purged = [pk for batch in _batches(plan.to_purge) for pk in _purge_batch(plan, batch, actor)]
    done = {*trashed, *purged}
    result = CleanupResult(
        trashed=len(trashed),
        purged=len(purged),
        skipped=planned - len(done),
        size_bytes=sum(i.size_bytes for i in (*plan.to_trash, *plan.to_purge) if i.session_id in done),
    )
    log.info("cleanup_finished", extra={"trashed": result.trashed, "purged": result.purged, "face": actor.face})
    return result


def _plan(rule: CleanupRule, made_at: datetime) -> CleanupPlan:
    to_trash = [_item(session, trashed=False) for session in _due(rule, made_at).order_by("pk").iterator()]
    purgeable = _due_for_purge(rule, made_at).order_by("pk") if rule.purge else Session.objects.none()
    to_purge = [_item(session, trashed=True) for session in purgeable.iterator()]
    return CleanupPlan(
        rule=rule,
        made_at=made_at,
        to_trash=to_trash,
        to_purge=to_purge,
        excluded=_excluded(rule, made_at),
        store_sessions=Session.objects.filter(merged_into=None).count(),
        token=_write_token(rule, made_at, len(to_trash) + len(to_purge)),
    )


def _idle(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    """Live sessions that were idle when the plan was made."""
    rows = Session.objects.expired(made_at - timedelta(days=rule.idle_days))
    return rows.filter(user_id=rule.user_id) if rule.user_id else rows


def _due(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    settled_before = made_at - timedelta(days=rule.settled_days)
    return _idle(rule, made_at).filter(held_at=None, settled_at__lte=settled_before)


def _due_for_purge(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    rows = Session.objects.filter(trashed_at__lt=made_at - timedelta(days=rule.trash_days))
    return rows.filter(user_id=rule.user_id) if rule.user_id else rows


def _excluded(rule: CleanupRule, made_at: datetime) -> list[Excluded]:
    spared = _idle(rule, made_at).exclude(pk__in=_due(rule, made_at).values("pk")).order_by("pk")
    return [
        Excluded(session.pk, str(session), "held" if session.held_at else "came in, came back or was released lately")
        for session in spared[:_MOST_EXCLUDED]
    ]


def _item(session: Session, *, trashed: bool) -> CleanupItem:
    places = drain.layout()
    path = places.trashed_journal(session.pk) if trashed else places.journal(session.pk)
    try:
        size_bytes = path.lstat().st_size
    except OSError:
        size_bytes = 0
    return CleanupItem(
        session.pk, session.user_id, str(session), session.last_activity_at, session.total_interactions, size_bytes
    )


def _batches(items: list[CleanupItem]) -> Iterator[list[str]]:
    ids = [item.session_id for item in items]
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))


def _trash_batch(plan: CleanupPlan, ids: Iterable[str], actor: Actor) -> list[str]:
    """Trash what of a batch is still due, in one conditional statement; return which that was."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        due = _due(plan.rule, plan.made_at).filter(pk__in=ids)
        # Locked in the one order that all transactions keep; an update takes rows as it finds them.
        list(due.select_for_update().order_by("pk").values_list("pk", flat=True))
        due.order_by().update(
            trashed_at=now,
            trashed_by=actor.name[:255],
            trash_reason=f"idle for {plan.idle_days} days",
            debt_since=Case(When(revision=F("mirrored_revision"), then=now), default=F("debt_since")),
            revision=F("revision") + 1,
        )
        taken = list(Session.objects.filter(pk__in=ids, trashed_at=now).order_by("pk").values_list("pk", flat=True))
        for pk in taken:
            audit.record(actor, "session_trashed", pk, reason="cleanup")
    _settle(taken)
    return taken


def _settle(ids: list[str]) -> None:
    """`update` rings no bell; move the journals now, and leave what fails to the periodic drain."""
    failure: MirrorUnavailable | None = None
    for pk in ids:
        try:
            drain.drain_session(pk)
        except MirrorUnavailable as error:
            failure = error
    if failure is not None:
        raise failure


def _purge_batch(plan: CleanupPlan, ids: Iterable[str], actor: Actor) -> list[str]:
    purged = []
    for pk in ids:
        with transaction.atomic(durable=True):
            try:
                family = lock_family(pk)
            except NotFound:
                continue
            if _due_for_purge(plan.rule, plan.made_at).filter(pk=pk).exists():
                purge_locked(family, reason=f"in the trash for {plan.rule.trash_days} days", actor=actor)
                purged.append(pk)
    return purged


def _days(field: str, value: object) -> int:
    """A negative or senseless number of days must delete nothing, so it is refused."""
    if type(value) is not int or not 1 <= value <= MAX_DAYS:
        raise InvalidInput(field, f"must be a whole number of days from 1 to {MAX_DAYS}; nothing was touched.")
    return value


def _write_token(rule: CleanupRule, made_at: datetime, count: int) -> str:
    rule_values = [rule.idle_days, rule.trash_days, rule.user_id, rule.purge, rule.settled_days]
    return signing.dumps([rule_values, made_at.isoformat(), count], salt=_SALT)


def _read_token(token: str) -> tuple[CleanupRule, datetime, int]:
    try:
        (idle, trash, user_id, purge, settled), made_at, count = signing.loads(token, salt=_SALT, max_age=TOKEN_SECONDS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise PlanChanged(
            "This is not a cleanup plan of today.", hint="Make a new plan; nothing was touched."
        ) from error
    rule = CleanupRule(idle_days=idle, trash_days=trash, user_id=user_id, purge=purge, settled_days=settled)
    return rule, datetime.fromisoformat(made_at), count


__all__ = [
    "CleanupItem",
    "CleanupPlan",
    "CleanupResult",
    "CleanupRule",
    "Excluded",
    "apply_cleanup",
    "plan_cleanup",
]
