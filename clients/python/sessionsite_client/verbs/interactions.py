"""What was said: stored, read, pinned."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..requests import Request, Steps, ask, encoded, get, moment, path_of, reading, send
from ..shapes import BatchResults, Interaction, InteractionFields, InteractionList, Logged, Session

MOST_AT_ONCE = 500
MOST_BYTES_AT_ONCE = 8 * 1024 * 1024
NEWEST = 2**63 - 1
"""A sequence ahead of which every interaction stands: `before` it are the latest."""


def prepared(fields: InteractionFields | Mapping[str, Any]) -> dict[str, Any]:
    """An interaction as it is sent, with an idempotency key in any case. Raises ValueError for a time without zone."""
    made: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    made.setdefault("idempotency_key", uuid.uuid4().hex)
    if "occurred_at" in made:
        made["occurred_at"] = moment(made["occurred_at"])
    if "parent_id" in made:
        made["parent_id"] = str(made["parent_id"])
    return made


def in_batches(interactions: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Encoded interactions in their order, as many together as the server likes to take at once."""
    batch: list[bytes] = []
    size_bytes = 0
    for one in interactions:
        if batch and (len(batch) == MOST_AT_ONCE or size_bytes + len(one) > MOST_BYTES_AT_ONCE):
            yield batch
            batch, size_bytes = [], 0
        batch.append(one)
        size_bytes += len(one)
    if batch:
        yield batch


def append(session_id: str, interactions: Sequence[bytes]) -> Request[Logged]:
    """Encoded interactions, all or none."""
    body = b'{"interactions":[' + b",".join(interactions) + b"]}"
    return Request("POST", path_of("sessions", session_id, "interactions:batch"), reading(Logged), body=body)


def append_batches(batches: Sequence[tuple[str, Sequence[bytes]]]) -> Request[BatchResults]:
    """Encoded interactions of several sessions; what becomes of one concerns no other."""
    parts = [
        b'{"session_id":' + encoded(session_id) + b',"interactions":[' + b",".join(interactions) + b"]}"
        for session_id, interactions in batches
    ]
    body = b'{"batches":[' + b",".join(parts) + b"]}"
    return Request("POST", "/interactions:batch", reading(BatchResults), body=body)


def log_many(session_id: str, interactions: Iterable[InteractionFields]) -> Steps[Logged]:
    """All in their order, in requests of at most 500 interactions or 8 MiB, each of them stored all or none."""
    logged = Logged(session_id=session_id, added=0, interactions=[])
    for batch in in_batches(encoded(prepared(one)) for one in interactions):
        more = yield from ask(append(session_id, batch))
        logged = Logged(
            session_id=more.session_id,
            added=logged.added + more.added,
            interactions=logged.interactions + more.interactions,
        )
    return logged


def list_interactions(
    session_id: str,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int | None = None,
    keys: Sequence[str] = (),
    include_source: bool = False,
) -> Request[InteractionList]:
    return get(
        path_of("sessions", session_id, "interactions"),
        InteractionList,
        after=after,
        before=before,
        limit=limit,
        key=list(keys) or None,
        include="source" if include_source else None,
    )


def get_interaction(session_id: str, sequence: int) -> Request[Interaction]:
    return get(path_of("sessions", session_id, "interactions", str(sequence)), Interaction)


def pin(session_id: str, interaction_id: str) -> Request[Session]:
    return send("PUT", path_of("sessions", session_id, "pins", interaction_id), Session, repeatable=True)


def unpin(session_id: str, interaction_id: str) -> Request[Session]:
    return send("DELETE", path_of("sessions", session_id, "pins", interaction_id), Session, repeatable=True)
