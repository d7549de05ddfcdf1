"""Reading the audit log: who changed what, when, through which face. `audit` writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from sessions import validation
from sessions.errors import InvalidInput
from sessions.models import AuditEvent, Session

from . import cursors

MAX_PAGE = 500
_BATCH = 1_000
_MOST_CHOICES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilters:
    """What the log is narrowed to; empty fields narrow nothing. `since` is the first moment, `before` lies behind."""

    actor: str = ""
    face: str = ""
    verb: str = ""
    session_id: str = ""
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of the log, latest first, and the cursor of the next, empty on the last."""

    events: Sequence[AuditEvent]
    next_cursor: str


def list_events(filters: ActivityFilters, *, cursor: str = "", limit: int = 50) -> EventPage:
    """A page of the log. Raises InvalidInput for a foreign cursor or what no event can have."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_PAGE}.")
    found = _matching(filters)
    if cursor:
        found = _behind(found, *cursors.read(cursor, _read_place))
    rows = list(found[: limit + 1])
    page = rows[:limit]
    return EventPage(page, _write_cursor(page[-1]) if len(rows) > limit else "")


def all_events(filters: ActivityFilters) -> Iterator[AuditEvent]:
    """The whole log, latest first, a piece at a time: a long download holds no transaction open.

    Raises InvalidInput, at once and not on the way.
    """
    return _pieces(_matching(filters))


def _pieces(found: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    page = list(found[:_BATCH])
    while page:
        yield from page
        page = list(_behind(found, page[-1].at, page[-1].pk)[:_BATCH]) if len(page) == _BATCH else []


def session_events(session_id: str, *, limit: int = 8) -> list[AuditEvent]:
    """What was done to a session last, latest first."""
    return list(AuditEvent.objects.filter(session_id=session_id)[:limit])


def titles_of(events: Sequence[AuditEvent]) -> dict[str, str]:
    """The given titles of the sessions that some events name, by their IDs; what was said first is no title."""
    named = {event.session_id for event in events}
    for event in events:
        absorbed = event.details.get("absorbed")
        named.update(one for one in (absorbed if isinstance(absorbed, list) else [absorbed]) if isinstance(one, str))
    return dict(Session.objects.filter(pk__in=named).exclude(title="").order_by().values_list("pk", "title"))


def known_actors() -> list[str]:
    """Who ever changed something, as suggestions; the first 100 by name. Leaps from one to the next in the index."""
    return _leap("actor")


def known_verbs() -> list[str]:
    """What was ever done."""
    return _leap("verb")


def _matching(filters: ActivityFilters) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.order_by("-at", "-id")
    for name in ("actor", "face", "verb", "session_id"):
        if value := validation.text(name, getattr(filters, name), longest=validation.MAX_SHORT_CHARACTERS):
            found = found.filter(**{name: value})
    if filters.since is not None:
        found = found.filter(at__gte=validation.moment("since", filters.since))
    if filters.before is not None:
        found = found.filter(at__lt=validation.moment("before", filters.before))
    return found


def _behind(found: QuerySet[AuditEvent], at: datetime, pk: int) -> QuerySet[AuditEvent]:
    # The first condition is implied by the second; an index is entered by it.
    return found.filter(at__lte=at).filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))


def _write_cursor(event: AuditEvent) -> str:
    return cursors.write(event.at.astimezone(UTC).isoformat(), event.pk)


def _read_place(moment: str, pk: int) -> tuple[datetime, int]:
    return validation.moment("cursor", datetime.fromisoformat(moment)), validation.count("cursor", pk) or 0


def _leap(field: str) -> list[str]:
    found: list[str] = []
    values = AuditEvent.objects.order_by(field).values_list(field, flat=True)
    while len(found) < _MOST_CHOICES:
        following = values.filter(**{f"{field}__gt": found[-1]} if found else {}).first()
        if following is None:
            break
        found.append(following)
    return found
