"""Cleanup, first half: a plan that changes nothing. Applying it is in `cleanup_runs`.

A plan is a rule and a moment, and its signed token names it. What it takes is whatever fits the rule as of that
moment, read a page at a time however much it is. What was touched, held, restored or brought in since fits no more,
so the set can only shrink: nothing is ever taken that the plan did not show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.db.models import Q
from django.utils import timezone

from sessions import conf, validation
from sessions.conf import MAX_DAYS
from sessions.errors import InvalidInput, PlanChanged
from sessions.mirror import drain
from sessions.models import Session
from sessions.querysets import SessionQuerySet

from .places import read_cursor, write_cursor

BRAKE_SHARE = 0.10
BRAKE_SESSIONS = 20
TOKEN_SECONDS = 24 * 60 * 60
# So many journals are looked at for the plan's size before the rest of it is estimated from them.
MEASURED_JOURNALS = 1_000
PARTS = ("trash", "purge", "spared")
_SALT = "sessionsite.cleanup"
_PAGE = 500


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
    """A session that a cleanup would take or spare; `size_bytes` is its journal's size, `reason` why it is spared."""

    session_id: str
    user_id: str
    title: str
    last_activity_at: datetime
    interaction_count: int
    size_bytes: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlannedPage:
    """Some of a plan's sessions, those idle longest first, and the cursor of the next page, empty on the last."""

    items: Sequence[CleanupItem]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class PlanSize:
    """How much a plan's journals take on disk; not `exact` where only some were looked at."""

    size_bytes: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupPlan:
    """How many sessions a cleanup would take and spare, and the token that applies it."""

    rule: CleanupRule
    made_at: datetime
    trash_count: int
    purge_count: int
    spared_count: int
    store_sessions: int

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
        return self.trash_count + self.purge_count

    @property
    def braked(self) -> bool:
        """Whether it would take so much of the store that it must be confirmed by its number."""
        return brake(self.count, self.store_sessions)

    @property
    def token(self) -> str:
        return _write_token(self.rule, self.made_at, self.count)


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


def plan_of(token: str) -> CleanupPlan:
    """What is left of a plan that was made before. Raises PlanChanged for a token that is foreign or a day old."""
    rule, made_at, _ = read_token(token)
    return _plan(rule, made_at)


def planned(plan: CleanupPlan, part: str, *, cursor: str = "", limit: int = 50) -> PlannedPage:
    """A page of what a plan would put into the trash, purge, or spare. Raises InvalidInput."""
    if part not in PARTS:
        raise InvalidInput("part", f"must be one of {', '.join(PARTS)}.")
    rows = sessions_of(plan.rule, plan.made_at, part)
    if cursor:
        at, session_id = read_cursor(cursor)
        rows = rows.filter(Q(last_activity_at__gt=at) | Q(last_activity_at=at, session_id__gt=session_id))
    found = list(rows.order_by("last_activity_at", "session_id")[: limit + 1])
    more = len(found) > limit
    items = [_item(session, part) for session in found[:limit]]
    last = items[-1] if more else None
    return PlannedPage(items, write_cursor(last.last_activity_at, last.session_id) if last else "")


def all_planned(plan: CleanupPlan, part: str) -> Iterator[CleanupItem]:
    """Everything that a part of a plan holds, a page in memory at a time."""
    cursor = ""
    while True:
        page = planned(plan, part, cursor=cursor, limit=_PAGE)
        yield from page.items
        if not (cursor := page.next_cursor):
            return


def plan_size(plan: CleanupPlan, *, measured: int | None = MEASURED_JOURNALS) -> PlanSize:
    """What a plan's journals take on disk; beyond `measured` of each part it is estimated, None looks at all."""
    sizes = [_part_size(plan, part, count, measured) for part, count in _parts(plan)]
    return PlanSize(sum(size.size_bytes for size in sizes), all(size.exact for size in sizes))


def sessions_of(rule: CleanupRule, made_at: datetime, part: str) -> SessionQuerySet:
    """What a part of the plan of a rule and a moment holds now."""
    match part:
        case "trash":
            return _due(rule, made_at)
        case "purge":
            return _due_for_purge(rule, made_at)
        case _:
            return _spared(rule, made_at)


