"""What an importer told, in a form that a test can be read in."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sessions.records import ImportedInteraction, ImportEvent, InteractionDraft, InteractionKind

from .builders import drafts, only

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"

_SHORT = {
    InteractionKind.CLIENT_REQUEST: "user",
    InteractionKind.AGENT_RESPONSE: "agent",
    InteractionKind.CONVERSATION_TURN: "turn",
    InteractionKind.TOOL_CALL: "call",
    InteractionKind.TOOL_RESPONSE: "result",
    InteractionKind.ERROR: "error",
}


def read_json(folder: Path, value: Any) -> list[ImportEvent]:
    """The events of a file that is one JSON document."""
    path = folder / "document.json"
    path.write_text(json.dumps(value, indent=1))
    return list(only(path).read())


def told(events: list[ImportEvent]) -> list[tuple[str, str]]:
    """Who said what, in order; a tool's call says its name."""
    return [(_SHORT[draft.kind], said(draft)) for draft in drafts(events)]


def said(draft: InteractionDraft) -> str:
    if draft.kind is InteractionKind.TOOL_CALL:
        return draft.tool_name
    return draft.prompt or draft.response or draft.error_message or draft.reasoning


def branches(events: Iterable[ImportEvent]) -> list[tuple[str, ...]]:
    """What follows each interaction that several others follow."""
    by_parent: dict[tuple[str, str | None], list[str]] = {}
    for event in events:
        if isinstance(event, ImportedInteraction):
            parent = (event.session_id, event.draft.parent_key)
            by_parent.setdefault(parent, []).append(said(event.draft))
    return [tuple(found) for (_, key), found in by_parent.items() if key is not None and len(found) > 1]


def keys(events: list[ImportEvent]) -> set[tuple[str, str | None]]:
    found = [event for event in events if isinstance(event, ImportedInteraction)]
    return {(event.session_id, event.draft.idempotency_key) for event in found}
