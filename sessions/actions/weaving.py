"""Moving interactions between two sessions: woven in by time, each remembering where it was, and taken out again."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import merge as merge_sorted
from uuid import UUID

from sessions import mapping
from sessions.models import Interaction, Session
from sessions.records import Origin

from .log import same_row_content

_BATCH = 400
# What the time order needs of a row; the texts stay in the database.
_ORDER_FIELDS = ("id", "session_id", "sequence", "revision", "occurred_at", "idempotency_key", "origins")


def _rows(session: Session) -> list[Interaction]:
    return list(Interaction.objects.of(session.pk).only(*_ORDER_FIELDS))


def duplicates(survivor: Session, absorbed: Session) -> set[UUID]:
    """The absorbed session's interactions that the survivor has too: the same key and the same content."""
    keyed = Interaction.objects.of(absorbed.pk).filter(idempotency_key__isnull=False)
    shared = Interaction.objects.of(survivor.pk).filter(idempotency_key__in=keyed.values("idempotency_key").order_by())
    ours = {row.idempotency_key: row for row in shared}
    if not ours:
        return set()
    theirs = keyed.filter(idempotency_key__in=shared.values("idempotency_key").order_by())
    return {row.pk for row in theirs if same_row_content(ours[row.idempotency_key], row)}


def in_time_order(ours: Iterable[Interaction], theirs: Iterable[Interaction]) -> list[Interaction]:
    """Both rows of interactions woven by time; neither's own order is ever changed, whatever its clocks said."""
    woven = merge_sorted(_with_running_time(ours), _with_running_time(theirs), key=lambda pair: pair[0])
    return [row for _, row in woven]


def _with_running_time(rows: Iterable[Interaction]) -> Iterator[tuple[datetime, Interaction]]:
    latest: datetime | None = None
    for row in rows:
        latest = row.occurred_at if latest is None else max(latest, row.occurred_at)
        yield latest, row


def move_in(survivor: Session, absorbed: Session, merge_id: UUID) -> int:
    """Move the absorbed interactions to the survivor and number the whole anew; return how many moved."""
    shared = duplicates(survivor, absorbed)
    taken_keys = set(
        Interaction.objects.of(survivor.pk)
        .filter(idempotency_key__isnull=False)
        .values_list("idempotency_key", flat=True)
    )
    moving = [row for row in _rows(absorbed) if row.pk not in shared]
    woven = in_time_order(_rows(survivor), moving)
    for row in moving:
        given_up = row.idempotency_key if row.idempotency_key in taken_keys else None
        origin = Origin(merge_id=merge_id, session_id=absorbed.pk, sequence=row.sequence, idempotency_key=given_up)
        row.origins = [*row.origins, *mapping.write_origins([origin])]
        if given_up is not None:
            row.idempotency_key = None
    _place(survivor, woven)
    return len(moving)


def move_back(survivor: Session, absorbed: Session, merge_id: UUID) -> int:
    """Give a merge's interactions back to their session, with the sequences they had; close the survivor's ranks."""
    rows = _rows(survivor)
    returning = [row for row in rows if _came_by(row, merge_id)]
    staying = [row for row in rows if not _came_by(row, merge_id)]
    sequences = {}
    for row in returning:
        *earlier, origin = mapping.read_origins(row.origins)
        row.origins = mapping.write_origins(earlier)
        row.idempotency_key = origin.idempotency_key or row.idempotency_key
        sequences[row.pk] = origin.sequence
    _place(absorbed, returning, sequences)
    _place(survivor, staying)
    return len(returning)


def _came_by(row: Interaction, merge_id: UUID) -> bool:
    return bool(row.origins) and row.origins[-1]["merge_id"] == str(merge_id)


def _place(session: Session, rows: Sequence[Interaction], sequences: dict[UUID, int] | None = None) -> None:
    """Make the rows the session's, numbered in their order or as told; rows that come in get new revisions.

    Sequences are unique at every moment, so rows that change place step aside to negative numbers first.
    """
    changed = []
    for position, row in enumerate(rows, start=1):
        target = sequences[row.pk] if sequences else position
        if row.session_id != session.pk or row.sequence != target:
            if row.session_id != session.pk:
                row.revision = session.raise_revision()
            row.session = session
            row.sequence = -target
            changed.append(row)
    columns = ["session", "sequence", "revision", "origins", "idempotency_key"]
    Interaction.objects.bulk_update(changed, columns, batch_size=_BATCH)
    for row in changed:
        row.sequence = -row.sequence
    Interaction.objects.bulk_update(changed, ["sequence"], batch_size=_BATCH)
