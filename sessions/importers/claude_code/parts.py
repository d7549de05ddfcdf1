"""What one record of a transcript holds for a reader: pure, knowing neither the file nor the session.

A record becomes parts, each of which becomes an interaction, and names of what it holds besides.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sessions.records import JSON, InteractionKind

from ..values import clip, mapping, milliseconds, name_of, text

MAX_NAME = 255


@dataclass(slots=True)
class Part:
    """An interaction in the making: what the record says itself. `block` is its place among the record's blocks."""

    kind: InteractionKind
    block: int = 0
    prompt: str = ""
    response: str = ""
    reasoning: str = ""
    tool_name: str = ""
    tool_parameters: JSON = None
    status: str = ""
    error_message: str = ""
    execution_time_ms: float | None = None
    metadata: dict[str, JSON] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """What a record gave: parts in order, and the reason for each thing that is none."""

    parts: list[Part] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)


def read_record(record: dict[str, Any]) -> Reading:
    """The parts of any record, whatever its type."""
    kind = record.get("type")
    if kind is None:
        kind = _type_from_message(record)
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    return reader(record) if reader else _read_unknown(record)


def _type_from_message(record: dict[str, Any]) -> JSON:
    """Lines that only count tokens have no type, but a message with a role or at least its usage."""
    message = mapping(record.get("message"))
    return message.get("role") or ("assistant" if "usage" in message else None)


_THOUGHTS = frozenset({"thinking", "redacted_thinking"})

# --- messages ---------------------------------------------------------------------------------------------------


def _read_user(record: dict[str, Any]) -> Reading:
    reading = _read_blocks(record, "user", _user_text)
    if not reading.parts and not reading.unsupported:
        reading.unsupported.append("user: without content")
    return reading


def _read_assistant(record: dict[str, Any]) -> Reading:
    reading = _read_blocks(record, "assistant", _api_error if _is_api_error(record) else _assistant_text)
    if not reading.parts and "usage" in mapping(record.get("message")):
        reading.parts.append(Part(InteractionKind.AGENT_RESPONSE))
    if not reading.parts and not reading.unsupported:
        reading.unsupported.append("assistant: without content")
    if reading.parts and record.get("isAbortedMidStream") is True:
        reading.parts[-1].metadata["aborted"] = True
    return reading


type TextPart = Callable[[dict[str, Any], str], Part]


def _read_blocks(record: dict[str, Any], role: str, text_part: TextPart) -> Reading:
    """One part for each text, call and result; thoughts go with the text after them, files with the first part."""
    reading = Reading()
    thoughts: Part | None = None
    files: list[JSON] = []
    for index, block in enumerate(_blocks(record)):
        kind, content = _typed(block)
        if kind in _THOUGHTS:
            thoughts = _think(reading, thoughts, block, index)
        elif kind in _FILE_TYPES:
            files.append(describe_file(block))
        elif kind == "text" and content is not None:
            part = text_part(record, content)
            part.block = index
            if thoughts:
                _take_thoughts(reading, part, thoughts)
            reading.parts.append(part)
            thoughts = None
        elif other := _other_part(record, role, block, kind, content):
            other.block = index
            reading.parts.append(other)
            thoughts = None
        else:
            reading.unsupported.append(f"block: {name_of(kind)}")
    if files:
        _attach(reading, files, text_part(record, ""))
    return reading


def _other_part(record: dict[str, Any], role: str, block: JSON, kind: str, content: str | None) -> Part | None:
    """A tool's call or result (those that run at the maker's included: server_tool_use), or unknown text."""
    if kind == "tool_use" or kind.endswith("_tool_use"):
        return _tool_call(block)
    if kind == "tool_result" or kind.endswith("_tool_result"):
        return _tool_response(record, block)
    return _turn(content, role, {"block": name_of(kind)}) if content else None


def _blocks(record: dict[str, Any]) -> list[JSON]:
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else message
    if content is None:
        content = record.get("content")
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def _typed(block: JSON) -> tuple[str, str | None]:
    """A block's type and its text, if it has any."""
    if isinstance(block, str):
        return "text", block
    if not isinstance(block, dict):
        return "not an object", None
    kind, content = block.get("type"), block.get("text")
    return kind if isinstance(kind, str) else "", content if isinstance(content, str) else None


def _think(reading: Reading, thoughts: Part | None, block: JSON, index: int) -> Part:
    """Thoughts are a response of their own until a text follows; their text may be hidden by the maker."""
    said = text(block.get("thinking"))
    if thoughts is None:
        thoughts = Part(InteractionKind.AGENT_RESPONSE, block=index)
        reading.parts.append(thoughts)
    if not said:
        thoughts.metadata["hidden_reasoning"] = True
    elif thoughts.reasoning:
        said = f"\n\n{said}"
    thoughts.reasoning += said
    return thoughts


def _take_thoughts(reading: Reading, part: Part, thoughts: Part) -> None:
    part.reasoning = thoughts.reasoning
    part.metadata |= thoughts.metadata
    part.block = thoughts.block
    reading.parts.remove(thoughts)


