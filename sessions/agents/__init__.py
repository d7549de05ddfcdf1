"""The verbs as programs call them, by whichever face they come: who may, whose it is, and what goes in and out.

Every verb takes the `Caller` first, asks whether its scope reaches so far, treats somebody else's session as unknown,
calls one action, and answers in a shape. The faces (REST, MCP) only translate: requests into
`shapes`, errors of the domain into their own.
"""

from sessions.actions import DEFAULT_TOKENS

from .callers import require
from .cleaning import apply_cleanup, get_cleanup, plan_cleanup, undo_cleanup
from .exporting import FORMATS, Archive, Export, export_session, export_sessions
from .importing import MOST_LISTED, cancel_import, confirm_import, get_import, list_imports, start_import, undo_import
from .interactions import (
    append,
    append_batches,
    get_interaction,
    list_interactions,
    pin,
    unpin,
)
from .merging import apply_merge, get_merge, merge, plan_merge, unmerge
from .searching import search
from .sessions import (
    add_tag,
    context_of,
    context_pack,
    get_session,
    hold,
    list_sessions,
    release,
    remove_tag,
    restore,
    resume,
    start_session,
    suggest_session_ids,
    trash,
    update_context,
)
from .shapes import MAX_BATCH
from .transcripts import LEAST_CHARACTERS, MAX_CHARACTERS, conversation_summary, export_part, history, transcript
from .users import get_user, list_users, preferences_of, remove_preference, set_preferences, suggest_user_ids

__all__ = [
    "DEFAULT_TOKENS",
    "FORMATS",
    "LEAST_CHARACTERS",
    "MAX_BATCH",
    "MAX_CHARACTERS",
    "MOST_LISTED",
    "Archive",
    "Export",
    "add_tag",
    "append",
    "append_batches",
    "apply_cleanup",
    "apply_merge",
    "cancel_import",
    "confirm_import",
    "context_of",
    "context_pack",
    "conversation_summary",
    "export_part",
    "export_session",
    "export_sessions",
    "get_cleanup",
    "get_import",
    "get_interaction",
    "get_merge",
    "get_session",
    "get_user",
    "history",
    "hold",
    "list_imports",
    "list_interactions",
    "list_sessions",
    "list_users",
    "merge",
    "pin",
    "plan_cleanup",
    "plan_merge",
    "preferences_of",
    "release",
    "remove_preference",
    "remove_tag",
    "require",
    "restore",
    "resume",
    "search",
    "set_preferences",
    "start_import",
    "start_session",
    "suggest_session_ids",
    "suggest_user_ids",
    "transcript",
    "trash",
    "undo_cleanup",
    "undo_import",
    "unmerge",
    "unpin",
    "update_context",
]
