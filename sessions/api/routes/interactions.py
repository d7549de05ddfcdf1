"""What was said: stored and read."""

from typing import Annotated, Literal

from django.http import HttpResponse
from pydantic import Field

from sessions import agents, errors
from sessions.agents import MAX_BATCH
from sessions.agents.shapes import (
    BatchResults,
    InteractionIn,
    InteractionList,
    InteractionOut,
    Logged,
    SessionBatch,
    SessionOut,
)
from sessions.agents.shapes.incoming import Incoming
from sessions.errors import InvalidInput
from sessions.records import Scope

from .. import parameters
from ..answers import answer
from ..entrance import ProgramRequest
from ..parameters import Header, Id, Query, Sent, SessionId, Size, Whole
from ..routing import Routes

routes = Routes("Interactions")
_APPENDING = (errors.SessionTrashed, errors.IdempotencyConflict)


class Interactions(Incoming):
    """Interactions of one session in their order; all of them are stored, or none."""

    interactions: list[InteractionIn] = Field(min_length=1, max_length=MAX_BATCH)


class Batches(Incoming):
    """Interactions of several sessions, 2,000 in all; what becomes of one session concerns no other."""

    batches: list[SessionBatch] = Field(min_length=1, max_length=MAX_BATCH)


@routes.post(
    "/sessions/{session_id}/interactions", scope=Scope.WRITE, answers={201: Logged, 200: Logged}, refusals=_APPENDING
)
def append_interaction(
    request: ProgramRequest,
    session_id: SessionId,
    interaction: Sent[InteractionIn],
    idempotency_key: Annotated[
        str | None, Header(None, alias="Idempotency-Key", description="The same as the member `idempotency_key`.")
    ],
) -> HttpResponse:
    """Append one interaction.

    When this answers, the database and the file on disk both have it. 200 says that it was there already, under the
    same idempotency key.
    """
    if idempotency_key is not None:
        _add_key(interaction, idempotency_key)
    logged = agents.append(request.auth.caller, session_id, [interaction])
    return answer(logged, 201 if logged.added else 200)


@routes.post(
    "/sessions/{session_id}/interactions:batch",
    scope=Scope.WRITE,
    answers={201: Logged, 200: Logged},
    refusals=_APPENDING,
)
def append_interactions(request: ProgramRequest, session_id: SessionId, sent: Sent[Interactions]) -> HttpResponse:
    """Append interactions to one session.

    All of them are stored, or none: one transaction and one write to the file on disk. 200 says that all were there
    already.
    """
    logged = agents.append(request.auth.caller, session_id, sent.interactions)
    return answer(logged, 201 if logged.added else 200)


@routes.post("/interactions:batch", scope=Scope.WRITE, answers=BatchResults)
def append_batches(request: ProgramRequest, sent: Sent[Batches]) -> HttpResponse:
    """Append interactions to several sessions.

    Each session's are stored all or none, and answered by themselves: `logged`, or a `problem` with the same codes
    that the operation for one session has. Those that failed may be sent again with the same idempotency keys.
    """
    return answer(agents.append_batches(request.auth.caller, sent.batches))


@routes.get("/sessions/{session_id}/interactions", scope=Scope.READ, answers=InteractionList)
def list_interactions(
    request: ProgramRequest,
    session_id: SessionId,
    after: Annotated[Whole | None, Query(None, description="Those behind this sequence.")],
    before: Annotated[Whole | None, Query(None, description="The last ones ahead of this sequence.")],
    limit: Annotated[Size, parameters.limit(100)],
    key: Annotated[list[str] | None, Query(None, description="Only those with these idempotency keys; repeatable.")],
    include: Annotated[
        Literal["source"] | None, Query(None, description="`source` adds the records as their sources had them.")
    ],
) -> HttpResponse:
    """List a session's interactions.

    In their order, from either end: `after` and `before` of an answer are what to go on from, null where nothing
    is.
    """
    page = agents.list_interactions(
        request.auth.caller,
        session_id,
        after=after,
        before=before,
        limit=limit,
        keys=key,
        with_source=include == "source",
    )
    return answer(page)


@routes.get(
    "/sessions/{session_id}/interactions/{sequence}",
    scope=Scope.READ,
    answers=InteractionOut,
    refusals=[errors.NotFound],
)
def get_interaction(request: ProgramRequest, session_id: SessionId, sequence: Whole) -> HttpResponse:
    """Read one interaction.

    With the record as its source had it, where that was kept.
    """
    return answer(agents.get_interaction(request.auth.caller, session_id, sequence))


@routes.put(
    "/sessions/{session_id}/pins/{interaction_id}",
    scope=Scope.WRITE,
    answers=SessionOut,
    refusals=[errors.NotFound, errors.SessionTrashed],
)
def pin_interaction(request: ProgramRequest, session_id: SessionId, interaction_id: Id) -> HttpResponse:
    """Pin an interaction.

    Whoever resumes the session is handed it, however long ago it was.
    """
    return answer(agents.pin(request.auth.caller, session_id, interaction_id))


@routes.delete(
    "/sessions/{session_id}/pins/{interaction_id}",
    scope=Scope.WRITE,
    answers=SessionOut,
    refusals=[errors.NotFound, errors.SessionTrashed],
)
def unpin_interaction(request: ProgramRequest, session_id: SessionId, interaction_id: Id) -> HttpResponse:
    """Take a pin away.

    One that is not there is no mistake.
    """
    return answer(agents.unpin(request.auth.caller, session_id, interaction_id))


def _add_key(interaction: InteractionIn, header: str) -> None:
    """Take the idempotency key from the header, plain or as a quoted string."""
    if not header.isascii():
        raise InvalidInput("Idempotency-Key", "must be ASCII.", hint="Send other keys as the body's `idempotency_key`.")
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if interaction.idempotency_key not in (None, key):
        raise InvalidInput("Idempotency-Key", "is not the `idempotency_key` of the body.", hint="Send one of them.")
    interaction.idempotency_key = key
