"""From a transcript to what is sent of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.importers.claude_code import LINES
from sessions.importers.formats import HEAD_BYTES, Input
from sessions.records import ImportedInteraction, InteractionDraft, SessionDraft
from sessions.validation import storable, storable_json, storable_tags, storable_text

MAX_TITLE = 1_000


@dataclass(slots=True)
class Conversation:
    """A session of a file: how it begins, what it is called by now, and its interactions as they are sent."""

    session_id: str
    start: dict[str, Any]
    title: str = ""
    interactions: list[dict[str, Any]] = field(default_factory=list)


def files_of(transcript: Path) -> list[Path]:
    """A transcript and behind it those of its subagents, which lie in a folder of its name."""
    agents = transcript.with_suffix("") / "subagents"
    return [transcript, *sorted(path for path in agents.rglob("*.jsonl") if path.is_file())]


def read(path: Path) -> list[Conversation]:
    """The sessions of a transcript, as far as it is written; a line that is not whole yet comes the next time."""
    found: dict[str, Conversation] = {}
    with path.open("rb") as stream:
        source = Input(path, stream, stream.peek(HEAD_BYTES)[:HEAD_BYTES])
        for event in LINES.read(source):
            if isinstance(event, SessionDraft):
                _learn(found, event)
            elif isinstance(event, ImportedInteraction):
                found[event.session_id].interactions.append(body_of(event.draft))
    return [conversation for conversation in found.values() if conversation.interactions]


def _learn(found: dict[str, Conversation], draft: SessionDraft) -> None:
    known = found.setdefault(draft.session_id, Conversation(draft.session_id, dict(_start(draft))))
    known.title = storable_text(draft.title, MAX_TITLE) or known.title


def _start(draft: SessionDraft) -> Iterator[tuple[str, Any]]:
    yield "session_id", draft.session_id
    yield "if_exists", "resume"
    yield "source", storable_text(draft.source, 64)
    yield "title", storable_text(draft.title, MAX_TITLE)
    yield "project_context", storable_json(dict(draft.project_context or {}))
    yield "metadata", storable_json(dict(draft.metadata or {}))
    yield "tags", storable_tags(draft.tags or [])


_AS_THEY_ARE = (
    *("prompt", "response", "reasoning", "tool_name", "tool_parameters", "model", "input_tokens", "output_tokens"),
    *("cost_microusd", "execution_time_ms", "status", "error_message", "metadata", "idempotency_key", "parent_key"),
)


def body_of(draft: InteractionDraft) -> dict[str, Any]:
    """An interaction as REST takes it; members that say nothing are left out."""
    mended = storable(draft)
    values: dict[str, Any] = {name: getattr(mended, name) for name in _AS_THEY_ARE}
    values["kind"] = mended.kind.value
    if mended.occurred_at is not None:
        values["occurred_at"] = mended.occurred_at.isoformat()
    if mended.source_record is not None:
        values["source_record"] = mended.source_record.decode("utf-8", "surrogatepass")
    # A call without parameters is another one than a call with none.
    says_nothing = {name for name, value in values.items() if value in (None, "", {}) and name != "tool_parameters"}
    return {name: value for name, value in values.items() if name not in says_nothing}
