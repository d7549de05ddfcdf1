"""The people of the conversations: who they are, what they did lately, what they prefer.

Users have no table of their own: a user is whoever has sessions. All figures of a list come from one index,
`session_by_user`, and who was active last is found by leaping through it from user to user.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from sessions import conf, validation
from sessions.database import UtcDay
from sessions.errors import InvalidInput, UserNotFound
from sessions.models import Interaction, Profile, Session, SessionModel
from sessions.querysets import InteractionQuerySet, SessionQuerySet
from sessions.records import InteractionKind

from . import cursors
from .identity import resolve_user
from .listing import LAST_CHARACTER

MAX_PAGE = 500
SORTS = ("activity", "name", "sessions")
_DAYS = 56
# So many interactions a page may look at one by one.
_MOST_COUNTED = 5_000
_MOST_SAMPLED = 2_000
_MOST_SESSIONS = 100
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A user in a list. `sessions` are all there are, `active_sessions` those that are neither expired nor gone."""

    user_id: str
    sessions: int
    active_sessions: int
    interactions: int
    first_seen_at: datetime
    last_activity_at: datetime


@dataclass(frozen=True, slots=True)
class UserPage:
    """One page of a list and the cursor of the next, empty on the last."""

    users: Sequence[UserRow]
    next_cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFigures:
    """Sums over a user's sessions; times are None for one who has none. Cost in millionths of a US dollar."""

    sessions: int
    active_sessions: int
    interactions: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_microusd: int
    first_seen_at: datetime | None
    last_activity_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserDay:
    """A day in UTC and how many of a user's interactions happened in it."""

    date: date
    interactions: int


@dataclass(frozen=True, slots=True)
class UserDays:
    """Some weeks of days, today last. `exact` is false where there was more than a page may look at."""

    days: Sequence[UserDay]
    exact: bool

    @property
    def interactions(self) -> int:
        return sum(day.interactions for day in self.days)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a user's latest sessions used, the most used first: names and numbers."""

    models: Sequence[tuple[str, int]]
    tools: Sequence[tuple[str, int]]


# --- The list -----------------------------------------------------------------------------------------------


def list_users(*, prefix: str = "", sort: str = "activity", cursor: str = "", limit: int = 50) -> UserPage:
    """A page of those who have sessions, by last activity, by name or by number of sessions.

    Raises InvalidInput for a foreign cursor or an unknown sort.
    """
    validation.text("prefix", prefix, longest=validation.MAX_SHORT_CHARACTERS)
    if sort not in SORTS:
        raise InvalidInput("sort", f"must be one of {', '.join(SORTS)}.")
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_PAGE}.")
    place = _read_cursor(cursor, sort) if cursor else None
    find = {"activity": _by_activity, "name": _by_name, "sessions": _by_sessions}[sort]
    found = find(prefix, place, limit + 1)
    rows = _rows(found[:limit])
    return UserPage(rows, _write_cursor(rows[-1], sort) if len(found) > limit and rows else "")


def _by_name(prefix: str, place: Sequence[Any] | None, limit: int) -> list[str]:
    start, comparison = (place[-1], ">") if place else (prefix, ">=")
    sql = f"{_leaping(comparison)} SELECT id FROM leap WHERE id IS NOT NULL LIMIT %s"  # noqa: S608
    return _ids(sql, [start, prefix + LAST_CHARACTER, prefix + LAST_CHARACTER, limit])


def _by_activity(prefix: str, place: Sequence[Any] | None, limit: int) -> list[str]:
    behind, parameters = "", []
    if place:
        moment = connection.ops.adapt_datetimefield_value(place[0])
        behind, parameters = "WHERE latest < %s OR (latest = %s AND id > %s)", [moment, moment, place[1]]
    table = connection.ops.quote_name(Session._meta.db_table)
    sql = (
        f"{_leaping('>=')} SELECT id FROM (SELECT id, (SELECT MAX(last_activity_at) FROM {table} "  # noqa: S608
        f"WHERE user_id = leap.id) AS latest FROM leap WHERE id IS NOT NULL) AS users {behind} "
        "ORDER BY latest DESC, id LIMIT %s"
    )
    return _ids(sql, [prefix, prefix + LAST_CHARACTER, prefix + LAST_CHARACTER, *parameters, limit])


