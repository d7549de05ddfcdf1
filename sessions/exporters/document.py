"""Our own complete JSON document of a session, as a stream of text. Knows no database.

{"export_version": 1, "export_timestamp": ..., "session_info": {...}, "context": {...}, "merges": [...],
 "interactions": [...], "absorbed": [{"session_id": ..., "interaction": {...}}, ...]}

`absorbed` stands only where absorbed sessions have something still: what the survivor had too when they were merged. It
is no part of the conversation, but undoing the merge gives it back.
"""

import base64
import json
import zlib
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from sessions.mirror import codec
from sessions.records import JSON, InteractionRecord, SessionRecord

from .formats import Conversation, Format

EXPORT_VERSION = 1
CONTEXT_FIELDS = ("context_summary", "active_topics", "user_preferences", "project_context", "semantic_context")


def stream(conversation: Conversation) -> Iterator[str]:
    """The document's text, an interaction at a time, so that memory does not grow with the session."""
    opening = json.dumps(_opening(conversation), ensure_ascii=False, indent=1)
    yield opening[:-2] + ',\n "interactions": ['
    separator = "\n  "
    for record in conversation.interactions():
        yield separator + json.dumps(interaction(record), ensure_ascii=False)
        separator = ",\n  "
    yield "\n ]"
    opening, separator = ',\n "absorbed": [', "\n  "
    for session_id, record in conversation.absorbed():
        yield opening + separator + json.dumps(absorbed(session_id, record), ensure_ascii=False)
        opening, separator = "", ",\n  "
    yield "\n}\n" if opening else "\n ]\n}\n"


def lines(conversation: Conversation) -> Iterator[str]:
    """The same as JSON Lines: the session, each interaction, what absorbed sessions have, and a last line that counts.

    A file without that last line was cut off.
    """
    yield json.dumps({"kind": "session", **_opening(conversation)}, ensure_ascii=False) + "\n"
    count = left = 0
    for record in conversation.interactions():
        yield json.dumps(interaction(record), ensure_ascii=False) + "\n"
        count += 1
    for session_id, record in conversation.absorbed():
        yield json.dumps({"kind": "absorbed", **absorbed(session_id, record)}, ensure_ascii=False) + "\n"
        left += 1
    yield json.dumps({"kind": "end", "interactions": count, **({"absorbed": left} if left else {})}) + "\n"


def _opening(conversation: Conversation) -> dict[str, JSON]:
    return {
        "export_version": EXPORT_VERSION,
        "export_timestamp": conversation.exported_at.astimezone(UTC).isoformat(),
        "session_info": session_info(conversation.header, conversation.total_interactions),
        "context": context(conversation.header),
        "merges": [codec.to_payload(merge) for merge in conversation.merges],
    }


def session_info(header: SessionRecord, total_interactions: int) -> dict[str, JSON]:
    """The session itself, with the old system's names where it had one."""
    payload = codec.to_payload(header)
    own = {name: value for name, value in payload.items() if name not in CONTEXT_FIELDS}
    own["last_activity"] = own.pop("last_activity_at")
    return {
        **own,
        "user_id": header.user_id,
        "metadata": dict(header.metadata),
        "total_interactions": total_interactions,
    }


def context(header: SessionRecord) -> dict[str, JSON]:
    """The context fields, each present."""
    values: dict[str, Any] = {name: getattr(header, name) for name in CONTEXT_FIELDS}
    return {**values, "active_topics": list(header.active_topics)}


def interaction(record: InteractionRecord) -> dict[str, JSON]:
    """One interaction; its source record is unpacked where it is text and kept as base64 where it is not."""
    payload = codec.to_payload(record)
    if record.source_record is not None:
        payload["source_record"] = _unpacked(record.source_record)
    return payload


def absorbed(session_id: str, record: InteractionRecord) -> dict[str, JSON]:
    """One interaction that an absorbed session has still."""
    return {"session_id": session_id, "interaction": interaction(record)}


def _unpacked(packed: bytes) -> JSON:
    try:
        raw = zlib.decompress(packed)
    except zlib.error:
        # Some other program wrote it into the journal; it goes out as it came.
        raw = packed
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode("ascii")}


JSON_FORMAT = Format(
    name="json",
    label="JSON",
    purpose="complete",
    media_type="application/json",
    ending="json",
    write=stream,
    with_sources=True,
)
LINES_FORMAT = Format(
    name="jsonl",
    label="JSON Lines",
    purpose="complete",
    media_type="application/x-ndjson",
    ending="jsonl",
    write=lines,
    with_sources=True,
)
