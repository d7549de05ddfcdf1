"""Moving interactions between sessions: woven in by time, each remembering where it was, and taken out again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge as merge_sorted
from operator import itemgetter
from uuid import UUID, uuid5

from django.db.models import F

from sessions import mapping, statements
from sessions.models import Interaction, Session
from sessions.records import Origin

from .duplicates import find_duplicates
from .keys import leads, retired_scope, with_absorbed

# What the time order needs of a row; the texts stay in the database.
_ORDER_FIELDS = ("id", "session_id", "sequence", "revision", "occurred_at", "idempotency_key", "key_scope", "origins")


def _rows(session: Session) -> list[Interaction]:
    return list(Interaction.objects.of(session.pk).only(*_ORDER_FIELDS))


def in_time_order(*sides: Iterable[tuple[datetime, Interaction]]) -> list[Interaction]:
    """Rows of several sessions, each with its running time, woven into one; who is named first goes first."""
    return [row for _, row in merge_sorted(*sides, key=itemgetter(0))]


def with_running_time(
    rows: Iterable[Interaction], since: datetime | None = None
) -> Iterator[tuple[datetime, Interaction]]:
    """Each row with the latest time up to it, so that no session's own order changes, whatever its clocks said."""
    latest = since
    for row in rows:
        latest = row.occurred_at if latest is None else max(latest, row.occurred_at)
        yield latest, row


def move_in(survivor: Session, incoming: Sequence[tuple[Session, UUID]]) -> dict[str, int]:
    """Move sessions' interactions to the survivor, each session by its merge, and number the whole anew.

    Returns how many of each session moved. What the survivor has already, or a session before it, stays where it is.
    """
    names = [session.pk for session, _ in incoming]
    shared = find_duplicates([survivor.pk, *names])
    ours = _rows(survivor)
    _revive_keys(ours, names)
    coming = [
        [pair for pair in with_running_time(_rows(session)) if pair[1].pk not in shared[session.pk]]
        for session, _ in incoming
    ]
    theirs = [(row, merge_id) for (_, merge_id), pairs in zip(incoming, coming, strict=True) for _, row in pairs]
    revived = _counting_again([row for row, _ in theirs], [survivor.pk, *names])
    taken = {(row.key_scope, row.idempotency_key) for row in ours}
    # Where one key stands in two scopes of one session, the session's own keeps it.
    for row, merge_id in sorted(theirs, key=lambda pair: bool(pair[0].key_scope)):
        _take_along(row, merge_id, taken, scope=revived.get(row.pk) or row.key_scope)
    place_rows(survivor, in_time_order(with_running_time(ours), *map(iter, coming)))
    return {name: len(pairs) for name, pairs in zip(names, coming, strict=True)}


def _take_along(row: Interaction, merge_id: UUID, taken: set[tuple[str, str | None]], *, scope: str) -> None:
    """Let a row remember its place, and keep its key in the scope that it was given in, or in which it counts again."""
    scope = scope or (row.session_id if row.idempotency_key is not None else "")
    is_taken = row.idempotency_key is not None and (scope, row.idempotency_key) in taken
    taken.add((scope, row.idempotency_key))
    origin = Origin(
        merge_id=merge_id,
        session_id=row.session_id,
        sequence=row.sequence,
        key_scope=row.key_scope,
        idempotency_key=row.idempotency_key if is_taken else None,
    )
    row.origins = [*row.origins, *mapping.write_origins([origin])]
    row.key_scope = scope
    if is_taken:
        row.idempotency_key = None


def move_back(survivor: Session, homes: Mapping[UUID, Session]) -> dict[str, int]:
    """Give the interactions of merges back to their sessions, with the sequences they had; close the survivor's ranks.

    `homes` are the absorbed sessions by their merges. Returns how many interactions each got back.
    """
    rows = _rows(survivor)
    staying = [row for row in rows if not any(_came_by(row, merge_id) for merge_id in homes)]
    given_back = {}
    for merge_id, home in homes.items():
        returning = [row for row in rows if _came_by(row, merge_id)]
        sequences = {}
        for row in returning:
            *earlier, origin = mapping.read_origins(row.origins)
            row.origins = mapping.write_origins(earlier)
            row.idempotency_key = origin.idempotency_key or row.idempotency_key
            row.key_scope = origin.key_scope
            sequences[row.pk] = origin.sequence
        _make_room(home, returning, sequences)
        place_rows(home, returning, sequences)
        given_back[home.pk] = len(returning)
    # Once the others have left: one of them may have the retired scope and the key.
    _retire_keys(staying, homes)
    place_rows(survivor, staying)
    return given_back


