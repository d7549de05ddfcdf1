"""Which session a transcript's key is, and its entries as interactions and back."""

import json
from collections.abc import Iterable
from typing import Any, cast

from claude_agent_sdk.types import SessionKey, SessionStoreEntry

from ..requests import Steps
from ..shapes import InteractionFields, SessionLine
from .claude_entries import interaction_of
from .records import Record, Writer, records_of
from .texts import digest, id_part, short
from .threads import Thread, base_and_generation, read_after

ADAPTER = "claude-agent-sdk"


def project_prefix(project_key: str) -> str:
    return f"claude.{digest(project_key)[:16]}."


def base_id(project_key: str, session_id: str) -> str:
    return project_prefix(project_key) + id_part(session_id)


def writer_of(key: SessionKey) -> Writer:
    return Writer(ADAPTER, "/".join((key["project_key"], key["session_id"], key.get("subpath") or "")).rstrip("/"))


def latest_generations(lines: Iterable[SessionLine]) -> dict[str, SessionLine]:
    """By its ID without the generation: the last generation of each, if it is neither deleted nor cleaned up."""
    found: dict[str, tuple[int, SessionLine]] = {}
    for line in lines:
        base, number = base_and_generation(line.session_id)
        if number >= found.get(base, (0, line))[0]:
            found[base] = number, line
    return {base: line for base, (_, line) in found.items() if line.state != "trashed"}


def milliseconds(line: SessionLine) -> int:
    return int(line.last_activity_at.timestamp() * 1_000)


def interactions_of(writer: Writer, entry: dict[str, Any]) -> list[dict[str, Any]]:
    identifier = entry.get("uuid")
    fields: InteractionFields = interaction_of(entry)
    parent = entry.get("parentUuid") or entry.get("logicalParentUuid")
    if isinstance(parent, str) and parent:
        fields["parent_key"] = writer.key(digest(parent))
    name = digest(identifier) if isinstance(identifier, str) and identifier else None
    return writer.interactions(json.dumps(entry), fields, name=name, type=short(entry.get("type")))


def entry_of(record: Record) -> SessionStoreEntry:
    return cast("SessionStoreEntry", json.loads(record.text))


def entries_of(thread: Thread, writer: Writer) -> Steps[list[SessionStoreEntry]]:
    place = yield from thread.locate()
    if place.session is None:
        return []
    interactions = yield from read_after(place.session_id)
    return [entry_of(record) for record in records_of(interactions, writer.wrote)]
