"""Sessions: begun, found, gone on with, put away and brought back."""

from typing import Annotated

from django.http import HttpResponse
from pydantic import BaseModel, Field

from sessions import actions, agents, errors, packing
from sessions.actions import Order, SessionFilters
from sessions.agents.shapes import ContextPackOut, Found, Moment, Resumed, SessionList, SessionOut, SessionStart
from sessions.agents.shapes.incoming import Incoming
from sessions.records import Scope

from .. import parameters
from ..answers import answer, answer_pack
from ..entrance import ProgramRequest
from ..parameters import Flag, Query, Sent, SentOrNot, SessionId, Size, Whole, one_of
from ..routing import Routes

routes = Routes("Sessions")
State = Annotated[str, one_of(actions.STATES)]
Sort = Annotated[str, one_of(actions.SORTS)]
_BUDGET = f"What the context pack may take at most: {packing.MIN_TOKENS:,} to {packing.MAX_TOKENS:,} tokens."


class SessionQuery(BaseModel):
    """What a list is narrowed to and sorted by."""

    user_id: str = Field("", description="Whose they are.")
    state: State = Field("active", description="Where they are in their lives; `held` is beside that.")
    source: str = Field("", description="The program that they came from.")
    model: str = Field("", description="A model that they used.")
    tag: str = Field("", description="A tag that they have.")
    prefix: str = Field("", description="What their IDs begin with.")
    active_since: Moment | None = Field(None, description="Last active at this moment or later.")
    active_before: Moment | None = Field(None, description="Last active before this moment.")
    has_errors: Flag = Field(False, description="Only those in which something failed.")
    least_interactions: Whole | None = Field(None, description="With at least so many interactions.")
    most_interactions: Whole | None = Field(None, description="With at most so many interactions.")

    def filters(self) -> SessionFilters:
        return SessionFilters(**dict(self))


class Resuming(Incoming):
    max_tokens: int = Field(default=actions.DEFAULT_TOKENS, description=_BUDGET)
    user_id: str | None = Field(default=None, description="Whose session it must be; another one's is as unknown.")


class Reason(Incoming):
    reason: str = ""


@routes.post(
    "/sessions",
    scope=Scope.WRITE,
    answers={201: SessionOut, 200: SessionOut},
    refusals=[errors.SessionNotFound, errors.SessionExists, errors.SessionPurged, errors.OtherUser],
)
def start_session(request: ProgramRequest, wanted: Sent[SessionStart]) -> HttpResponse:
    """Begin a session, or resume one.

    With `if_exists` at `resume`, a session that is there already is brought back to life and answered with 200.
    """
    session, is_new = agents.start_session(request.auth.caller, wanted)
    return answer(session, 201 if is_new else 200)


@routes.get("/sessions", scope=Scope.READ, answers=SessionList, refusals=[errors.UserNotFound])
def list_sessions(
    request: ProgramRequest,
    narrowed: Annotated[SessionQuery, Query(...)],
    cursor: Annotated[str, parameters.cursor()],
    limit: Annotated[Size, parameters.limit(50)],
    sort: Annotated[Sort, Query("activity", description="What the list is sorted by.")],
    descending: Annotated[Flag, Query(True, description="Whether the largest, or latest, comes first.")],
) -> HttpResponse:
    """List sessions.

    Those that were active last come first, unless something else is asked for. Without a `state`, those that are
    active; a page holds up to 500.
    """
    order = Order(sort, descending)
    found = agents.list_sessions(request.auth.caller, narrowed.filters(), order=order, cursor=cursor, limit=limit)
    return answer(found)


@routes.get("/search", scope=Scope.READ, answers=Found)
def search(
    request: ProgramRequest,
    q: Annotated[str, Query(..., description='Words, "phrases" and filters, as docs/search.md tells.')],
    cursor: Annotated[str, parameters.cursor()],
    limit: Annotated[Size, parameters.limit(20)],
) -> HttpResponse:
    """Find what was said."""
    return answer(agents.search(request.auth.caller, q, cursor=cursor, limit=limit))


@routes.get("/sessions/{session_id}", scope=Scope.READ, answers=SessionOut)
def get_session(request: ProgramRequest, session_id: SessionId) -> HttpResponse:
    """Read a session.

    With its context and without its interactions. The ID of a session that another one absorbed leads to that one.
    """
    return answer(agents.get_session(request.auth.caller, session_id))


@routes.post("/sessions/{session_id}/resume", scope=Scope.WRITE, answers=Resumed)
def resume_session(request: ProgramRequest, session_id: SessionId, wanted: SentOrNot[Resuming]) -> HttpResponse:
    """Resume a session.

    It is brought back to life, from expired and from the trash too, and what is needed to go on comes back. It adds
    no interaction, so that sending it again does no harm.
    """
    given = wanted or Resuming()
    caller = request.auth.caller
    return answer_pack(agents.resume(caller, session_id, user_id=given.user_id, max_tokens=given.max_tokens))


@routes.get("/sessions/{session_id}/context-pack", scope=Scope.READ, answers=ContextPackOut)
def get_context_pack(
    request: ProgramRequest,
    session_id: SessionId,
    max_tokens: Annotated[Whole, Query(actions.DEFAULT_TOKENS, description=_BUDGET)],
    cursor: Annotated[str, Query("", description="`left_out.cursor` of an earlier pack: the turns before those.")],
) -> HttpResponse:
    """Read a session's context pack.

    The same as resuming gives, and the session stays as it is.
    """
    return answer_pack(agents.context_pack(request.auth.caller, session_id, max_tokens=max_tokens, cursor=cursor))


@routes.post("/sessions/{session_id}/hold", scope=Scope.WRITE, answers=SessionOut, refusals=[errors.SessionTrashed])
def hold_session(request: ProgramRequest, session_id: SessionId, wanted: SentOrNot[Reason]) -> HttpResponse:
    """Hold a session.

    No cleanup takes it until the hold ends.
    """
    return answer(agents.hold(request.auth.caller, session_id, wanted.reason if wanted else ""))


@routes.post("/sessions/{session_id}/release", scope=Scope.ADMIN, answers=SessionOut, refusals=[errors.SessionTrashed])
def release_session(request: ProgramRequest, session_id: SessionId) -> HttpResponse:
    """End a hold."""
    return answer(agents.release(request.auth.caller, session_id))


@routes.post("/sessions/{session_id}/trash", scope=Scope.ADMIN, answers=SessionOut, refusals=[errors.Conflict])
def trash_session(request: ProgramRequest, session_id: SessionId, wanted: SentOrNot[Reason]) -> HttpResponse:
    """Put a session into the trash.

    It can be restored as it was, until its time in the trash is over.
    """
    return answer(agents.trash(request.auth.caller, session_id, wanted.reason if wanted else ""))


@routes.post("/sessions/{session_id}/restore", scope=Scope.WRITE, answers=SessionOut, refusals=[errors.Conflict])
def restore_session(request: ProgramRequest, session_id: SessionId) -> HttpResponse:
    """Take a session out of the trash."""
    return answer(agents.restore(request.auth.caller, session_id))
