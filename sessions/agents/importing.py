"""Files of other tools taken in: sent, looked at, confirmed, undone. A bound caller's become its user's own."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sessions import actions
from sessions.errors import InvalidInput
from sessions.records import Caller, Scope

from .callers import narrowed_user, require
from .shapes import ImportLine, ImportList, ImportOut

MOST_LISTED = 100


def start_import(
    caller: Caller,
    name: str,
    pieces: Iterable[bytes],
    *,
    form: str = "",
    user_id: str = "",
    tags: Sequence[str] = (),
    preview: bool = False,
) -> ImportOut:
    """Take a file in, or with `preview` look at it and wait for `confirm_import`. Needs `write`.

    The worker does it; `get_import` tells how far it is. Of a bound caller's file everything becomes its user's,
    whatever stands in it, and what is somebody else's is left alone. Raises InvalidInput, UploadTooLarge, and
    UserNotFound where a bound caller names somebody else.
    """
    require(caller, Scope.WRITE)
    options = {"user_id": narrowed_user(caller, user_id), "tags": tags, "format": form, "owner": caller.user_id}
    run = actions.stage_import([(name, pieces)], options=options, actor=caller.actor, confirmed=not preview)
    return ImportOut.of(run)


def list_imports(caller: Caller, *, before: UUID | None = None, limit: int = 20) -> ImportList:
    """The latest first, a bound caller's own alone. Needs `read`. Raises InvalidInput."""
    require(caller, Scope.READ)
    if not 1 <= limit <= MOST_LISTED:
        raise InvalidInput("limit", f"must lie between 1 and {MOST_LISTED}.")
    found = actions.list_imports(before=before, limit=limit + 1, owner=caller.user_id)
    shown = found[:limit]
    more = str(shown[-1].pk) if len(found) > limit else ""
    return ImportList(imports=[ImportLine.of(run) for run in shown], next_cursor=more)


def get_import(caller: Caller, import_id: UUID) -> ImportOut:
    """Needs `read`. Raises NotFound, also for somebody else's."""
    require(caller, Scope.READ)
    return ImportOut.of(actions.get_import(import_id, owner=caller.user_id))


def confirm_import(caller: Caller, import_id: UUID) -> ImportOut:
    """Take in what was looked at. Needs `write`. Raises NotFound, Conflict."""
    require(caller, Scope.WRITE)
    actions.get_import(import_id, owner=caller.user_id)
    return ImportOut.of(actions.confirm_import(import_id, actor=caller.actor))


def cancel_import(caller: Caller, import_id: UUID) -> ImportOut:
    """Drop what has stored nothing yet. Needs `write`. Raises NotFound, Conflict."""
    require(caller, Scope.WRITE)
    actions.get_import(import_id, owner=caller.user_id)
    return ImportOut.of(actions.cancel_import(import_id, actor=caller.actor))


def undo_import(caller: Caller, import_id: UUID) -> ImportOut:
    """Begin to take an import back; the worker does it. Needs `admin`. Raises NotFound, Conflict."""
    require(caller, Scope.ADMIN)
    actions.get_import(import_id, owner=caller.user_id)
    return ImportOut.of(actions.undo_import(import_id, actor=caller.actor))
