"""Small transcripts, written as the tests need them."""

import itertools
import json
from pathlib import Path
from typing import Any

from sessions.importers import Source, open_sources
from sessions.records import (
    ImportedInteraction,
    ImportEvent,
    InteractionDraft,
    InteractionKind,
    SessionDraft,
    SetAside,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "claude-code"

_seconds = itertools.count()


def record(kind: str, uuid: str, content: Any = None, parent: str | None = None, **more: Any) -> dict[str, Any]:
    """A record as Claude Code writes them, in the session "s1" unless told otherwise."""
    members = {
        "type": kind,
        "uuid": uuid,
        "parentUuid": parent,
        "sessionId": "s1",
        "isSidechain": False,
        "timestamp": f"2025-06-01T10:{next(_seconds) % 60:02}:00.000Z",
        "message": {"role": kind, "content": content},
    }
    return members | more


def said(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def line_of(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def write(path: Path, *values: Any) -> Path:
    """A JSON Lines file of records; bytes stand for a line as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line_of(value) + b"\n" for value in values))
    return path


def only(path: Path) -> Source:
    (source,) = open_sources(path)
    return source


def events_of(path: Path) -> list[ImportEvent]:
    return [event for source in open_sources(path) for event in source.read()]


def interactions(events: list[ImportEvent]) -> list[ImportedInteraction]:
    return [event for event in events if isinstance(event, ImportedInteraction)]


def drafts(events: list[ImportEvent]) -> list[InteractionDraft]:
    return [event.draft for event in interactions(events)]


def sessions(events: list[ImportEvent]) -> list[SessionDraft]:
    return [event for event in events if isinstance(event, SessionDraft)]


def asides(events: list[ImportEvent]) -> list[SetAside]:
    return [event for event in events if isinstance(event, SetAside)]


def texts(events: list[ImportEvent]) -> list[str]:
    return [draft.prompt or draft.response or draft.error_message for draft in drafts(events)]


def kinds(events: list[ImportEvent]) -> list[InteractionKind]:
    return [draft.kind for draft in drafts(events)]


def read(folder: Path, *values: Any) -> list[ImportEvent]:
    """The events of a file made of these records."""
    return list(only(write(folder / "transcript.jsonl", *values)).read())
