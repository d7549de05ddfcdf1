"""IDs in an export that somebody brings for one user: what others have under them stays unsaid.

An interaction whose ID is somebody else's would count as known, and as differing or not: whoever holds an old export
could ask whether it is here still, and what it says. And a conversation that both were given would be the first one's
alone. So it comes in under another ID, always the same one, and is known the next time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from sessions.models import Interaction
from sessions.records import InteractionRecord, SessionRecord


def with_own_ids(records: Sequence[InteractionRecord], session_id: str, owner: str) -> Sequence[InteractionRecord]:
    """Interactions of a session as a user may bring them; `owner` is the ID that the user goes by today."""
    taken = _taken({one for record in records for one in (record.id, record.parent_id) if one is not None}, owner)
    if not taken:
        return records
    own: dict[UUID | None, UUID] = {one: _own(one, session_id) for one in taken}
    return [
        replace(record, id=own.get(record.id, record.id), parent_id=own.get(record.parent_id, record.parent_id))
        for record in records
    ]


def with_own_pins(record: SessionRecord, owner: str) -> SessionRecord:
    """A session's header whose pins name the interactions by the same IDs."""
    taken = _taken(record.pins, owner)
    return replace(record, pins=[_own(pin, record.session_id) if pin in taken else pin for pin in record.pins])


def _taken(ids: Iterable[UUID], owner: str) -> set[UUID]:
    """Those of the IDs that are of interactions in other users' sessions."""
    found = Interaction.objects.filter(pk__in=list(ids)).exclude(session__user_id=owner)
    return set(found.order_by().values_list("pk", flat=True))


def _own(taken: UUID, session_id: str) -> UUID:
    return uuid5(taken, session_id)
