"""What was said: stored, read, pinned."""

from collections.abc import Sequence
from uuid import UUID

from sessions import actions
from sessions.errors import Conflict, InvalidInput, MirrorUnavailable, NotFound
from sessions.records import Caller, Scope

from .callers import refuse_stranger, require, visible_session
from .shapes import (
    MAX_BATCH,
    BatchProblem,
    BatchResult,
    BatchResults,
    InteractionIn,
    InteractionList,
    InteractionOut,
    Logged,
    LoggedInteraction,
    SessionBatch,
    SessionOut,
    interactions_of,
)


def append(caller: Caller, session_id: str, interactions: Sequence[InteractionIn]) -> Logged:
    """Store interactions in their order, all or none; when this returns, both copies have them. Needs `write`.

    Raises InvalidInput, SessionNotFound, SessionTrashed, IdempotencyConflict, and MirrorUnavailable: send it again.
    """
    require(caller, Scope.WRITE)
    _refuse_too_many(len(interactions))
    refuse_stranger(caller, session_id)
    appended = actions.append_interactions(session_id, [one.draft() for one in interactions], actor=caller.actor)
    return Logged.model_construct(
        session_id=appended.session_id,
        added=appended.added,
        interactions=[
            LoggedInteraction.model_construct(id=row.pk, sequence=row.sequence, idempotency_key=row.idempotency_key)
            for row in appended.rows
        ],
    )


def append_batches(caller: Caller, batches: Sequence[SessionBatch]) -> BatchResults:
    """Store interactions of several sessions; one session's failure costs no other one's. Needs `write`.

    What a copy's disk refuses is told in the results too: the same batch may be sent again with the same keys.
    """
    require(caller, Scope.WRITE)
    _refuse_too_many(sum(len(batch.interactions) for batch in batches))
    return BatchResults(results=[_append_batch(caller, batch) for batch in batches])


def _append_batch(caller: Caller, batch: SessionBatch) -> BatchResult:
    try:
        logged = append(caller, batch.session_id, batch.interactions)
    except (InvalidInput, NotFound, Conflict, MirrorUnavailable) as error:
        problem = BatchProblem(code=error.code, detail=error.message, hint=error.hint)
        return BatchResult(session_id=batch.session_id, problem=problem)
    return BatchResult(session_id=batch.session_id, logged=logged)


def _refuse_too_many(count: int) -> None:
    if count > MAX_BATCH:
        raise InvalidInput("interactions", f"{count:,} are too many at once.", hint=f"Send up to {MAX_BATCH:,}.")


def list_interactions(
    caller: Caller,
    session_id: str,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 100,
    keys: Sequence[str] | None = None,
    with_source: bool = False,
) -> InteractionList:
    """Up to `limit` interactions behind a sequence, or the last ones ahead of one. Needs `read`.

    `keys` narrows them to some idempotency keys, as they were given under this ID; `with_source` adds the records as
    their sources had them.
    """
    require(caller, Scope.READ)
    session = visible_session(caller, session_id)
    page = actions.list_interactions(
        session.pk,
        after=after,
        before=before,
        limit=limit,
        keys=keys,
        key_scope=actions.scope_of(session_id, session.pk),
        with_source=with_source,
    )
    return InteractionList.model_construct(
        session_id=session.pk,
        interactions=interactions_of(page.interactions, with_source=with_source),
        before=page.before,
        after=page.after,
    )


def get_interaction(caller: Caller, session_id: str, sequence: int) -> InteractionOut:
    """One interaction with its source's record. Needs `read`. Raises NotFound."""
    require(caller, Scope.READ)
    session = visible_session(caller, session_id)
    return InteractionOut.of(actions.get_interaction(session.pk, sequence), with_source=True)


def pin(caller: Caller, session_id: str, interaction_id: UUID) -> SessionOut:
    """Pin an interaction: whoever resumes is handed it. Needs `write`. Raises NotFound."""
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    return SessionOut.of(actions.pin_interaction(session_id, interaction_id, actor=caller.actor))


def unpin(caller: Caller, session_id: str, interaction_id: UUID) -> SessionOut:
    """Take a pin away. Needs `write`."""
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    return SessionOut.of(actions.unpin_interaction(session_id, interaction_id, actor=caller.actor))
