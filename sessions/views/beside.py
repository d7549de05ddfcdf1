"""What stands beside a transcript, as the templates in parts/beside want it."""

from dataclasses import dataclass
from typing import Any

from sessions import actions, mapping
from sessions.models import Session

_MOST_PINS = 50
_MOST_MERGES = 50
_LABELS = {
    "context_summary": "Summary",
    "active_topics": "Active topics",
    "user_preferences": "Preferences",
    "project_context": "Project context",
    "semantic_context": "Semantic context",
    "metadata": "Metadata",
}


@dataclass(frozen=True, slots=True)
class ContextField:
    """One field of the context, and what it says."""

    name: str
    label: str
    value: Any


def beside(session: Session) -> dict[str, Any]:
    """Everything beside the transcript but the tags, which every page of a session has."""
    return {
        "title_field": context_field(session, "title"),
        "context_fields": context_fields(session),
        "pinned": actions.pinned_interactions(session, limit=_MOST_PINS),
        "notes": mapping.read_notes(session.notes),
        "known_tags": actions.known_tags(),
        "default_tokens": actions.DEFAULT_TOKENS,
    }


def context_fields(session: Session) -> list[ContextField]:
    return [context_field(session, name) for name in _LABELS]


def context_field(session: Session, name: str) -> ContextField:
    return ContextField(name, _LABELS.get(name, name.capitalize()), getattr(session, name))
