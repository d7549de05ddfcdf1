"""Sessions: begun, found, gone on with, put away and brought back."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack

from ..requests import Request, get, name_in_path, path_of, send
from ..shapes import Context, ContextPack, Resumed, Session, SessionList


def new_session_id() -> str:
    """128 random bits in hexadecimal, as the server makes them."""
    return secrets.token_hex(16)


class SessionStart(TypedDict, total=False):
    """What a session begins with. `source` is the program that it is held with, such as my-agent.

    `if_exists` says what to do where the ID is known already: `refuse` (so it is where nothing is said) or `resume`.
    """

    if_exists: Literal["refuse", "resume"]
    user_id: str | None
    title: str
    source: str
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    project_context: Mapping[str, Any]


def start_session(session_id: str | None = None, **given: Unpack[SessionStart]) -> Request[Session]:
    """Without an ID a random one is chosen here, not there: sent again, the session is found instead of made twice."""
    body = start_body(session_id, given)
    return send("POST", "/sessions", Session, body, repeatable=body["if_exists"] == "resume")


def start_body(session_id: str | None, given: SessionStart) -> dict[str, Any]:
    """What begins a session, without what is empty."""
    # Whoever chose a random ID cannot meet a stranger by it.
    if_exists = given.get("if_exists", "refuse") if session_id else "resume"
    told = {name: value for name, value in given.items() if value}
    if "tags" in told:
        told["tags"] = list(given["tags"])
    return {**told, "session_id": session_id or new_session_id(), "if_exists": if_exists}


def get_session(session_id: str) -> Request[Session]:
    return get(path_of("sessions", session_id), Session)


class SessionNarrowing(TypedDict, total=False):
    """What sessions are narrowed to.

    `state` is active (where nothing is said), expired, held, trashed, merged or all; `prefix` what the ID begins with.
    """

    user_id: str
    state: str
    source: str
    model: str
    tag: str
    prefix: str
    active_since: datetime
    active_before: datetime
    has_errors: bool
    least_interactions: int
    most_interactions: int


class SessionFilters(SessionNarrowing, total=False):
    """What a list of sessions is narrowed to and sorted by.

    `sort` is one of activity, created, user, interactions, tokens, cost, errors.
    """

    sort: str
    descending: bool
    cursor: str
    limit: int


def list_sessions(**filters: Unpack[SessionFilters]) -> Request[SessionList]:
    return get("/sessions", SessionList, **filters)


def resume(session_id: str, *, max_tokens: int | None = None, user_id: str | None = None) -> Request[Resumed]:
    body = {"max_tokens": max_tokens, "user_id": user_id}
    return send("POST", path_of("sessions", session_id, "resume"), Resumed, body, repeatable=True)


def context_pack(session_id: str, *, max_tokens: int | None = None, cursor: str = "") -> Request[ContextPack]:
    return get(path_of("sessions", session_id, "context-pack"), ContextPack, max_tokens=max_tokens, cursor=cursor)


def get_context(session_id: str) -> Request[Context]:
    return get(path_of("sessions", session_id, "context"), Context)


class ContextEdit(TypedDict, total=False):
    """The members that are given replace what was there; those left out stay."""

    title: str
    context_summary: str
    active_topics: Sequence[str]
    user_preferences: Mapping[str, Any]
    project_context: Mapping[str, Any]
    semantic_context: Mapping[str, Any]
    metadata: Mapping[str, Any]
    tags: Sequence[str]


def update_context(session_id: str, version: str, changes: ContextEdit) -> Request[Context]:
    """With a version it is not repeatable: a first try that arrived would have made the version another one."""
    headers = {"If-Match": f'"{version}"'} if version else {}
    path = path_of("sessions", session_id, "context")
    return send("PATCH", path, Context, changes, headers=headers, repeatable=not version)


def add_tag(session_id: str, tag: str) -> Request[Context]:
    return send("PUT", path_of("sessions", session_id, "tags", name_in_path(tag)), Context, repeatable=True)


def remove_tag(session_id: str, tag: str) -> Request[Context]:
    return send("DELETE", path_of("sessions", session_id, "tags", name_in_path(tag)), Context, repeatable=True)


def hold(session_id: str, reason: str = "") -> Request[Session]:
    return send("POST", path_of("sessions", session_id, "hold"), Session, {"reason": reason}, repeatable=True)


def release(session_id: str) -> Request[Session]:
    return send("POST", path_of("sessions", session_id, "release"), Session)


def trash(session_id: str, reason: str = "") -> Request[Session]:
    return send("POST", path_of("sessions", session_id, "trash"), Session, {"reason": reason})


def restore(session_id: str) -> Request[Session]:
    return send("POST", path_of("sessions", session_id, "restore"), Session)
