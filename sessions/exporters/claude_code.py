"""Claude Code's transcript, as `claude --resume` opens it: a record on each line, each naming the one before it.

What came from Claude Code goes out as it came. All else becomes records such as Claude Code writes, one for each piece,
in their order and with their branches; Claude Code opens the branch of the last record. The interactions are gone
through twice: first for how they hang together.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sessions.branching import row_of
from sessions.records import JSON, InteractionRecord, SessionRecord

from .claude_records import Builder, bridge
from .formats import Conversation, Format
from .notes import OWN
from .pieces import original_of, pieces_of, written

SOURCE = "claude-code"
_IDS = ("sessionId", "session_id")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def stream(conversation: Conversation) -> Iterator[str]:
    """The transcript's text, a record at a time."""
    header = conversation.header
    own_id = session_id(header)
    plan = _plan_of(conversation)
    builder = Builder(header, own_id)
    yield written(_opening(header, own_id)) + "\n"
    for record in conversation.interactions():
        placed = plan.places.get(record.id)
        if placed is None or placed.is_further:
            continue
        parent = placed.before
        if placed.is_own:
            found = original_of(record) or {}
            missing = _parent_of(found)
            if missing and missing not in plan.written and parent:
                plan.written.add(missing)
                yield written(bridge(builder.surroundings(record), missing, parent)) + "\n"
            yield _as_it_came(record, found, own_id) + "\n"
            continue
        for number, piece in enumerate(pieces_of(record)):
            uuid = _uuid(record.id, number)
            yield written(builder.build(record, piece, number, uuid, parent)) + "\n"
            parent = uuid


def session_id(header: SessionRecord) -> str:
    """The session's ID as Claude Code knows it, which is its file's name; one that it would refuse as no UUID becomes
    one, always the same."""
    if header.source == SOURCE:
        original = header.metadata.get("original_session_id")
        return original if isinstance(original, str) else header.session_id
    is_fit = _UUID.fullmatch(header.session_id)
    return header.session_id if is_fit else str(uuid5(NAMESPACE_URL, f"sessionsite:{header.session_id}"))


def _opening(header: SessionRecord, own_id: str) -> dict[str, JSON]:
    """The title, or a record that says nothing; and whose session it is where Claude Code knows it by another ID."""
    named: dict[str, JSON] = {"type": "mode", "mode": "normal"}
    if header.title:
        named = {"type": "custom-title", "customTitle": header.title}
    note = {} if own_id == header.session_id or header.source == SOURCE else {OWN: {"session_id": header.session_id}}
    return {**named, "sessionId": own_id, **note}


def _parent_of(found: dict[str, Any]) -> str:
    parent = found.get("parentUuid") or found.get("logicalParentUuid")
    return parent if isinstance(parent, str) else ""


def _as_it_came(record: InteractionRecord, found: dict[str, Any], own_id: str) -> str:
    """The record's own line; written anew only where it took several, or calls its session by another ID."""
    strange = {name: own_id for name in _IDS if isinstance(found.get(name), str) and found[name] != own_id}
    try:
        raw = zlib.decompress(record.source_record or b"").decode()
    except UnicodeDecodeError:
        raw = "\n"
    return written(found | strange) if strange or "\n" in raw or "\r" in raw else raw


# --- how the records hang together ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Placed:
    """Where an interaction's records stand: after the record `before`, up to the record `end`, if it has any.

    `is_own` says that it goes out as it came, `is_further` that the record of another holds it too.
    """

    before: str | None = None
    end: str | None = None
    is_own: bool = False
    is_further: bool = False

    @property
    def reached(self) -> str | None:
        """The record that whatever follows the interaction comes after."""
        return self.end or self.before


@dataclass(slots=True)
class _Plan:
    places: dict[UUID, _Placed] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)


def _plan_of(conversation: Conversation) -> _Plan:
    plan = _Plan()
    base = ""
    tail: str | None = None
    for record in conversation.interactions():
        row = row_of(record)
        placed, base = _placed(record, base)
        if record.parent_id is not None and record.parent_id in plan.places:
            placed.before = plan.places[record.parent_id].reached
        elif not row.mark or record.origins:
            placed.before = tail
        plan.places[record.id] = placed
        if placed.end:
            plan.written.add(placed.end)
        tail = placed.reached
    return plan


def _placed(record: InteractionRecord, base: str) -> tuple[_Placed, str]:
    """Where an interaction stands, and the key of the original record that it is of, if any."""
    key = record.idempotency_key or ""
    found = original_of(record) if key.startswith(f"{SOURCE}:") else None
    if found is not None:
        uuid = found.get("uuid")
        return _Placed(end=uuid if isinstance(uuid, str) else None, is_own=True), key
    if base and key.startswith(f"{base}#"):
        return _Placed(is_further=True), base
    count = len(pieces_of(record))
    return _Placed(end=_uuid(record.id, count - 1) if count else None), ""


def _uuid(record_id: UUID, number: int) -> str:
    return str(uuid5(record_id, str(number))) if number else str(record_id)


FORMAT = Format(
    name=SOURCE,
    label="Claude Code",
    media_type="application/x-ndjson",
    ending="jsonl",
    write=stream,
    with_sources=True,
    ids_from_keys=True,
)
