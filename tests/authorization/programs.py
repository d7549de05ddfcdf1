"""The table of what programs may ask for: each operation of REST, each tool, resource and prompt of MCP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sessions.records import Scope
from tests.agents.estate import Estate

from .faces import TOKENS, Verdict, Who

READ, WRITE, ADMIN = Scope
UNKNOWN, LET_IN, REFUSED = Verdict.UNKNOWN, Verdict.LET_IN, Verdict.REFUSED
type Sent = Callable[[Estate], Any]
SAID = {"prompt": "said"}


@dataclass(frozen=True)
class Operation:
    """The scope that it needs, None where everybody may ask; what is sent; what a token bound to another user is told.

    `session` names the session of the estate that the path names; `query` is sent with the address.
    """

    scope: Scope | None
    sent: Sent = lambda _: None
    bound: Verdict = UNKNOWN
    session: str = "main"
    query: str = ""

    def verdict(self, who: Who) -> Verdict:
        if self.scope is None:
            return LET_IN
        if who not in TOKENS:
            return Verdict.NO_TOKEN
        if not TOKENS[who].includes(self.scope):
            return REFUSED
        return self.bound if who is Who.BOUND else LET_IN


REST: Mapping[str, Operation] = {
    "get_me": Operation(READ, bound=LET_IN),
    "start_session": Operation(WRITE, lambda of: {"session_id": of.main, "if_exists": "resume"}),
    "list_sessions": Operation(READ, query="?user_id=alice&state=all"),
    "get_session": Operation(READ),
    "resume_session": Operation(WRITE, lambda of: {}, session="trashed"),
    "get_context_pack": Operation(READ),
    "hold_session": Operation(WRITE, lambda of: {"reason": "needed"}),
    "release_session": Operation(ADMIN),
    "trash_session": Operation(ADMIN, lambda of: {"reason": "old"}),
    "restore_session": Operation(WRITE, session="trashed"),
    "get_context": Operation(READ),
    "edit_context": Operation(WRITE, lambda of: {"title": "New"}),
    "add_tag": Operation(WRITE),
    "remove_tag": Operation(WRITE),
    "append_interaction": Operation(WRITE, lambda of: SAID),
    "append_interactions": Operation(WRITE, lambda of: {"interactions": [SAID]}),
    # Each session by itself: that one is not known is told in the answer.
    "append_batches": Operation(
        WRITE, lambda of: {"batches": [{"session_id": of.main, "interactions": [SAID]}]}, bound=LET_IN
    ),
    "list_interactions": Operation(READ),
    "get_interaction": Operation(READ),
    "pin_interaction": Operation(WRITE),
    "unpin_interaction": Operation(WRITE),
    "search": Operation(READ, query="?q=request", bound=LET_IN),
    "export_session": Operation(READ),
    "export_sessions": Operation(READ, query="?user_id=alice&state=all"),
    "export_named_sessions": Operation(READ, lambda of: {"session_ids": [of.main]}),
    "plan_merge": Operation(WRITE, lambda of: {"absorbed": [of.other]}),
    "merge_sessions": Operation(WRITE, lambda of: {"absorbed": [of.other]}),
    "apply_merge": Operation(WRITE, lambda of: {"plan_token": of.merge_token}),
    "get_merge": Operation(READ),
    "undo_merge": Operation(WRITE),
    "plan_cleanup": Operation(ADMIN, lambda of: {"user_id": "alice"}),
    "apply_cleanup": Operation(ADMIN, lambda of: {"plan_token": of.cleanup_token}),
    "get_cleanup": Operation(ADMIN),
    "undo_cleanup": Operation(ADMIN),
    "start_import": Operation(WRITE, lambda of: {"a": 1}, query="?user_id=alice"),
    "list_imports": Operation(READ, bound=LET_IN),
    "get_import": Operation(READ),
    "confirm_import": Operation(WRITE),
    "cancel_import": Operation(WRITE),
    "undo_import": Operation(ADMIN),
    "list_users": Operation(READ, bound=LET_IN),
    "get_user": Operation(READ),
    "get_preferences": Operation(READ),
    "set_preferences": Operation(WRITE, lambda of: {"tone": "plain"}),
    "remove_preference": Operation(WRITE),
    "health_live": Operation(None),
    "health_ready": Operation(None),
    "get_openapi": Operation(None),
    # What goes on with everybody's sessions is for a token that may know everybody's.
    "get_metrics": Operation(READ, bound=REFUSED),
}


def rest_path(template: str, operation: Operation, of: Estate) -> str:
    """The address of an operation on an estate."""
    path = template.format(
        session_id=getattr(of, operation.session),
        sequence=1,
        interaction_id=of.interaction_id,
        tag="kept",
        merge_id=of.merge_id,
        run_id=of.run_id,
        import_id=of.import_id,
        user_id=of.user_id,
        preference="tone",
    )
    return f"/api/v1{path}{operation.query}"


# --- MCP ------------------------------------------------------------------------------------------------------

_HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}

TOOLS: Mapping[str, Operation] = {
    "start_session": Operation(WRITE, lambda of: {"user_id": "alice"}, bound=LET_IN),
    "resume_session": Operation(WRITE, lambda of: {"session_id": of.trashed}),
    "log_interaction": Operation(WRITE, lambda of: {"session_id": of.main, **SAID}),
    "update_context": Operation(WRITE, lambda of: {"session_id": of.main, "title": "New"}),
    "pin_interaction": Operation(WRITE, lambda of: {"session_id": of.main, "interaction_id": str(of.interaction_id)}),
    "list_sessions": Operation(READ, lambda of: {"user_id": "alice"}),
    "search_sessions": Operation(READ, lambda of: {"query": "request"}, bound=LET_IN),
    "get_conversation_summary": Operation(READ, lambda of: {"session_id": of.main}),
    "get_interaction_history": Operation(READ, lambda of: {"session_id": of.main}),
    "export_session": Operation(READ, lambda of: {"session_id": of.main}),
    "list_preferences": Operation(READ, lambda of: {"user_id": "alice"}),
    "set_preference": Operation(WRITE, lambda of: {"user_id": "alice", "name": "tone", "value": "plain"}),
    "remove_preference": Operation(WRITE, lambda of: {"user_id": "alice", "name": "tone"}),
    "merge_sessions": Operation(WRITE, lambda of: {"primary_id": of.main, "secondary_id": of.other}),
    "unmerge_sessions": Operation(WRITE, lambda of: {"merge_id": of.merge_id}),
    "cleanup_sessions": Operation(ADMIN, lambda of: {"user_id": "alice"}),
    "undo_cleanup": Operation(ADMIN, lambda of: {"run_id": str(of.run_id)}),
}
RESOURCES: Mapping[str, Operation] = {
    "session://{session_id}": Operation(READ),
    "session://{session_id}/transcript": Operation(READ),
}
PROMPTS: Mapping[str, Operation] = {
    "resume": Operation(READ, lambda of: {"session_id": of.main}),
    "summarize": Operation(READ, lambda of: {"session_id": of.main}),
}
_UNKNOWN_CODES = ("session_not_found", "user_not_found", "not_found")


def message(method: str, **params: Any) -> tuple[str, Mapping[str, str]]:
    """A request of the protocol, and the headers that go with it."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}), _HEADERS


def verdict_of_reply(reply: Mapping[str, Any]) -> Verdict:
    """What a reply of the protocol says: a tool that a token does not reach is one that there is not."""
    error = reply.get("error")
    if error is not None and "Unknown tool" in error["message"]:
        return REFUSED
    text = error["message"] if error is not None else reply["result"].get("content", [{}])[0].get("text", "")
    failed = error is not None or reply["result"].get("isError", False)
    return UNKNOWN if failed and text.startswith(_UNKNOWN_CODES) else LET_IN
