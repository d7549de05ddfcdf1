"""The blocks of which messages are made, as the vendors write them: their types, texts, calls and results of tools."""

import json
from collections.abc import Callable
from typing import Any

from sessions.records import JSON, InteractionKind

from .files import describe_file, is_file_type
from .jsonl import Unreadable, parse
from .threads import Part
from .values import mapping, text

CALLS = frozenset({"tool_use", "tool-call", "tool_call", "function_call", "functionCall", "server_tool_use"})
RESULTS = frozenset(
    {"tool_result", "tool-result", "tool_call_response", "tool_response", "function_response", "functionResponse"}
)
_OF_CALLS, _OF_RESULTS = "_tool_use", "_tool_result"  # such as `mcp_tool_use` and `web_search_tool_result`
_TEXT_NAMES = ("text", "content", "value", "refusal")


def is_call(kind: str) -> bool:
    """Whether a block of this type is a call, also of a tool that runs at the vendor's."""
    return kind in CALLS or kind.endswith(_OF_CALLS)


def is_result(kind: str) -> bool:
    """Whether a block of this type is the result of a call."""
    return kind in RESULTS or kind.endswith(_OF_RESULTS)


def call_part(block: dict[str, Any]) -> Part:
    """A tool's call: a block, or an entry of `tool_calls`, in which the function may stand in an object of its own."""
    inner = _inner(block, ("function", "functionCall", "function_call", "custom"))
    name = text(inner.get("name")) or text(block.get("toolName")) or text(block.get("tool_name"))
    names = ("arguments", "args", "input", "parameters")
    given = next((place[one] for place in (inner, block) for one in names if one in place), None)
    part = Part(
        InteractionKind.TOOL_CALL, tool_name=name, tool_parameters=decoded(given), call_id=_call_id(block, inner)
    )
    error = text(block.get("error"))
    if error or block.get("type") == "invalid_tool_call":
        part.status, part.error_message = "error", error or "a call that the model wrote badly"
    return part


def result_part(block: dict[str, Any]) -> Part:
    """A tool's result as a block."""
    inner = _inner(block, ("functionResponse", "function_response"))
    given = next((inner[one] for one in ("content", "response", "result", "output", "text") if one in inner), None)
    if given is None and inner is not block:
        given = {name: value for name, value in inner.items() if name not in ("id", "name")} or None
    said, files = result_text(given)
    part = Part(InteractionKind.TOOL_RESPONSE, response=said, call_id=_call_id(block, inner))
    part.tool_name = text(inner.get("name")) or text(block.get("toolName")) or text(block.get("tool_name"))
    part.status = "error" if is_error(block, inner) or is_error(mapping(given), {}) else "success"
    if files:
        part.metadata["attachments"] = files
    return part


def result_text(given: JSON) -> tuple[str, list[JSON]]:
    """A result's text, and the files in it; an object of one text is that text, any other value its JSON."""
    if given is None or isinstance(given, str):
        return given or "", []
    if isinstance(given, dict):
        only = next((given[name] for name in ("output", "text", "value", "error") if name in given), None)
        return (only, []) if isinstance(only, str) and len(given) <= 2 else (_json(given), [])
    if not isinstance(given, list) or not all(isinstance(item, dict) and kind_of(item) for item in given):
        return _json(given), []
    texts, files = [], []
    for item in given:
        if is_file_type(kind_of(item)):
            files.append(describe_file(item, kind_of(item)))
        else:
            said = said_in(item)
            texts.append(_json(item) if said is None else said)
    return "\n".join(texts), files


def decoded(value: JSON) -> JSON:
    """Parameters are JSON in a string with some vendors; what is none stays the string that it is."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return value


def _inner(block: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return next((block[name] for name in names if isinstance(block.get(name), dict)), block)


def _call_id(block: dict[str, Any], inner: dict[str, Any]) -> str:
    names = ("tool_use_id", "tool_call_id", "toolCallId", "call_id", "id")
    return next(filter(None, (text(place.get(name)) for place in (block, inner) for name in names)), "")


def is_error(block: dict[str, Any], inner: dict[str, Any]) -> bool:
    told = (block.get("is_error"), block.get("isError"), block.get("tool_call_error"), inner.get("is_error"))
    return True in told or block.get("status") == "error" or "error" in (block.get("type"), block.get("state"))


def kind_of(block: dict[str, Any]) -> str:
    kind = text(block.get("type"))
    if kind:
        return kind
    known: Callable[[str], bool] = lambda name: name in CALLS or name in RESULTS or is_file_type(name)  # noqa: E731
    kind = next((name for name in block if known(name)), "")
    return "thought" if not kind and block.get("thought") is True else kind


def said_in(block: dict[str, Any]) -> str | None:
    """A block's text, which some wrap once more: `{"text": {"value": ...}}`."""
    values = (block.get(name) for name in _TEXT_NAMES)
    said = (value if isinstance(value, str) else mapping(value).get("value") for value in values)
    return next((one for one in said if isinstance(one, str)), None)


def joined(value: JSON) -> str:
    """The text in a string or in a list of texts or text blocks."""
    if isinstance(value, list):
        said = (item if isinstance(item, str) else said_in(mapping(item)) for item in value)
        return "\n\n".join(filter(None, said))
    return text(value)


def _json(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False)
