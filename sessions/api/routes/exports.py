"""Many sessions at once, as one archive."""

from typing import Annotated

from django.http import HttpResponse
from pydantic import FailFast, Field

from sessions import agents, errors
from sessions.agents.shapes.incoming import Incoming
from sessions.records import Scope
from sessions.views.streaming import download

from ..entrance import ProgramRequest
from ..parameters import Query, Sent, one_of
from ..routing import Routes
from .sessions import SessionQuery

MOST_NAMED = 1_000
_FORMAT = "What each session is written as."
_AFTER = "Only sessions whose IDs come behind this one: where an archive that was cut off is gone on with."

routes = Routes("Sessions")
Format = Annotated[str, one_of(agents.FORMATS)]


class Naming(Incoming):
    """The sessions to give out, by their IDs."""

    session_ids: Annotated[list[str], FailFast(), Field(min_length=1, max_length=MOST_NAMED)]
    format: Format = Field("json", description=_FORMAT)
    after: str = Field("", description=_AFTER)


@routes.get("/exports", scope=Scope.READ, answers={200: None}, refusals=[errors.UserNotFound])
def export_sessions(
    request: ProgramRequest,
    narrowed: Annotated[SessionQuery, Query(...)],
    form: Annotated[Format, Query("json", alias="format", description=_FORMAT)],
    after: Annotated[str, Query("", description=_AFTER)],
) -> HttpResponse:
    """Download many sessions.

    All that a list with these filters would hold, as a ZIP that is made while it is sent, in the order of their IDs.
    Its manifest comes last; an archive without it was cut off.
    """
    return _sent(agents.export_sessions(request.auth.caller, narrowed.filters(), form=form, after=after))


@routes.post("/exports", scope=Scope.READ, answers={200: None}, refusals=[errors.SessionNotFound, errors.SessionPurged])
def export_named_sessions(request: ProgramRequest, wanted: Sent[Naming]) -> HttpResponse:
    """Download sessions by their IDs.

    The same of up to 1,000 sessions that are named.
    """
    caller = request.auth.caller
    return _sent(agents.export_sessions(caller, wanted.session_ids, form=wanted.format, after=wanted.after))


def _sent(archive: agents.Archive) -> HttpResponse:
    return download(archive.pieces, name=archive.file_name, content_type="application/zip")