def _make_room(home: Session, returning: Sequence[Interaction], sequences: dict[UUID, int]) -> None:
    """Nothing that files said keeps a merge from being undone: what would stand twice goes behind, without its key."""
    there = list(Interaction.objects.of(home.pk).values_list("sequence", "key_scope", "idempotency_key"))
    used = {sequence for sequence, _, _ in there}
    keys = {(scope, key) for _, scope, key in there if key is not None}
    last = max([*used, *sequences.values()], default=0)
    for row in returning:
        if sequences[row.pk] in used:
            last += 1
            sequences[row.pk] = last
        used.add(sequences[row.pk])
        if (row.key_scope, row.idempotency_key) in keys:
            row.idempotency_key = None
        elif row.idempotency_key is not None:
            keys.add((row.key_scope, row.idempotency_key))


def _retire_keys(staying: Sequence[Interaction], homes: Mapping[UUID, Session]) -> None:
    """Let what was sent to the IDs of sessions that leave, and stays, not bar their keys: its scope is nobody's now."""
    held = {(row.key_scope, row.idempotency_key) for row in staying}
    scopes = {scope for scope, key in held if scope and key is not None}
    leaving = {scope: merge_id for merge_id, home in homes.items() for scope in scopes if leads(scope, home.pk)}
    changed = [row for row in staying if row.key_scope in leaving]
    for row in changed:
        retired, merge_id = retired_scope(row.key_scope), leaving[row.key_scope]
        is_taken = (retired, row.idempotency_key) in held
        row.key_scope = str(uuid5(merge_id, row.key_scope)) if is_taken else retired
    statements.update_all(changed, ("key_scope",))


def _revive_keys(ours: Sequence[Interaction], incoming: Sequence[str]) -> None:
    """Let what stayed when a merge was undone count again for a session that comes back and has nothing else for it."""
    revived = _counting_again(ours, incoming)
    changed = [row for row in ours if row.pk in revived]
    for row in changed:
        row.key_scope = revived[row.pk]
    statements.update_all(changed, ("key_scope",))


def _counting_again(rows: Sequence[Interaction], names: Sequence[str]) -> dict[UUID, str]:
    """The scopes, by row, of keys that were retired when one of these sessions left and have no other use there."""
    scopes = {row.key_scope for row in rows if row.idempotency_key is not None} - {""}
    homes = {retired_scope(name): name for name in with_absorbed(names)} if scopes else {}
    waiting = [row for row in rows if row.key_scope in homes and row.idempotency_key is not None]
    if not waiting:
        return {}
    held = {(row.key_scope or row.session_id, row.idempotency_key) for row in rows}
    keys = {row.idempotency_key for row in waiting}
    # What a merge left behind is a use of the key too: its twin answers for it.
    theirs = Interaction.objects.filter(session_id__in=homes.values(), idempotency_key__in=keys).order_by()
    given = theirs.values_list("key_scope", "session_id", "idempotency_key")
    held |= {(scope or home, key) for scope, home, key in given}
    revived = {}
    for row in waiting:
        home = homes[row.key_scope]
        if (home, row.idempotency_key) not in held:
            held.add((home, row.idempotency_key))
            revived[row.pk] = home
    return revived


def _came_by(row: Interaction, merge_id: UUID) -> bool:
    """Whether a merge brought a row to where it is."""
    return bool(row.origins) and row.origins[-1]["merge_id"] == str(merge_id)


def place_rows(session: Session, rows: Sequence[Interaction], sequences: Mapping[UUID, int] | None = None) -> None:
    """Make the rows the session's, numbered in their order or as told; rows that come in get new revisions.

    Sequences are unique at every moment, so rows that change place step aside to negative numbers first.
    """
    changed = []
    for position, row in enumerate(rows, start=1):
        target = sequences[row.pk] if sequences is not None else position
        if row.session_id != session.pk or row.sequence != target:
            if row.session_id != session.pk:
                row.revision = session.raise_revision()
            row.session = session
            row.sequence = -target
            changed.append(row)
    statements.update_all(changed, ("session_id", "sequence", "revision", "origins", "idempotency_key", "key_scope"))
    aside = Interaction.objects.filter(session=session, sequence__lt=0).order_by()
    aside.update(sequence=-F("sequence"))