def _attach(reading: Reading, files: list[JSON], empty: Part) -> None:
    """Files belong to the message's first part, or are a message without words."""
    if not reading.parts:
        reading.parts.append(empty)
    reading.parts[0].metadata["attachments"] = files


# --- texts ------------------------------------------------------------------------------------------------------

_TAG = re.compile(
    r"\s*<(bash-input|bash-stdout|bash-stderr|command-name|command-message|command-args|local-command-stdout"
    r"|local-command-stderr|local-command-caveat|task-notification|system-reminder|user-memory-input)>"
)


def _user_text(record: dict[str, Any], content: str) -> Part:
    if record.get("isCompactSummary") is True:
        metadata: dict[str, JSON] = {"role": "system", "subtype": "compact_summary"}
        return Part(InteractionKind.CONVERSATION_TURN, response=content, metadata=metadata)
    part = Part(InteractionKind.CLIENT_REQUEST, prompt=content)
    if record.get("isMeta") is True:
        part.metadata["is_meta"] = True
    if "<" in content[:20] and (tag := _TAG.match(content)):
        part.metadata["markup"] = tag[1]
    return part


def _assistant_text(record: dict[str, Any], content: str) -> Part:
    return Part(InteractionKind.AGENT_RESPONSE, response=content)


def _is_api_error(record: dict[str, Any]) -> bool:
    return record.get("isApiErrorMessage") is True


def _api_error(record: dict[str, Any], content: str) -> Part:
    metadata: dict[str, JSON] = {"subtype": "api_error"}
    if code := text(record.get("error")) or text(record.get("apiError")):
        metadata["code"] = clip(code, MAX_NAME)
    return Part(InteractionKind.ERROR, error_message=content, status="error", metadata=metadata)


def _turn(content: str, role: str, metadata: dict[str, JSON]) -> Part:
    """A turn that is neither request nor response: the user's words are its prompt, all else its response."""
    part = Part(InteractionKind.CONVERSATION_TURN, metadata={"role": role} | metadata)
    if role == "user":
        part.prompt = content
    else:
        part.response = content
    return part


# --- tools ------------------------------------------------------------------------------------------------------


def _tool_call(block: dict[str, Any]) -> Part:
    metadata: dict[str, JSON] = {}
    if call_id := text(block.get("id")):
        metadata["tool_use_id"] = call_id
    if block["type"] != "tool_use":
        metadata["block"] = name_of(block["type"])
    name = clip(text(block.get("name")), MAX_NAME)
    return Part(InteractionKind.TOOL_CALL, tool_name=name, tool_parameters=block.get("input"), metadata=metadata)


def _tool_response(record: dict[str, Any], block: dict[str, Any]) -> Part:
    result = record.get("toolUseResult")
    content, files = _result_text(block, result)
    part = Part(InteractionKind.TOOL_RESPONSE, response=content)
    has_failed = block.get("is_error") is True or text(mapping(block.get("content")).get("type")).endswith("_error")
    part.status = "error" if has_failed else "success"
    if call_id := text(block.get("tool_use_id")):
        part.metadata["tool_use_id"] = call_id
    if block["type"] != "tool_result":
        part.metadata["block"] = name_of(block["type"])
    if files:
        part.metadata["attachments"] = files
    if isinstance(result, dict):
        _note_result(part, result)
    return part


def _note_result(part: Part, result: dict[str, Any]) -> None:
    part.execution_time_ms = milliseconds(result.get("durationMs", result.get("totalDurationMs")))
    if agent := text(result.get("agentId")):
        part.metadata["spawned_agent_id"] = agent
    if result.get("interrupted") is True:
        part.metadata["interrupted"] = True


def _result_text(block: dict[str, Any], result: JSON) -> tuple[str, list[JSON]]:
    content = block.get("content")
    if content is None:
        return text(block.get("text")) or text(result), []
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        return text(mapping(content).get("text")) or json.dumps(content, ensure_ascii=False), []
    texts, files = [], []
    for item in content:
        _, said = _typed(item)
        if said is not None:
            texts.append(said)
        else:
            files.append(describe_file(item))
            texts += filter(None, [_said_inside(item)])
    return "\n".join(texts), files


def _said_inside(item: JSON) -> str:
    """The text in a document or a resource that is a piece of a result."""
    inner = mapping(item)
    return text(mapping(inner.get("resource")).get("text")) or _words(inner.get("content"))


# --- files ------------------------------------------------------------------------------------------------------

_FILE_TYPES = frozenset({"image", "document", "audio", "video", "file"})


def describe_file(block: JSON) -> dict[str, JSON]:
    """What is known of a file without its content: type, media type, size; the content is in the source record."""
    block = mapping(block)
    source = mapping(block.get("source"))
    known: dict[str, JSON] = {"type": name_of(block.get("type"))}
    for name in ("media_type", "url", "file_id"):
        if value := text(source.get(name)) or text(block.get(name)):
            known[name] = clip(value, 2000)
    for name in ("title", "tool_name"):
        if value := text(block.get(name)):
            known[name] = clip(value, MAX_NAME)
    if data := text(source.get("data")):
        is_base64 = source.get("type") == "base64"
        known["size_bytes"] = len(data) * 3 // 4 - data[-2:].count("=") if is_base64 else len(data)
    return known


