"""What one entry of a Claude Code transcript says to people: pure, and the same for the same entry."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..shapes import InteractionFields
from .texts import count, plain, readable, said, short

_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {"summary": "summary", "custom-title": "customTitle", "ai-title": "aiTitle", "tag": "tag"}


def interaction_of(entry: Mapping[str, Any]) -> InteractionFields:
    """Its kind, texts, tool, model and tokens."""
    reader = _READERS.get(str(entry.get("type")), _note)
    fields = reader(entry, _mapping(entry.get("message")))
    if (moment := _moment(entry.get("timestamp"))) is not None:
        fields["occurred_at"] = moment
    return fields


def _user(entry: Mapping[str, Any], message: Mapping[str, Any]) -> InteractionFields:
    content = message.get("content")
    results = [block for block in _blocks(content) if block.get("type") == "tool_result"]
    if not results:
        return {"kind": "client_request", "prompt": said(content)}
    failed = any(block.get("is_error") is True for block in results)
    fields: InteractionFields = {
        "kind": "tool_response",
        "response": readable("\n\n".join(said(block.get("content")) for block in results)),
        "prompt": said([block for block in _blocks(content) if block.get("type") == "text"]),
    }
    if failed:
        fields["status"] = "error"
    return fields


def _assistant(entry: Mapping[str, Any], message: Mapping[str, Any]) -> InteractionFields:
    blocks = _blocks(message.get("content"))
    calls = [block for block in blocks if block.get("type") in ("tool_use", "server_tool_use")]
    fields: InteractionFields = {
        "kind": "tool_call" if calls else "agent_response",
        "response": said(message.get("content")),
        "reasoning": readable("\n\n".join(readable(one.get("thinking")) for one in blocks if one.get("thinking"))),
        "model": short(message.get("model")),
    }
    if calls:
        fields["tool_name"] = short(calls[0].get("name"))
        inputs = [call.get("input") for call in calls]
        fields["tool_parameters"] = plain(inputs[0] if len(inputs) == 1 else inputs)
    if entry.get("isApiErrorMessage") is True:
        fields["kind"] = "error"
        fields["error_message"] = fields["response"]
    if message.get("stop_reason") is not None:
        # Every entry of a message tells the tokens; its last one tells them all.
        _add_tokens(fields, _mapping(message.get("usage")))
    return fields


def _add_tokens(fields: InteractionFields, usage: Mapping[str, Any]) -> None:
    read = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    known = [number for name in read if (number := count(usage.get(name))) is not None]
    if known:
        fields["input_tokens"] = sum(known)
    if (number := count(usage.get("output_tokens"))) is not None:
        fields["output_tokens"] = number


def _note(entry: Mapping[str, Any], message: Mapping[str, Any]) -> InteractionFields:
    """Anything else: a system message, a title, a snapshot."""
    told = entry.get("content") or entry.get(_NAMES.get(str(entry.get("type")), ""))
    fields: InteractionFields = {
        "kind": "agent_response",
        "response": said(told or message.get("content")),
        "status": short(entry.get("type"), longest=64),
    }
    return fields


_READERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], InteractionFields]] = {
    "user": _user,
    "assistant": _assistant,
}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _blocks(content: Any) -> list[Mapping[str, Any]]:
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return aware if _EARLIEST <= aware <= _LATEST else None
    except (OverflowError, ValueError):
        return None