def journal_bytes(session: Session) -> int:
    """The size of a session's journal, 0 where it has none."""
    places = drain.layout()
    path = places.trashed_journal(session.pk) if session.trashed_at else places.journal(session.pk)
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def read_token(token: str) -> tuple[CleanupRule, datetime, int]:
    """The rule, the moment and the number of sessions of the plan that a token names. Raises PlanChanged."""
    try:
        (idle, trash, user_id, purge, settled), made_at, count = signing.loads(token, salt=_SALT, max_age=TOKEN_SECONDS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise PlanChanged(
            "This is not a cleanup plan of today.", hint="Make a new plan; nothing was touched."
        ) from error
    rule = CleanupRule(idle_days=idle, trash_days=trash, user_id=user_id, purge=purge, settled_days=settled)
    return rule, datetime.fromisoformat(made_at), count


def _write_token(rule: CleanupRule, made_at: datetime, count: int) -> str:
    rule_values = [rule.idle_days, rule.trash_days, rule.user_id, rule.purge, rule.settled_days]
    return signing.dumps([rule_values, made_at.isoformat(), count], salt=_SALT)


def _plan(rule: CleanupRule, made_at: datetime) -> CleanupPlan:
    """Counted from one index, which holds all that the rule asks for."""
    return CleanupPlan(
        rule=rule,
        made_at=made_at,
        trash_count=_due(rule, made_at).order_by().count(),
        purge_count=_due_for_purge(rule, made_at).order_by().count(),
        spared_count=_spared(rule, made_at).order_by().count(),
        store_sessions=Session.objects.filter(merged_into=None).order_by().count(),
    )


def _idle(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    """Live sessions that were idle when the plan was made."""
    rows = Session.objects.expired(made_at - timedelta(days=rule.idle_days))
    return rows.filter(user_id=rule.user_id) if rule.user_id else rows


def _due(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    return _idle(rule, made_at).filter(held_at=None, settled_at__lte=_settled_before(rule, made_at))


def _spared(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    """Idle sessions that are held, or came in, came back or were released too lately for the rule.

    A rule that asks for no days spares the held alone, which have an index.
    """
    held = Q(held_at__isnull=False)
    lately = Q(settled_at__gt=_settled_before(rule, made_at))
    return _idle(rule, made_at).filter(held | lately if rule.settled_days else held)


def _due_for_purge(rule: CleanupRule, made_at: datetime) -> SessionQuerySet:
    if not rule.purge:
        return Session.objects.none()
    rows = Session.objects.filter(trashed_at__lt=made_at - timedelta(days=rule.trash_days))
    return rows.filter(user_id=rule.user_id) if rule.user_id else rows


def _settled_before(rule: CleanupRule, made_at: datetime) -> datetime:
    return made_at - timedelta(days=rule.settled_days)


def _item(session: Session, part: str) -> CleanupItem:
    reason = ""
    if part == "spared":
        reason = "held" if session.held_at else "came in, came back or was released lately"
    return CleanupItem(
        session.pk,
        session.user_id,
        str(session),
        session.last_activity_at,
        session.total_interactions,
        journal_bytes(session),
        reason,
    )


def _parts(plan: CleanupPlan) -> list[tuple[str, int]]:
    return [("trash", plan.trash_count), ("purge", plan.purge_count)]


def _part_size(plan: CleanupPlan, part: str, count: int, measured: int | None) -> PlanSize:
    """By primary key, which is random where we made it, so that the first are no worse a sample than any."""
    rows = sessions_of(plan.rule, plan.made_at, part).order_by("pk").only("pk", "trashed_at")
    sizes = [journal_bytes(session) for session in (rows if measured is None else rows[:measured]).iterator()]
    if len(sizes) >= count or not sizes:
        return PlanSize(sum(sizes), exact=True)
    return PlanSize(sum(sizes) * count // len(sizes), exact=False)


def _days(field: str, value: object) -> int:
    """A negative or senseless number of days must delete nothing, so it is refused."""
    if type(value) is not int or not 1 <= value <= MAX_DAYS:
        raise InvalidInput(field, f"must be a whole number of days from 1 to {MAX_DAYS}; nothing was touched.")
    return value
