"""Files of other tools taken in: sent as they are, looked at or taken in at once, followed, and undone."""

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse

from sessions import agents, errors
from sessions.agents.shapes import ImportList, ImportOut
from sessions.errors import InvalidInput
from sessions.records import Scope

from ..answers import answer
from ..bodies import read_upload
from ..entrance import ProgramRequest
from ..parameters import Flag, Id, Query, whole_up_to
from ..routing import Routes

routes = Routes("Imports")
_GONE = [errors.NotFound, errors.Conflict]


@routes.post(
    "/imports", scope=Scope.WRITE, answers={202: ImportOut}, refusals=[errors.UploadTooLarge, errors.UserNotFound]
)
def start_import(
    request: ProgramRequest,
    name: Annotated[str, Query("upload", description="The file's name, as reports shall call it.")],
    form: Annotated[str, Query("", alias="format", description="Read the file as this, whatever it looks like.")],
    user_id: Annotated[str, Query("", description="The user of what names nobody.")],
    tag: Annotated[list[str] | None, Query(None, description="Tag the sessions; repeatable.")],
    preview: Annotated[Flag, Query(False, description="Only look at it, and wait until it is confirmed.")],
) -> HttpResponse:
    """Import a file.

    The body is the file itself, an archive too, of any content type and up to SESSIONSITE_MAX_UPLOAD_MB. It is taken
    in by the worker; the address in `Location` tells how far it is. Importing again adds only what is new. With a
    token that is bound to a user, everything in the file becomes that user's, and what is somebody else's is left.
    """
    started = agents.start_import(
        request.auth.caller, name, read_upload(request), form=form, user_id=user_id, tags=tag or [], preview=preview
    )
    response = answer(started, 202)
    response["Location"] = f"/api/v1/imports/{started.import_id}"
    return response


@routes.get("/imports", scope=Scope.READ, answers=ImportList)
def list_imports(
    request: ProgramRequest,
    after: Annotated[str, Query("", alias="cursor", description="`next_cursor` of the page before.")],
    size: Annotated[
        int, *whole_up_to(agents.MOST_LISTED), Query(20, alias="limit", description="How many at most; up to 100.")
    ],
) -> HttpResponse:
    """List imports, the latest first."""
    return answer(agents.list_imports(request.auth.caller, before=_place(after), limit=size))


@routes.get("/imports/{import_id}", scope=Scope.READ, answers=ImportOut, refusals=[errors.NotFound])
def get_import(request: ProgramRequest, import_id: Id) -> HttpResponse:
    """Read how far an import is, what was found, and what became of it."""
    return answer(agents.get_import(request.auth.caller, import_id))


@routes.post("/imports/{import_id}/confirm", scope=Scope.WRITE, answers=ImportOut, refusals=_GONE)
def confirm_import(request: ProgramRequest, import_id: Id) -> HttpResponse:
    """Take in what was looked at."""
    return answer(agents.confirm_import(request.auth.caller, import_id))


@routes.post("/imports/{import_id}/cancel", scope=Scope.WRITE, answers=ImportOut, refusals=_GONE)
def cancel_import(request: ProgramRequest, import_id: Id) -> HttpResponse:
    """Drop an import that has stored nothing yet, and its file."""
    return answer(agents.cancel_import(request.auth.caller, import_id))


@routes.post("/imports/{import_id}/undo", scope=Scope.ADMIN, answers=ImportOut, refusals=_GONE)
def undo_import(request: ProgramRequest, import_id: Id) -> HttpResponse:
    """Take an import back.

    The worker does it. What the import made goes into the trash, from where it can be restored; what somebody went on
    with is parted from it; what is held, or was merged since, is left and named in the report.
    """
    return answer(agents.undo_import(request.auth.caller, import_id))


def _place(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput("cursor", "is none that was given out.", hint="Start without one.") from None
