"""What our own exporters note beside another format's messages, given back to the interactions.

A note stands under `sessionsite`, in the message or in a list beside the messages; docs/exporters.md has its members.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sessions.records import JSON, InteractionKind

from .values import clip, mapping, text

OWN = "sessionsite"
KEPT = (
    "attachments",
    "begins_branch",
    "hidden",
    "hidden_reasoning",
    "is_meta",
    "markup",
    "name",
    "preference",
    "sidechain",
)
"""The metadata that a note may hold."""

MAX_NAME = 255
MAX_ID = 1000


class Noted(Protocol):
    """An interaction in the making."""

    kind: InteractionKind
    prompt: str
    response: str
    reasoning: str
    tool_name: str
    tool_parameters: JSON
    status: str
    error_message: str
    metadata: dict[str, JSON]


def notes_of(row: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The notes on a row's messages, as many as there are messages; none where the row was not written here."""
    notes = mapping(row.get(OWN)).get("messages")
    if not isinstance(notes, list) or len(notes) != count:
        return []
    return [mapping(note) for note in notes]


def give_back(parts: Sequence[Noted], note: Mapping[str, Any]) -> None:
    """Put what is noted into the message's parts."""
    if not parts:
        return
    first, last = parts[0], parts[-1]
    kept = mapping(note.get("metadata"))
    first.metadata |= {name: kept[name] for name in KEPT if name in kept}
    if note.get("error") is True and last.kind is InteractionKind.AGENT_RESPONSE:
        last.kind, last.status = InteractionKind.ERROR, "error"
        last.error_message, last.response = last.response, ""
    if role := text(note.get("role")):
        first.metadata["role"] = clip(role, 60)
    if thought := text(note.get("thought")):
        first.reasoning = thought
    if note.get("result") and first.kind is InteractionKind.CLIENT_REQUEST:
        first.kind, first.status = InteractionKind.TOOL_RESPONSE, "success"
        first.prompt, first.response = "", first.prompt
        first.metadata.pop("is_meta", None)
        if call_id := text(note["result"]):
            first.metadata["tool_use_id"] = clip(call_id, MAX_ID)
    _give_back_tools(last, note)


def _give_back_tools(part: Noted, note: Mapping[str, Any]) -> None:
    if part.kind is InteractionKind.TOOL_RESPONSE and note.get("failed") is True:
        part.status = "error"
    if part.kind in (InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE):
        part.tool_name = clip(text(note.get("tool")), MAX_NAME) or part.tool_name
    if part.kind is InteractionKind.TOOL_CALL and note.get("bare") is True and isinstance(part.tool_parameters, dict):
        part.tool_parameters = part.tool_parameters.get("value")
