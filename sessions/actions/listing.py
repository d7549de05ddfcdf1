"""Lists of sessions: narrowed, ordered, and in pages that stay fast however many there are.

A list is found in one index that holds whatever it may be narrowed or ordered by (`session_by_activity`), and only
the rows of the page itself are read. docs/decisions/0008-lists-read-one-index.md tells why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, F, Model, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

from sessions import conf, validation
from sessions.errors import InvalidInput
from sessions.mirror.layout import is_safe_id
from sessions.models import AuditEvent, Session, SessionModel, SessionTag
from sessions.querysets import SessionQuerySet

from . import cursors
from .identity import resolve_user

MAX_PAGE = 500
STATES = ("active", "expired", "held", "trashed", "merged", "all")
# So many sessions of a user, tag or model are looked up one by one; more are cheaper found by going through the index.
_FEW = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilters:
    """What a list is narrowed to; empty fields narrow nothing.

    `state` is one of `STATES`, `prefix` what the IDs begin with. `active_since` and `active_before` bound the last
    activity; `least_interactions` and `most_interactions` the number of interactions, those included that an old system
    only stated.
    """

    user_id: str = ""
    state: str = "active"
    source: str = ""
    model: str = ""
    tag: str = ""
    prefix: str = ""
    active_since: datetime | None = None
    active_before: datetime | None = None
    has_errors: bool = False
    least_interactions: int | None = None
    most_interactions: int | None = None


SORTS: dict[str, tuple[str, ...]] = {
    "activity": ("last_activity_at",),
    "created": ("created_at",),
    "user": ("by_user", "last_activity_at"),
    "interactions": ("interactions_in_all",),
    "tokens": ("tokens_in_all",),
    "cost": ("cost_microusd",),
    "errors": ("error_count",),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by, one of `SORTS`, and whether the largest, or latest, comes first."""

    sort: str = "activity"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of a list and the cursor of the next, empty on the last."""

    sessions: Sequence[Session]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed lately: sessions that a list holds, and others, some of which it may have held."""

    fitting: Sequence[Session]
    others: Sequence[Session]


LATEST_FIRST = Order()


