"""What is known around a conversation, and a conversation as a file."""

from typing import Annotated

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from sessions import agents, errors
from sessions.agents.shapes import Context, ContextEdit
from sessions.records import Caller, Scope
from sessions.views.streaming import download

from .. import etags
from ..answers import answer
from ..entrance import ProgramRequest
from ..parameters import Header, Name, Query, Sent, SessionId, one_of
from ..routing import Routes

routes = Routes("Sessions")
Format = Annotated[str, one_of(agents.FORMATS)]
_EDITING = (errors.SessionTrashed,)


@routes.get("/sessions/{session_id}/context", scope=Scope.READ, answers={200: Context, 304: None})
def get_context(
    request: ProgramRequest,
    session_id: SessionId,
    if_none_match: Annotated[
        str | None, Header(None, alias="If-None-Match", description="Answered with 304 while it is still that one.")
    ],
) -> HttpResponse:
    """Read a session's context.

    `ETag` names the whole of it as it stands.
    """
    context = agents.context_of(request.auth.caller, session_id)
    if etags.is_fresh(if_none_match, context.version):
        return _tagged(HttpResponse(status=304), context)
    return _tagged(answer(context), context)


@routes.patch(
    "/sessions/{session_id}/context",
    scope=Scope.WRITE,
    answers=Context,
    refusals=[errors.SessionTrashed, errors.ContextChanged],
)
def edit_context(
    request: ProgramRequest,
    session_id: SessionId,
    edit: Sent[ContextEdit],
    if_match: Annotated[
        str | None, Header(None, alias="If-Match", description="Changed only while the context is still that one.")
    ],
) -> HttpResponse:
    """Change a session's context.

    The members that are given replace what was there, the others stay.
    """
    version = _version(request.auth.caller, session_id, if_match)
    context = agents.update_context(request.auth.caller, session_id, edit, version=version)
    return _tagged(answer(context), context)


@routes.put("/sessions/{session_id}/tags/{name:tag}", scope=Scope.WRITE, answers=Context, refusals=_EDITING)
def add_tag(request: ProgramRequest, session_id: SessionId, tag: Name) -> HttpResponse:
    """Add a tag.

    One that is there already is no mistake. What a path cannot carry is written as docs/rest-api.md tells.
    """
    context = agents.add_tag(request.auth.caller, session_id, tag)
    return _tagged(answer(context), context)


@routes.delete("/sessions/{session_id}/tags/{name:tag}", scope=Scope.WRITE, answers=Context, refusals=_EDITING)
def remove_tag(request: ProgramRequest, session_id: SessionId, tag: Name) -> HttpResponse:
    """Take a tag away.

    One that is not there is no mistake.
    """
    context = agents.remove_tag(request.auth.caller, session_id, tag)
    return _tagged(answer(context), context)


@routes.get("/sessions/{session_id}/export", scope=Scope.READ, answers={200: None})
def export_session(
    request: ProgramRequest,
    session_id: SessionId,
    form: Annotated[Format, Query("json", alias="format", description="The form of the file.")],
) -> HttpResponseBase:
    """Download a session.

    All of it, made while it is sent.
    """
    export = agents.export_session(request.auth.caller, session_id, form=form)
    pieces = (chunk.encode() for chunk in export.chunks)
    return download(pieces, name=export.file_name, content_type=export.media_type)


def _tagged(response: HttpResponse, context: Context) -> HttpResponse:
    response["ETag"] = etags.tag_of(context.version)
    # A program may keep it, as long as it asks each time whether it still is so.
    response["Cache-Control"] = "private, no-cache"
    return response


def _version(caller: Caller, session_id: str, if_match: str | None) -> str:
    """The one version that a change may be made to, of those that If-Match names; "" for any."""
    named = etags.wanted_by(if_match, "If-Match")
    if named is None or named == [etags.ANY]:
        return ""
    if len(named) == 1:
        return named[0]
    present = agents.context_of(caller, session_id).version
    return present if present in named else named[0]
