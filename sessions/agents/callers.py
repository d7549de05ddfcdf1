"""What a caller may do, and whose sessions it may know."""

from sessions import actions, validation
from sessions.errors import InvalidInput, NotFound, OtherUser, ScopeMissing, SessionNotFound, UserNotFound
from sessions.models import Session
from sessions.records import ANONYMOUS, Caller, Scope


def require(caller: Caller, scope: Scope) -> None:
    """Raise ScopeMissing where the caller's scope does not reach so far."""
    if not caller.scope.includes(scope):
        raise ScopeMissing(f"This needs the scope {scope.value!r}; the caller has {caller.scope.value!r}.")


def visible_session(caller: Caller, session_id: str) -> Session:
    """The session that an ID leads to, if the caller may know it.

    Raises SessionNotFound, also for somebody else's, and SessionPurged where the caller may know everybody's.
    """
    if not caller.user_id:
        return actions.get_session(session_id)
    try:
        session = actions.get_session(session_id)
    except NotFound:
        # A purged session was somebody's; whose, nobody knows any more.
        raise SessionNotFound(session_id) from None
    if session.user_id != caller.user_id:
        raise SessionNotFound(session_id)
    return session


def refuse_stranger(caller: Caller, session_id: str) -> None:
    """Raise SessionNotFound where the caller may not know the session; asks nothing where it may know all."""
    if caller.user_id:
        visible_session(caller, session_id)


def visible_user(caller: Caller, user_id: str) -> str:
    """The ID that a user goes by, if the caller may know that user. Raises UserNotFound, InvalidInput."""
    found = actions.resolve_user(checked_user(user_id))
    if caller.user_id and found != caller.user_id:
        raise UserNotFound(user_id)
    return found


def checked_user(user_id: str) -> str:
    """A user's ID that the database may be asked for. Raises InvalidInput."""
    return validation.text("user_id", user_id, longest=validation.MAX_SHORT_CHARACTERS)


def meant_user(caller: Caller, user_id: str) -> str:
    """The ID of the user that is named, or a bound caller's own. Raises UserNotFound, InvalidInput where none is."""
    if not (user_id or caller.user_id):
        raise InvalidInput("user_id", "must be given.", hint="Name the user; this caller is not bound to one.")
    return visible_user(caller, user_id or caller.user_id)


def narrowed_user(caller: Caller, user_id: str) -> str:
    """The ID, as of today, of the user that a list is narrowed to: the one that was asked for, or a bound caller's own.

    Raises UserNotFound where a bound caller asks for somebody else, and InvalidInput.
    """
    return visible_user(caller, user_id) if user_id else caller.user_id


def owner_of_new(caller: Caller, user_id: str | None) -> str:
    """Whose a new session becomes. Raises OtherUser where a bound caller names somebody else."""
    if not caller.user_id:
        return user_id or ANONYMOUS
    if user_id and actions.resolve_user(checked_user(user_id)) != caller.user_id:
        raise OtherUser(
            f"This caller writes for the user {caller.user_id!r} alone.", hint="Leave the user out, or name that one."
        )
    return caller.user_id