def list_sessions(
    filters: SessionFilters, *, order: Order = LATEST_FIRST, cursor: str = "", limit: int = 50
) -> SessionPage:
    """A page of sessions. Raises InvalidInput for a foreign cursor, an unknown state or an unknown sort."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_PAGE}.")
    keys = _keys(order)
    found = _with_keys(matching(filters))
    if cursor:
        found = found.filter(_behind(keys, _read_cursor(cursor, order), order))
    places = list(found.order_by(*_in_order(keys, order)).values_list(*keys)[: limit + 1])
    page = places[:limit]
    return SessionPage(_rows([place[-1] for place in page]), _write_cursor(order, page[-1]) if places[limit:] else "")


def changed_since(filters: SessionFilters, moment: datetime, *, limit: int = 100) -> Changes:
    """What was active or changed since a moment, up to a limit.

    What is logged moves the last activity, and whatever else changes a session stands in the audit trail.
    """
    audited = AuditEvent.objects.filter(at__gte=moment).exclude(session_id="").order_by("-at")
    touched = set(audited.values_list("session_id", flat=True)[:limit])
    found = matching(filters)
    fitting = set(found.filter(last_activity_at__gte=moment).values_list("pk", flat=True)[:limit])
    if touched:
        fitting.update(found.filter(pk__in=touched).values_list("pk", flat=True))
    rows = _rows(sorted(touched | fitting)[:limit])
    return Changes([row for row in rows if row.pk in fitting], [row for row in rows if row.pk not in fitting])


def matching(filters: SessionFilters) -> SessionQuerySet:
    """All sessions that the filters let through, in no order. Raises InvalidInput for what no session can have."""
    filters = _checked(filters)
    found = Session.objects.in_state(filters.state, conf.expires_before())
    if filters.user_id:
        found = _of_user(found, resolve_user(filters.user_id))
    if filters.prefix:
        found = _beginning(found, filters.prefix)
    if filters.source:
        # The index on sources alone would be taken otherwise, and every row be read that it leads to.
        found = found.alias(from_source=Coalesce("source", Value(""))).filter(from_source=filters.source)
    found = _named(found, [(SessionTag, filters.tag), (SessionModel, filters.model)])
    if filters.active_since:
        found = found.filter(last_activity_at__gte=filters.active_since)
    if filters.active_before:
        found = found.filter(last_activity_at__lt=filters.active_before)
    return _by_figures(found, filters).order_by()


def _checked(filters: SessionFilters) -> SessionFilters:
    if filters.state not in STATES:
        raise InvalidInput("state", f"must be one of {', '.join(STATES)}.")
    for name in ("user_id", "source", "tag", "model", "prefix"):
        validation.text(name, getattr(filters, name), longest=validation.MAX_SHORT_CHARACTERS)
    for name in ("least_interactions", "most_interactions"):
        validation.count(name, getattr(filters, name))
    # In UTC: PostgreSQL takes no zone that is sixteen hours away or more.
    return replace(
        filters,
        active_since=_moment("active_since", filters.active_since),
        active_before=_moment("active_before", filters.active_before),
    )


def _moment(name: str, moment: datetime | None) -> datetime | None:
    return None if moment is None else validation.moment(name, moment)


def _of_user(found: SessionQuerySet, user_id: str) -> SessionQuerySet:
    theirs = Session.objects.filter(user_id=user_id).order_by()
    if theirs.values_list("pk", flat=True)[_FEW : _FEW + 1]:
        return found.alias(of_user=Coalesce("user_id", Value(""))).filter(of_user=user_id)
    return found.filter(user_id=user_id)


def _beginning(found: SessionQuerySet, prefix: str) -> SessionQuerySet:
    """Those whose IDs begin so: looked up one by one where they are few."""
    named = {"pk__gte": prefix, "pk__lte": prefix + LAST_CHARACTER}
    few = list(Session.objects.filter(**named).order_by().values_list("pk", flat=True)[: _FEW + 1])
    if len(few) <= _FEW:
        return found.filter(pk__in=few)
    # The primary key would be gone through otherwise, and every row be read that it leads to.
    return found.alias(by_id=Coalesce("session_id", Value(""))).filter(
        by_id__gte=prefix, by_id__lte=prefix + LAST_CHARACTER
    )


def _named(found: SessionQuerySet, names: Sequence[tuple[type[SessionTag | SessionModel], str]]) -> SessionQuerySet:
    """Those that each table gives its name; an empty name narrows nothing."""
    common = []
    for table, name in names:
        rows = table._default_manager.filter(name=name).order_by()
        few = list(rows.values_list("session_id", flat=True)[: _FEW + 1]) if name else []
        if len(few) > _FEW:
            common.append(rows)
        elif name:
            found = found.filter(pk__in=few)
    if len(common) < 2:
        return found.filter(*(Exists(rows.filter(session=OuterRef("pk"))) for rows in common))
    # Two questions to the tables for each session that a sort goes through take longer than the list of those that fit.
    first, second = common
    fitting = first.filter(Exists(second.filter(session=OuterRef("session")))).values("session")
    return found.alias(named=Coalesce("session_id", Value(""))).filter(named__in=fitting)


def _by_figures(found: SessionQuerySet, filters: SessionFilters) -> SessionQuerySet:
    if filters.has_errors:
        found = found.filter(error_count__gt=0)
    in_all = F("interaction_count") + F("stated_interactions")
    if filters.least_interactions is not None:
        found = found.filter(GreaterThanOrEqual(in_all, filters.least_interactions))
    if filters.most_interactions is not None:
        found = found.filter(LessThanOrEqual(in_all, filters.most_interactions))
    return found


def _with_keys(found: SessionQuerySet) -> SessionQuerySet:
    return found.annotate(
        interactions_in_all=F("interaction_count") + F("stated_interactions"),
        tokens_in_all=F("input_tokens") + F("output_tokens"),
        # Else the index on users would be gone through, and every row be read that it leads to.
        by_user=Coalesce("user_id", Value("")),
    )


def _rows(session_ids: Sequence[str]) -> list[Session]:
    """The sessions of some IDs, in their order; one that was purged in between is left out."""
    rows = {row.pk: row for row in Session.objects.filter(pk__in=session_ids).order_by().prefetch_related("tags")}
    return [rows[pk] for pk in session_ids if pk in rows]


# --- Order and cursors --------------------------------------------------------------------------------------


def _keys(order: Order) -> tuple[str, ...]:
    if order.sort not in SORTS:
        raise InvalidInput("sort", f"must be one of {', '.join(SORTS)}.")
    return (*SORTS[order.sort], "session_id")


def _in_order(keys: Sequence[str], order: Order) -> list[str]:
    return [f"-{key}" for key in keys] if order.descending else list(keys)


def _behind(keys: Sequence[str], place: Sequence[Any], order: Order) -> Q:
    """What comes behind a place: the first key differs, or is the same and the second differs, and so on."""
    beyond = "lt" if order.descending else "gt"
    wanted = Q()
    for number, key in enumerate(keys):
        same = dict(zip(keys[:number], place, strict=False))
        wanted |= Q(**same, **{f"{key}__{beyond}": place[number]})
    # Implied by the above; an index is entered by it.
    return Q(**{f"{keys[0]}__{beyond}e": place[0]}) & wanted


def _write_cursor(order: Order, place: Sequence[Any]) -> str:
    values = [value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for value in place]
    return cursors.write(order.sort, order.descending, *values)


def _read_cursor(cursor: str, order: Order) -> list[Any]:
    """The place that a cursor names. Raises InvalidInput where it is none, or one of another order."""
    keys = _keys(order)

    def check(sort: str, descending: bool, *values: Any) -> list[Any]:
        if (sort, descending) != (order.sort, order.descending):
            raise ValueError("a place in another order")
        return [_read_key(key, value) for key, value in zip(keys, values, strict=True)]

    return cursors.read(cursor, check)


def _read_key(key: str, value: Any) -> Any:
    if key in ("last_activity_at", "created_at"):
        return validation.moment("cursor", datetime.fromisoformat(value))
    if key == "by_user":
        return validation.text("cursor", value, longest=validation.MAX_SHORT_CHARACTERS)
    if key == "session_id":
        if not isinstance(value, str) or not is_safe_id(value):
            raise ValueError("not a session's ID")
        return value
    return validation.count("cursor", value) or 0


# --- What there is to choose from ---------------------------------------------------------------------------

LAST_CHARACTER = "\U0010ffff"
"""Comes behind every other: texts that begin as another does lie between that and it with this behind."""
_MOST_CHOICES = 50
_LATEST = 500


def known_sources() -> list[str]:
    """The sources that sessions came from, for a filter's choices; 50 at most."""
    return _leap(Session, "source")


