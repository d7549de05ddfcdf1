"""The tools that agents have, by family. docs/mcp.md lists them; a test compares."""

from collections.abc import Mapping, Sequence

from sessions.records import Caller

from .base import StoreTool
from .cleaning import cleanup_sessions, undo_cleanup
from .combining import merge_sessions, unmerge_sessions
from .preferences import list_preferences, remove_preference, set_preference
from .reading import (
    export_session,
    get_conversation_summary,
    get_interaction_history,
    list_sessions,
    search_sessions,
)
from .writing import log_interaction, pin_interaction, resume_session, start_session, update_context

# In the order in which an agent reads them: what it needs in every conversation first.
_ALL: Sequence[StoreTool] = (
    start_session,
    resume_session,
    log_interaction,
    update_context,
    pin_interaction,
    list_sessions,
    search_sessions,
    get_conversation_summary,
    get_interaction_history,
    export_session,
    list_preferences,
    set_preference,
    remove_preference,
    merge_sessions,
    unmerge_sessions,
    cleanup_sessions,
    undo_cleanup,
)
TOOLS: Mapping[str, StoreTool] = {tool.name: tool for tool in _ALL}


def tools_of(caller: Caller) -> Sequence[StoreTool]:
    """The tools that a caller's scope reaches to; of the others it hears nothing."""
    return [tool for tool in _ALL if caller.scope.includes(tool.scope)]


def tool_of(caller: Caller, name: str) -> StoreTool | None:
    """The tool of a name, if the caller may know of it."""
    found = TOOLS.get(name)
    return found if found is not None and caller.scope.includes(found.scope) else None
