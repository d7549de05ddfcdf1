"""The people of the conversations, and what they prefer."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sessions import actions
from sessions.errors import UserNotFound
from sessions.records import Caller, Scope

from .callers import checked_user, meant_user, require, visible_user
from .shapes import Preferences, UserLine, UserList, UserOut

_MOST_SUGGESTED = 100


def list_users(caller: Caller, *, prefix: str = "", cursor: str = "", limit: int = 50) -> UserList:
    """Those who have sessions, the latest active first; of a bound caller only its own. Needs `read`."""
    require(caller, Scope.READ)
    if caller.user_id:
        return _own(caller, prefix)
    page = actions.list_users(prefix=prefix, cursor=cursor, limit=limit)
    return UserList(users=[UserLine.of(row) for row in page.users], next_cursor=page.next_cursor)


def _own(caller: Caller, prefix: str) -> UserList:
    with suppress(UserNotFound):
        if caller.user_id.startswith(prefix):
            user = get_user(caller, caller.user_id)
            return UserList(users=[UserLine(**{name: getattr(user, name) for name in UserLine.model_fields})])
    return UserList(users=[])


def suggest_user_ids(caller: Caller, beginning: str) -> list[str]:
    """User IDs that begin so; at most 100. Needs `read`. Raises InvalidInput."""
    require(caller, Scope.READ)
    checked_user(beginning)
    if caller.user_id:
        return [caller.user_id] if caller.user_id.startswith(beginning) else []
    page = actions.list_users(prefix=beginning, sort="name", limit=_MOST_SUGGESTED)
    return [row.user_id for row in page.users]


def get_user(caller: Caller, user_id: str) -> UserOut:
    """Needs `read`. Raises UserNotFound."""
    require(caller, Scope.READ)
    profile = actions.find_user(visible_user(caller, user_id))
    return UserOut.whole(profile.pk, actions.user_figures(profile.pk), profile.preferences)


def preferences_of(caller: Caller, user_id: str = "") -> Preferences:
    """What a user prefers, or a bound caller's own; nothing for one who is not known yet. Needs `read`."""
    require(caller, Scope.READ)
    found = meant_user(caller, user_id)
    try:
        return Preferences.of(actions.find_user(found))
    except UserNotFound:
        return Preferences(user_id=found, preferences={}, revision=0)


def set_preferences(caller: Caller, user_id: str, values: Mapping[str, Any]) -> Preferences:
    """Set some preferences, which sessions begun from now on have; the others stay. Needs `write`."""
    require(caller, Scope.WRITE)
    found = meant_user(caller, user_id)
    return Preferences.of(actions.update_profile(found, replace=values, actor=caller.actor))


def remove_preference(caller: Caller, user_id: str, name: str) -> Preferences:
    """Remove one; one that is not there is no mistake. Needs `write`."""
    require(caller, Scope.WRITE)
    found = meant_user(caller, user_id)
    return Preferences.of(actions.update_profile(found, remove=[name], actor=caller.actor))
