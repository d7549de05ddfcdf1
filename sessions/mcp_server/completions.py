"""What a client suggests while somebody types: IDs of sessions and of users that the caller may know."""

from collections.abc import Mapping, Sequence

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
)

from sessions import agents
from sessions.errors import SessionsiteError
from sessions.records import Caller

from .prompts import PROMPTS
from .resources import SESSION, TRANSCRIPT

_MOST = 100


def complete(caller: Caller, wanted: CompleteRequestParams) -> CompleteResult:
    """What an argument may go on with; nothing for one that is free. Raises MCPError for an unknown reference."""
    _refuse_unknown(wanted)
    context = (wanted.context.arguments if wanted.context else None) or {}
    values = _suggested(caller, wanted.argument.name, wanted.argument.value, context)
    return CompleteResult(completion=Completion(values=list(values)[:_MOST], has_more=len(values) >= _MOST))


def _suggested(caller: Caller, name: str, beginning: str, context: Mapping[str, str]) -> Sequence[str]:
    try:
        match name:
            case "session_id":
                return agents.suggest_session_ids(caller, beginning, user_id=context.get("user_id", ""))
            case "user_id":
                return agents.suggest_user_ids(caller, beginning)
            case _:
                return []
    except SessionsiteError:
        # What cannot be the beginning of an ID, and a user whom the caller may not know, are no mistakes while typing.
        return []


def _refuse_unknown(wanted: CompleteRequestParams) -> None:
    reference = wanted.ref
    known = (
        reference.name in PROMPTS if isinstance(reference, PromptReference) else reference.uri in (SESSION, TRANSCRIPT)
    )
    if not known:
        raise MCPError(INVALID_PARAMS, "There is nothing to complete by that name.")
