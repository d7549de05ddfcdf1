"""Finding a session by its ID, and its interactions in pages. Lists of sessions: `listing`."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sessions import validation
from sessions.database import LedElsewhere, locks_rows, releasing_locks
from sessions.errors import InvalidInput, NotFound, SessionNotFound, SessionPurged
from sessions.mirror import drain
from sessions.mirror.layout import is_safe_id
from sessions.models import Interaction, Session, Tombstone

from .keys import having_keys

MAX_PAGE = 500
MAX_KEYS = 2_000
"""So many idempotency keys may be asked for at once: those of the largest batch."""


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
    if not is_safe_id(session_id):
        _raise_missing(session_id)
    target = session_id
    while True:
        # Whoever undoes a merge holds the absorbed row and waits for the survivor, which this transaction may hold
        # already. So a row that leads elsewhere is not asked for, and one that was merged while we waited for it, which
        # is locked none the less, is given back before its survivor is asked for.
        with suppress(LedElsewhere), releasing_locks():
            locked = Session.objects.select_for_update().filter(pk=target, merged_into=None).first()
            if locked is not None and (target == session_id or get_session(session_id).pk == target):
                return locked
            raise LedElsewhere
        target = get_session(session_id).pk


def lock_ahead(session_ids: Iterable[str], *, absorbed_ids: Iterable[str] = ()) -> None:
    """Lock what these IDs lead to, as far as it is there, in the order of `lock_rows`: for who locks each again later.

    `absorbed_ids` are locked themselves, wherever they lead.
    SQLite's write transaction excludes all others already.
    """
    if not locks_rows():
        return
    named, absorbed = {*session_ids}, {*absorbed_ids}
    while named or absorbed:
        with suppress(LedElsewhere), releasing_locks():
            targets = _targets(named)
            rows = Session.objects.select_for_update().filter(pk__in=targets | absorbed).order_by("pk")
            list(rows.values_list("pk"))
            # Merged or unmerged while we waited: another one would be asked for out of order.
            if _targets(named) == targets:
                return
            raise LedElsewhere


def _targets(session_ids: Collection[str]) -> set[str]:
    led = Session.objects.filter(pk__in=session_ids).exclude(merged_into=None).order_by().values_list("pk", flat=True)
    targets = set(session_ids)
    for pk in led:
        targets.remove(pk)
        with suppress(NotFound):
            targets.add(get_session(pk).pk)
    return targets


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


def list_interactions(
    session_id: str,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 100,
    path: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    key_scope: str = "",
    with_source: bool = False,
) -> InteractionPage:
    """Up to `limit` interactions behind a sequence, or the last ones ahead of one; from the start without either.

    `path` narrows them to the sequences of one way through a conversation that branches, in their order; `keys` to some
    idempotency keys of a scope (see `keys`). Raises InvalidInput.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_PAGE}.")
    rows = Interaction.objects.filter(session_id=session_id)
    if not with_source:
        # The original records are for exports; a page of them could be very large.
        rows = rows.defer("source_record")
    if keys is not None:
        rows = rows.filter(having_keys(session_id, key_scope, _checked_keys(keys)))
    if path is not None:
        rows = rows.filter(sequence__in=_stretch_of(path, after, before, limit + 1))
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


def _checked_keys(keys: Sequence[str]) -> Sequence[str]:
    if len(keys) > MAX_KEYS:
        raise InvalidInput("keys", f"are {len(keys):,}; at most {MAX_KEYS:,} may be asked for at once.")
    return [validation.text("keys", key, longest=validation.MAX_KEY_CHARACTERS) for key in keys]


def _stretch_of(path: Sequence[int], after: int | None, before: int | None, length: int) -> Sequence[int]:
    if before is not None:
        end = bisect_left(path, before)
        return path[max(0, end - length) : end]
    start = bisect_right(path, after or 0)
    return path[start : start + length]


def journal_path(session_id: str) -> Path:
    """Where a session's journal stands, or would stand once it is back from the trash."""
    return drain.layout().journal(session_id)


def _raise_missing(session_id: str) -> NoReturn:
    tombstone = Tombstone.objects.filter(pk=session_id).first() if is_safe_id(session_id) else None
    if tombstone is not None:
        raise SessionPurged(session_id, hint=f"It was purged on {tombstone.purged_at:%Y-%m-%d} and cannot come back.")
    raise SessionNotFound(session_id)
