"""From a record of a rollout, of any generation, to the item or event in it."""

from typing import Any

from ..chat import turn_part
from ..values import name_of, text
from .items import Reading, read_event, read_item, read_usage, words


def opened(record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A record's type and what it holds. The oldest generation has no envelope around an item, nor a header's type."""
    payload, kind = record.get("payload"), text(record.get("type"))
    if isinstance(payload, dict):
        return kind, payload
    if record.get("record_type"):
        return f"{text(record['record_type'])} record", {}
    if not kind and "role" not in record and "id" in record:
        return "session_meta", record
    return "response_item", record


def read_record(kind: str, payload: dict[str, Any]) -> Reading:
    if kind == "response_item":
        return read_item(payload)
    if kind == "event_msg":
        return read_event(payload)
    if kind == "token_usage_record":
        return read_usage(payload)
    if kind == "compacted":
        part = turn_part(text(payload.get("message")), "")
        part.metadata["subtype"] = "compact_summary"
        return Reading([part], is_input=True)
    said = words(payload)
    if kind == "world_state" or not said:
        return Reading(reason=name_of(kind))
    part = turn_part(said, "")
    part.metadata["record"] = name_of(kind)
    return Reading([part], reason=name_of(kind), is_echo=True, said=[("", said)])
