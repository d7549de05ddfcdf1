"""Searches, merges, cleanups, users, and who one is."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..requests import Request, encoded, get, name_in_path, path_of, reading, send
from ..shapes import Cleanup, CleanupPlan, Found, Me, Merge, MergePlan, Preferences, User, UserList

Choices = Mapping[str, str | Mapping[str, str]]
"""Whose value is kept, by context field (for an object by its keys): a session's ID, or `both`."""


def me() -> Request[Me]:
    return get("/me", Me)


def search(text: str, *, cursor: str = "", limit: int | None = None) -> Request[Found]:
    return get("/search", Found, q=text, cursor=cursor, limit=limit)


def plan_merge(survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> Request[MergePlan]:
    body = {"absorbed": list(absorbed), "choices": choices}
    return send("POST", path_of("sessions", survivor_id, "merge", "plan"), MergePlan, body, repeatable=True)


def merge(survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> Request[Merge]:
    body = {"absorbed": list(absorbed), "choices": choices}
    return send("POST", path_of("sessions", survivor_id, "merge"), Merge, body)


def apply_merge(plan_token: str) -> Request[Merge]:
    return send("POST", "/merges", Merge, {"plan_token": plan_token})


def get_merge(merge_id: str) -> Request[Merge]:
    return get(path_of("merges", merge_id), Merge)


def undo_merge(merge_id: str) -> Request[Merge]:
    return send("POST", path_of("merges", merge_id, "undo"), Merge)


def plan_cleanup(
    *, idle_days: int | None = None, user_id: str | None = None, purge: bool | None = None
) -> Request[CleanupPlan]:
    body = {"idle_days": idle_days, "user_id": user_id, "purge": purge}
    return send("POST", "/cleanup/plan", CleanupPlan, body, repeatable=True)


def apply_cleanup(plan_token: str, *, confirmed_sessions: int | None = None) -> Request[Cleanup]:
    return send("POST", "/cleanup", Cleanup, {"plan_token": plan_token, "confirmed_sessions": confirmed_sessions})


def get_cleanup(run_id: str) -> Request[Cleanup]:
    return get(path_of("cleanup", run_id), Cleanup)


def undo_cleanup(run_id: str) -> Request[Cleanup]:
    return send("POST", path_of("cleanup", run_id, "undo"), Cleanup)


def list_users(*, prefix: str = "", cursor: str = "", limit: int | None = None) -> Request[UserList]:
    return get("/users", UserList, prefix=prefix, cursor=cursor, limit=limit)


def get_user(user_id: str) -> Request[User]:
    return get(path_of("users", name_in_path(user_id)), User)


def get_preferences(user_id: str) -> Request[Preferences]:
    return get(path_of("users", name_in_path(user_id), "preferences"), Preferences)


def set_preferences(user_id: str, values: Mapping[str, Any]) -> Request[Preferences]:
    # Not by `send`, which leaves out what is None: here null is a value.
    path = path_of("users", name_in_path(user_id), "preferences")
    return Request("PATCH", path, reading(Preferences), body=encoded(dict(values)))


def remove_preference(user_id: str, name: str) -> Request[Preferences]:
    return send(
        "DELETE",
        path_of("users", name_in_path(user_id), "preferences", name_in_path(name)),
        Preferences,
        repeatable=True,
    )