def known_models() -> list[str]:
    """The models that sessions used, for a filter's choices; 50 at most."""
    return _leap(SessionModel, "name")


def known_tags() -> list[str]:
    """The first 50 tags by name, as suggestions."""
    return _leap(SessionTag, "name")


def latest_users() -> list[str]:
    """The users of the latest 500 sessions, as suggestions; 50 at most."""
    latest = Session.objects.order_by("-last_activity_at", "-session_id").values_list("user_id", flat=True)[:_LATEST]
    return sorted(dict.fromkeys(latest))[:_MOST_CHOICES]


def session_ids_beginning(beginning: str, *, user_id: str = "", limit: int = 100) -> Sequence[str]:
    """IDs of live sessions that begin so, or the latest where nothing is typed yet; of one user where one is named."""
    live = Session.objects.live()
    if user_id:
        live = live.filter(user_id=user_id)
    if beginning:
        live = live.filter(pk__gte=beginning, pk__lte=beginning + LAST_CHARACTER).order_by("pk")
    return list(live.values_list("pk", flat=True)[:limit])


def _leap(model: type[Model], column: str) -> list[str]:
    """The values of an indexed column, not empty: from one to the next in the index.

    A DISTINCT would read all rows to tell of a handful.
    """
    quote = connection.ops.quote_name
    least = f"SELECT min({quote(column)}) FROM {quote(model._meta.db_table)} WHERE {quote(column)} >"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE leap(value) AS ({least} '' UNION ALL "  # noqa: S608
            f"SELECT ({least} leap.value) FROM leap WHERE leap.value IS NOT NULL) "
            "SELECT value FROM leap WHERE value IS NOT NULL LIMIT %s",
            [_MOST_CHOICES],
        )
        return [value for (value,) in cursor.fetchall()]