# --- what is no message -----------------------------------------------------------------------------------------


def _read_system(record: dict[str, Any]) -> Reading:
    subtype = record.get("subtype")
    content = text(record.get("content")) or _words(mapping(record.get("message")).get("content"))
    if subtype in ("api_error", "error") or record.get("level") == "error":
        return Reading([_system_error(record, content)])
    if not content.strip():
        return Reading(unsupported=[f"system: {name_of(subtype)}"])
    metadata: dict[str, JSON] = {"role": "system", "subtype": clip(text(subtype), 60)}
    for name in ("compactMetadata", "level", "apiRefusalExplanation", "toolUseID"):
        if record.get(name) is not None:
            metadata[name] = record[name]
    return Reading([Part(InteractionKind.CONVERSATION_TURN, response=content, metadata=metadata)])


def _system_error(record: dict[str, Any], content: str) -> Part:
    metadata: dict[str, JSON] = {"role": "system", "subtype": clip(text(record.get("subtype")), 60)}
    for name in ("retryAttempt", "maxRetries", "retryInMs"):
        if (value := milliseconds(record.get(name))) is not None:
            metadata[name] = value
    error = record.get("error")
    if (status := mapping(error).get("status")) and isinstance(status, int):
        metadata["http_status"] = status
    message = _error_text(error) or content or _error_text(record.get("cause")) or "API error"
    return Part(InteractionKind.ERROR, error_message=message, status="error", metadata=metadata)


def _error_text(error: JSON) -> str:
    """The words of an error, which may be wrapped in others: {"error": {"error": {"message": ...}}}."""
    for _ in range(5):
        if isinstance(error, str):
            return error
        inner = mapping(error)
        if said := text(inner.get("formatted")) or text(inner.get("message")):
            return said
        error = inner.get("error") or inner.get("code")
    return ""


# What Claude Code tells the model about its own tools; it is the same in every session, and no conversation.
_LISTINGS = frozenset(
    {
        "agent_listing_delta",
        "command_permissions",
        "deferred_tools_delta",
        "mcp_instructions_delta",
        "skill_listing",
    }
)
_TEXT_MEMBERS = ("prompt", "content", "text", "snippet", "banner", "blockingError", "stderr", "summary", "file")


def _read_attachment(record: dict[str, Any]) -> Reading:
    """What was put before the model besides messages. A queued command is what the user typed meanwhile."""
    attachment = mapping(record.get("attachment"))
    kind = name_of(attachment.get("type"))
    content = "" if kind in _LISTINGS else _words(attachment)
    files = _files_among(attachment.get("prompt"))
    if not content.strip() and not files:
        return Reading(unsupported=[f"attachment: {kind}"])
    role = "user" if kind == "queued_command" else "system"
    metadata: dict[str, JSON] = {"attachment": kind}
    if files:
        metadata["attachments"] = files
    if path := text(attachment.get("displayPath")) or text(attachment.get("filename")):
        metadata["path"] = path
    return Reading([_turn(content, role, metadata)])


def _files_among(blocks: JSON) -> list[JSON]:
    """The pictures in what was typed."""
    listed = blocks if isinstance(blocks, list) else []
    return [describe_file(block) for block in listed if _typed(block)[0] in _FILE_TYPES]


def _words(value: JSON, depth: int = 4) -> str:
    """The text in a string, in text blocks, or in an object around it; the first that there is."""
    if isinstance(value, str) or not depth:
        return text(value)
    if isinstance(value, list):
        return "\n".join(filter(None, (_words(item, depth - 1) for item in value)))
    inner = mapping(value)
    for name in _TEXT_MEMBERS:
        if name in inner and (said := _words(inner[name], depth - 1)):
            return said
    return ""


# Records of the program's own affairs. Those of them that have text repeat what a message says.
_OWN_AFFAIRS = frozenset({"progress", "queue-operation", "last-prompt", "file-history-snapshot", "result"})


def _read_unknown(record: dict[str, Any]) -> Reading:
    """A type that is not known here: kept as a turn where there is text for a reader, otherwise named."""
    kind = name_of(record.get("type"))
    if kind == "progress":
        kind = f"progress: {name_of(mapping(record.get('data')).get('type'))}"
    elif kind not in _OWN_AFFAIRS and (content := _unknown_text(record)):
        role = text(mapping(record.get("message")).get("role")) or "system"
        return Reading([_turn(content, clip(role, 60), {"record": kind})])
    return Reading(unsupported=[kind])


def _unknown_text(record: dict[str, Any]) -> str:
    message = record.get("message")
    inner = _words(message.get("content")) if isinstance(message, dict) else text(message)
    return inner if inner.strip() else _words(record)


_READERS: dict[str, Callable[[dict[str, Any]], Reading]] = {
    "user": _read_user,
    "assistant": _read_assistant,
    "system": _read_system,
    "attachment": _read_attachment,
}
