"""Sessions: begun, found, gone on with, and put away."""

from typing import Any

from sessions import actions, packing, validation
from sessions.actions import Order, SessionFilters
from sessions.errors import InvalidInput, SessionExists, SessionNotFound, SessionPurged
from sessions.records import Caller, Scope

from .callers import checked_user, narrowed_user, owner_of_new, refuse_stranger, require, visible_session
from .shapes import Context, ContextEdit, ContextPackOut, Resumed, SessionList, SessionOut, SessionStart, lines

_MOST_SUGGESTED = 100


def start_session(caller: Caller, wanted: SessionStart) -> tuple[SessionOut, bool]:
    """Begin a session, or resume one that is there where that is wanted; whether it is new. Needs `write`.

    Raises InvalidInput, SessionExists, SessionPurged, and SessionNotFound where the ID is somebody else's.
    """
    require(caller, Scope.WRITE)
    owner = owner_of_new(caller, wanted.user_id)
    if wanted.session_id is not None and wanted.if_exists == "resume" and _is_there(caller, wanted.session_id):
        return SessionOut.of(_resumed(caller, wanted.session_id, wanted.user_id)), False
    try:
        session = actions.create_session(
            session_id=wanted.session_id,
            user_id=owner,
            title=wanted.title,
            source=wanted.source,
            metadata=wanted.metadata,
            project_context=wanted.project_context,
            tags=wanted.tags,
            actor=caller.actor,
        )
    except SessionExists:
        if caller.user_id and not _is_there(caller, wanted.session_id or ""):
            raise _taken(wanted) from None
        if wanted.if_exists != "resume" or wanted.session_id is None:
            raise
        # Somebody was quicker.
        return SessionOut.of(_resumed(caller, wanted.session_id, wanted.user_id)), False
    except SessionPurged:
        # As in `visible_session`: whose it was, nobody knows any more.
        if caller.user_id:
            raise _taken(wanted) from None
        raise
    return SessionOut.of(session), True


def _taken(wanted: SessionStart) -> SessionNotFound:
    """What a bound caller is told of an ID that is, or was, somebody else's."""
    return SessionNotFound(
        wanted.session_id or "", hint="This ID cannot be had. Start one with another; none was made."
    )


def _is_there(caller: Caller, session_id: str) -> bool:
    try:
        visible_session(caller, session_id)
    except SessionNotFound as error:
        # Purged, and to a bound caller somebody else's too: creating it tells which.
        return type(error) is not SessionNotFound
    return True


def _resumed(caller: Caller, session_id: str, user_id: str | None) -> Any:
    refuse_stranger(caller, session_id)
    if user_id is not None:
        checked_user(user_id)
        if caller.user_id and actions.resolve_user(user_id) != caller.user_id:
            raise SessionNotFound(session_id)
    return actions.resume_session(session_id, user_id=caller.user_id or user_id, actor=caller.actor)


def get_session(caller: Caller, session_id: str) -> SessionOut:
    """Needs `read`. Raises SessionNotFound or SessionPurged."""
    require(caller, Scope.READ)
    return SessionOut.of(visible_session(caller, session_id))


def list_sessions(
    caller: Caller, filters: SessionFilters, *, order: Order, cursor: str = "", limit: int = 50
) -> SessionList:
    """A page of the sessions that the caller may know. Needs `read`. Raises InvalidInput, UserNotFound."""
    require(caller, Scope.READ)
    values = {name: getattr(filters, name) for name in SessionFilters.__dataclass_fields__}
    mine = SessionFilters(**{**values, "user_id": narrowed_user(caller, filters.user_id)})
    page = actions.list_sessions(mine, order=order, cursor=cursor, limit=limit)
    return SessionList(sessions=lines(page.sessions), next_cursor=page.next_cursor)


def suggest_session_ids(caller: Caller, beginning: str, *, user_id: str = "") -> list[str]:
    """Session IDs that begin so, or the latest ones, of one user where one is named; at most 100. Needs `read`.

    Raises InvalidInput, UserNotFound.
    """
    require(caller, Scope.READ)
    validation.text("beginning", beginning, longest=validation.MAX_SHORT_CHARACTERS)
    owner = narrowed_user(caller, user_id)
    return list(actions.session_ids_beginning(beginning, user_id=owner, limit=_MOST_SUGGESTED))


def resume(
    caller: Caller, session_id: str, *, user_id: str | None = None, max_tokens: int = actions.DEFAULT_TOKENS
) -> Resumed:
    """Bring a session back to life, from expired and trash too, and hand out its context pack. Needs `write`.

    Adds no interaction. An unknown ID, or one of another user than `user_id`, raises SessionNotFound.
    """
    require(caller, Scope.WRITE)
    # Before anything is brought back to life.
    packing.checked_budget(max_tokens)
    session = _resumed(caller, session_id, user_id)
    pack = actions.context_pack(session.pk, max_tokens=max_tokens)
    return Resumed(session=lines([session])[0], created=False, context_pack=ContextPackOut.of(pack))


def context_pack(
    caller: Caller, session_id: str, *, max_tokens: int = actions.DEFAULT_TOKENS, cursor: str = ""
) -> ContextPackOut:
    """The same without resuming; with a `cursor`, the turns before. Needs `read`."""
    require(caller, Scope.READ)
    session = visible_session(caller, session_id)
    return ContextPackOut.of(actions.context_pack(session.pk, max_tokens=max_tokens, cursor=cursor))


def context_of(caller: Caller, session_id: str) -> Context:
    """Needs `read`."""
    require(caller, Scope.READ)
    return Context.of(visible_session(caller, session_id))


def update_context(caller: Caller, session_id: str, edit: ContextEdit, *, version: str = "") -> Context:
    """Replace the members that are given. Needs `write`.

    With the `version` that was seen, ContextChanged is raised where the context is another one by now. Raises
    InvalidInput, SessionNotFound, SessionTrashed.
    """
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    changes = edit.changes()
    if not changes:
        raise InvalidInput("context", "names nothing to change.")
    return Context.of(actions.update_context(session_id, actor=caller.actor, version=version, **changes))


def add_tag(caller: Caller, session_id: str, tag: str) -> Context:
    """Needs `write`."""
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    return Context.of(actions.add_tag(session_id, tag, actor=caller.actor))


def remove_tag(caller: Caller, session_id: str, tag: str) -> Context:
    """Needs `write`."""
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    return Context.of(actions.remove_tag(session_id, tag, actor=caller.actor))


def hold(caller: Caller, session_id: str, reason: str = "") -> SessionOut:
    """Exempt a session from every cleanup. Needs `write`."""
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    return SessionOut.of(actions.hold_session(session_id, reason=reason, actor=caller.actor))


def release(caller: Caller, session_id: str) -> SessionOut:
    """End a hold. Needs `admin`."""
    require(caller, Scope.ADMIN)
    refuse_stranger(caller, session_id)
    return SessionOut.of(actions.release_hold(session_id, actor=caller.actor))


def trash(caller: Caller, session_id: str, reason: str = "") -> SessionOut:
    """Put a session into the trash; it can be restored. Needs `admin`. Raises Conflict for a held one."""
    require(caller, Scope.ADMIN)
    refuse_stranger(caller, session_id)
    return SessionOut.of(actions.trash_session(session_id, reason=reason, actor=caller.actor))


def restore(caller: Caller, session_id: str) -> SessionOut:
    """Take a session out of the trash as it was. Needs `write`."""
    require(caller, Scope.WRITE)
    refuse_stranger(caller, session_id)
    return SessionOut.of(actions.restore_session(session_id, actor=caller.actor))