def _by_sessions(prefix: str, place: Sequence[Any] | None, limit: int) -> list[str]:
    rows = Session.objects.filter(user_id__gte=prefix, user_id__lte=prefix + LAST_CHARACTER) if prefix else None
    counted = (Session.objects.all() if rows is None else rows).order_by().values("user_id").annotate(n=Count("pk"))
    if place:
        counted = counted.filter(Q(n__lt=place[0]) | Q(n=place[0], user_id__gt=place[1]))
    return [row["user_id"] for row in counted.order_by("-n", "user_id")[:limit]]


def _leaping(comparison: str) -> str:
    """A table `leap` of all user IDs from one to another, found by leaping from each to the next in the index.

    A DISTINCT would read every session's entry to tell of a few thousand users.
    """
    table = connection.ops.quote_name(Session._meta.db_table)
    return (
        f"WITH RECURSIVE leap(id) AS (SELECT MIN(user_id) FROM {table} "  # noqa: S608
        f"WHERE user_id {comparison} %s AND user_id <= %s "
        f"UNION ALL SELECT (SELECT MIN(user_id) FROM {table} WHERE user_id > leap.id AND user_id <= %s) "
        "FROM leap WHERE leap.id IS NOT NULL)"
    )


def _ids(sql: str, parameters: Sequence[Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def _rows(user_ids: Sequence[str]) -> list[UserRow]:
    theirs = Session.objects.filter(user_id__in=user_ids).order_by()
    figures = theirs.values("user_id").annotate(
        number=Count("pk"),
        active=Count("pk", filter=_is_active()),
        said=Sum(F("interaction_count") + F("stated_interactions")),
        first=Min("created_at"),
        last=Max("last_activity_at"),
    )
    rows = {
        user_id: UserRow(
            user_id=user_id,
            sessions=number,
            active_sessions=active,
            interactions=int(said),
            first_seen_at=first,
            last_activity_at=last,
        )
        for user_id, number, active, said, first, last in figures.values_list(
            "user_id", "number", "active", "said", "first", "last"
        )
    }
    return [rows[user_id] for user_id in user_ids if user_id in rows]


def _write_cursor(row: UserRow, sort: str) -> str:
    keys: dict[str, list[Any]] = {
        "activity": [row.last_activity_at.astimezone(UTC).isoformat()],
        "sessions": [row.sessions],
        "name": [],
    }
    return cursors.write(sort, *keys[sort], row.user_id)


def _read_cursor(cursor: str, sort: str) -> list[Any]:
    def read(name: str, *values: Any) -> list[Any]:
        if name != sort:
            raise ValueError("a place in another order")
        keys = values[:-1]
        if len(keys) != (sort != "name"):
            raise ValueError("not a place in this order")
        if sort == "activity":
            keys = (validation.moment("cursor", datetime.fromisoformat(keys[0])),)
        elif sort == "sessions":
            keys = (validation.count("cursor", keys[0]),)
        return [*keys, validation.text("cursor", values[-1], longest=validation.MAX_SHORT_CHARACTERS)]

    return cursors.read(cursor, read)


# --- One user -----------------------------------------------------------------------------------------------


def find_user(user_id: str) -> Profile:
    """The profile of somebody who has sessions or preferences, an unsaved one where they have none yet.

    An absorbed user's ID leads to the user who absorbed it. Raises UserNotFound.
    """
    profile = Profile.objects.filter(pk=user_id).first()
    if profile is not None and profile.merged_into is not None:
        profile = Profile.objects.filter(pk=(user_id := resolve_user(user_id))).first()
    if profile is None and not Session.objects.filter(user_id=user_id).exists():
        raise UserNotFound(user_id)
    return profile or Profile(pk=user_id)


def latest_sessions(user_id: str, *, limit: int) -> list[Session]:
    """What a user was busy with last, whatever became of it."""
    theirs = Session.objects.filter(user_id=user_id).order_by("-last_activity_at", "-session_id")
    return list(theirs.prefetch_related("tags")[:limit])


def user_figures(user_id: str) -> UserFigures:
    """Sums over all sessions of a user."""
    theirs = Session.objects.filter(user_id=user_id).order_by()
    found = theirs.aggregate(
        number=Count("pk"),
        active=Count("pk", filter=_is_active()),
        said=Sum(F("interaction_count") + F("stated_interactions"), default=0),
        errors=Sum("error_count", default=0),
        tokens_in=Sum("input_tokens", default=0),
        tokens_out=Sum("output_tokens", default=0),
        cost=Sum("cost_microusd", default=0),
        first=Min("created_at"),
        last=Max("last_activity_at"),
    )
    return UserFigures(
        sessions=found["number"],
        active_sessions=found["active"],
        interactions=int(found["said"]),
        errors=int(found["errors"]),
        input_tokens=int(found["tokens_in"]),
        output_tokens=int(found["tokens_out"]),
        cost_microusd=int(found["cost"]),
        first_seen_at=found["first"],
        last_activity_at=found["last"],
    )


def _is_active() -> Q:
    return Q(last_activity_at__gte=conf.expires_before(), trashed_at__isnull=True, merged_into__isnull=True)


def user_days(user_id: str) -> UserDays:
    """A user's interactions per day of the last eight weeks.

    A session that began and ended on one day is counted whole, without a look at its interactions; of the others'
    interactions the latest are looked at, up to a number.
    """
    today = timezone.now().astimezone(UTC).date()
    first = today - timedelta(days=_DAYS - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    lately = Session.objects.filter(user_id=user_id, last_activity_at__gte=since).order_by()
    dated = lately.annotate(day=UtcDay("last_activity_at"), first_day=UtcDay("created_at"))
    counts: Counter[str] = Counter()
    for day, number in dated.filter(day=F("first_day")).values_list("day").annotate(n=Sum("interaction_count")):
        counts[day] += number
    rows, exact = _latest(dated.exclude(day=F("first_day")), _MOST_COUNTED)
    within = rows.filter(occurred_at__gte=since).annotate(day=UtcDay("occurred_at"))
    for day, number in within.values_list("day").annotate(n=Count("pk")):
        counts[day] += number
    dates = [first + timedelta(days=number) for number in range(_DAYS)]
    return UserDays([UserDay(one, counts[one.isoformat()]) for one in dates], exact)


def user_usage(user_id: str) -> Usage:
    """Which models a user's sessions used, and which tools were called in the latest of them."""
    theirs = Session.objects.filter(user_id=user_id).order_by()
    latest = theirs.order_by("-last_activity_at", "-session_id").values("pk")[: _MOST_SESSIONS * 5]
    models = SessionModel.objects.filter(session__in=latest).order_by().values_list("name").annotate(n=Count("pk"))
    rows, _ = _latest(theirs, _MOST_SAMPLED)
    calls = rows.filter(kind=InteractionKind.TOOL_CALL).exclude(tool_name="")
    tools = calls.values_list("tool_name").annotate(n=Count("pk"))
    return Usage(
        list(models.order_by("-n", "name")[:_MOST_NAMED]), list(tools.order_by("-n", "tool_name")[:_MOST_NAMED])
    )


def _latest(sessions: SessionQuerySet, most: int) -> tuple[InteractionQuerySet, bool]:
    """Up to so many of the latest interactions of some sessions, the latest sessions first, and whether that is all."""
    latest = sessions.filter(interaction_count__gt=0).order_by("-last_activity_at", "-session_id")
    rows = list(latest.values_list("pk", "last_sequence")[: _MOST_SESSIONS + 1])
    places, left = Q(pk__in=[]), most
    for session_id, last_sequence in rows[:_MOST_SESSIONS]:
        if left > 0:
            places |= Q(session_id=session_id, sequence__gt=max(0, last_sequence - left))
            left -= last_sequence
    is_all = len(rows) <= _MOST_SESSIONS and sum(length for _, length in rows) <= most
    return Interaction.objects.filter(places).order_by(), is_all


def known_as(user_id: str) -> list[str]:
    """The other IDs that lead to a user, in the order of their names; the first 100."""
    found: list[str] = []
    wave = [user_id]
    while wave and len(found) < _MOST_SESSIONS:
        absorbed = Profile.objects.filter(merged_into__in=wave).exclude(pk__in=[user_id, *found])
        wave = list(absorbed.order_by("pk").values_list("pk", flat=True)[:_MOST_SESSIONS])
        found += wave
    return sorted(found)
