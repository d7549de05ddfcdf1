"""Finding sessions and interactions: by ID, and as pages that stay fast however many there are."""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from django.db import connection, transaction

from sessions import conf, validation
from sessions.errors import InvalidInput, SessionNotFound, SessionPurged
from sessions.mirror import drain
from sessions.mirror.layout import is_safe_id
from sessions.models import Interaction, Session, Tombstone
from sessions.querysets import SessionQuerySet

MAX_PAGE = 500
_MOST_SOURCES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilters:
    """What a list is narrowed to; empty fields narrow nothing.

    `state` is one of `STATES`. `active_since` and `active_before` bound the last activity.
    """

    user_id: str = ""
    state: str = "active"
    source: str = ""
    tag: str = ""
    active_since: datetime | None = None
    active_before: datetime | None = None


STATES = ("active", "expired", "held", "trashed", "merged", "all")


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of a list and the cursor of the next, empty on the last."""

    sessions: Sequence[Session]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class InteractionPage:
    """Some interactions in their order; `before` and `after` are the sequences to go on from, or None."""

    interactions: Sequence[Interaction]
    before: int | None
    after: int | None


def get_session(session_id: str) -> Session:
    """The session of an ID, or the one that absorbed it. Raises SessionNotFound or SessionPurged."""
    session = find_row(session_id)
    seen = {session.pk}
    while session.merged_into_id is not None:
        if session.merged_into_id in seen:
            raise SessionNotFound(session_id, hint="Its chain of merges leads back to itself.")
        seen.add(session.merged_into_id)
        session = find_row(session.merged_into_id)
    return session


def find_row(session_id: str) -> Session:
    """The very row of an ID, merged or not."""
    session = Session.objects.filter(pk=session_id).first() if is_safe_id(session_id) else None
    if session is None:
        _raise_missing(session_id)
    return session


def lock_session(session_id: str) -> Session:
    """Like `get_session`, with that one row locked until the transaction ends."""
    while True:
        with suppress(LedElsewhere), releasing_locks():
            target = get_session(session_id)
            locked = lock_rows([target.pk])[target.pk]
            # Merged or unmerged while we waited for the lock: the ID leads elsewhere now.
            if locked.merged_into_id is None and (locked.pk == session_id or get_session(session_id).pk == locked.pk):
                return locked
            raise LedElsewhere


class LedElsewhere(Exception):
    """The row that was locked is not the one that its ID leads to."""


def releasing_locks() -> AbstractContextManager[object]:
    """A block whose row locks are given back when it ends with an exception.

    A transaction that waits for one row while it holds another may wait for itself. SQLite knows one lock only, which
    the transaction has from its beginning.
    """
    return transaction.atomic() if connection.features.has_select_for_update else nullcontext()


def lock_rows(session_ids: Iterable[str]) -> dict[str, Session]:
    """These very rows, locked in one order everywhere, so that two transactions never wait for each other.

    A transaction locks all the sessions that it will change by one call. Raises SessionNotFound or SessionPurged.
    """
    wanted = sorted(set(session_ids))
    for pk in wanted:
        if not is_safe_id(pk):
            _raise_missing(pk)
    rows = {row.pk: row for row in Session.objects.select_for_update().filter(pk__in=wanted).order_by("pk")}
    for pk in wanted:
        if pk not in rows:
            _raise_missing(pk)
    return rows


def list_sessions(filters: SessionFilters, *, cursor: str = "", limit: int = 50) -> SessionPage:
    """A page of sessions, latest activity first. Raises InvalidInput for a foreign cursor or an unknown state."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_PAGE}.")
    found = matching(filters).prefetch_related("tags").order_by("-last_activity_at", "-session_id")
    if cursor:
        found = found.older_than(*_read_cursor(cursor))
    rows = list(found[: limit + 1])
    page = rows[:limit]
    return SessionPage(page, _write_cursor(page[-1]) if len(rows) > limit else "")


def matching(filters: SessionFilters) -> SessionQuerySet:
    """All sessions that the filters let through, in no order. Raises InvalidInput for what no session can have."""
    for name in ("user_id", "source", "tag"):
        validation.text(name, getattr(filters, name), longest=validation.MAX_SHORT_CHARACTERS)
    for name in ("active_since", "active_before"):
        if (moment := getattr(filters, name)) is not None:
            validation.moment(name, moment)
    found = _in_state(filters.state)
    if filters.user_id:
        found = found.filter(user_id=filters.user_id)
    if filters.source:
        found = found.filter(source=filters.source)
    if filters.tag:
        found = found.filter(tags__name=filters.tag)
    if filters.active_since:
        found = found.filter(last_activity_at__gte=filters.active_since)
    if filters.active_before:
        found = found.filter(last_activity_at__lt=filters.active_before)
    return found.order_by()


def list_interactions(
    session_id: str, *, after: int | None = None, before: int | None = None, limit: int = 100
) -> InteractionPage:
    """Up to `limit` interactions behind a sequence, or the last ones ahead of one; from the start without either."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_PAGE}.")
    # The original records are for exports; a page of them could be very large.
    rows = Interaction.objects.filter(session_id=session_id).defer("source_record")
    if before is not None:
        found = list(rows.filter(sequence__lt=before).order_by("-sequence")[: limit + 1])
        page = found[:limit][::-1]
        more_before, more_after = len(found) > limit, bool(page)
    else:
        found = list(rows.filter(sequence__gt=after or 0).order_by("sequence")[: limit + 1])
        page = found[:limit]
        more_before, more_after = bool(after and page), len(found) > limit
    return InteractionPage(
        page,
        page[0].sequence if more_before else None,
        page[-1].sequence if more_after else None,
    )


def journal_path(session_id: str) -> Path:
    """Where a session's journal stands, or would stand once it is back from the trash."""
    return drain.layout().journal(session_id)


def known_sources() -> list[str]:
    """The sources that sessions came from, for a filter's choices.

    Leaps from one value to the next in the index: a DISTINCT would read all sessions to tell of a handful.
    """
    found: list[str] = []
    sources = Session.objects.order_by("source").values_list("source", flat=True)
    while (following := sources.filter(source__gt=found[-1] if found else "").first()) and len(found) < _MOST_SOURCES:
        found.append(following)
    return found


def _in_state(state: str) -> SessionQuerySet:
    rows = Session.objects.all()
    match state:
        case "active":
            return rows.active(conf.expires_before())
        case "expired":
            return rows.expired(conf.expires_before())
        case "held":
            return rows.held()
        case "trashed":
            return rows.trashed()
        case "merged":
            return rows.filter(merged_into__isnull=False)
        case "all":
            return rows
    raise InvalidInput("state", f"must be one of {', '.join(STATES)}.")


def _raise_missing(session_id: str) -> NoReturn:
    tombstone = Tombstone.objects.filter(pk=session_id).first() if is_safe_id(session_id) else None
    if tombstone is not None:
        raise SessionPurged(session_id, hint=f"It was purged on {tombstone.purged_at:%Y-%m-%d} and cannot come back.")
    raise SessionNotFound(session_id)


def _write_cursor(session: Session) -> str:
    place = json.dumps([session.last_activity_at.astimezone(UTC).isoformat(), session.session_id])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, session_id = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        at = datetime.fromisoformat(moment)
        if not isinstance(session_id, str) or not is_safe_id(session_id):
            raise ValueError("not a place in a list")
        validation.moment("cursor", at)
    except (ValueError, TypeError, binascii.Error, RecursionError, InvalidInput) as error:
        raise InvalidInput("cursor", "is not a cursor of this list.", hint="Start from the first page.") from error
    return at, session_id
