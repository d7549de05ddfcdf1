"""The messages in what an observation took in and gave out, in whichever notation its framework wrote them.

Pure. Every notation is turned into messages of a role and content; what is in none of them is None.
"""

import ast
import json
import re
from typing import Any

from sessions.records import JSON

from ..blocks import decoded
from ..chat import role_of
from ..values import mapping, text

MAX_DEPTH = 8
MAX_LEAVES = 2_000
MAX_LITERAL = 20_000
_CLASSES = ("human", "ai", "system", "tool", "function", "chat", "developer")
_ITEMS = frozenset({"function_call", "function_call_output", "reasoning", "computer_call", "web_search_call"})
_SPOKEN = re.compile(r"^(developer|system|user|human|assistant|tool|model): ", re.MULTILINE)
_REPR = re.compile(r"role='(\w+)' content=('(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"|None)", re.DOTALL)


def unpacked(value: JSON) -> JSON:
    """A value that may be JSON in a string, and that in a string once more."""
    for _ in range(3):
        if not isinstance(value, str) or value[:1] not in ('"', "{", "["):
            break
        value = decoded(value)
        if isinstance(value, str) and value[:1] in ("{", "[") and len(value) <= MAX_LITERAL:
            return _of_python(value)
    return value


def _of_python(value: str) -> JSON:
    """A value as Python shows it, which some log instead of JSON."""
    try:
        shown = ast.literal_eval(value)
        return json.loads(json.dumps(shown))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return decoded(value)


def messages_in(value: JSON, speaker: str) -> list[dict[str, Any]] | None:
    """The messages of an input or an output; one that does not say who spoke was said by the `speaker`."""
    return _messages(unpacked(value), speaker, MAX_DEPTH)


def _messages(value: JSON, speaker: str, depth: int) -> list[dict[str, Any]] | None:
    if not depth or value is None:
        return None
    if isinstance(value, list):
        return _listed(value, speaker, depth)
    if isinstance(value, dict):
        return _of_object(value, speaker, depth)
    return _of_text(value) if isinstance(value, str) else None


def _of_text(value: str) -> list[dict[str, Any]] | None:
    """A transcript of lines that say who speaks, or the way in which Python shows a message."""
    if found := _REPR.match(value):
        try:
            return [{"role": found[1], "content": ast.literal_eval(found[2])}]
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not _SPOKEN.match(value):
        return None
    pieces = _SPOKEN.split(value)[1:]
    said = zip(pieces[::2], pieces[1::2], strict=False)
    return [{"role": role, "content": words.removesuffix("\n")} for role, words in said if words.strip() != "None"]


def _listed(items: list[JSON], speaker: str, depth: int) -> list[dict[str, Any]] | None:
    if not items:
        return None
    if all(isinstance(item, dict) and "toolName" in item and "toolCallId" in item for item in items):
        blocks = [{"type": "tool-call", **item} for item in items if isinstance(item, dict)]
        return [{"role": speaker, "content": blocks}]
    if all(
        isinstance(item, dict) and text(item.get("type")) and "role" not in item and _is_block(item) for item in items
    ):
        return [{"role": speaker, "content": items}]
    found: list[dict[str, Any]] = []
    for item in items:
        inner = _messages(unpacked(item) if isinstance(item, str) else item, speaker, depth - 1)
        if inner is None:
            return None
        found += inner
    return found


def _is_block(item: dict[str, Any]) -> bool:
    kind = text(item.get("type"))
    return kind not in _CLASSES and kind not in _ITEMS and kind != "message" and ("text" in item or kind == "tool-call")


def _of_object(value: dict[str, Any], speaker: str, depth: int) -> list[dict[str, Any]] | None:
    if isinstance(value.get("role"), str):
        return _of_message(value)
    kind = text(value.get("type"))
    if kind in _CLASSES and ("content" in value or isinstance(value.get("data"), dict)):
        data = value["data"] if isinstance(value.get("data"), dict) else value
        return _of_message({**data, "role": _role_of_class(kind, data), "content": data.get("content")})
    if kind in _ITEMS:
        role = "tool" if text(kind).endswith("_output") else "assistant"
        block_type = "tool_result" if role == "tool" else kind
        return [{"role": role, "content": [{**value, "type": block_type}]}]
    if isinstance(value.get("parts"), list):
        return [{"role": speaker, "parts": value["parts"]}]
    return _of_wrapper(value, speaker, depth)


def _of_wrapper(value: dict[str, Any], speaker: str, depth: int) -> list[dict[str, Any]] | None:
    for name in ("messages", "choices", "generations", "new_messages", "contents"):
        if isinstance(value.get(name), list):
            return _with_system(value, _listed(value[name], speaker, depth - 1))
    for name in ("message", "new_message", "content", "kwargs"):
        if isinstance(value.get(name), dict):
            return _messages(value[name], speaker, depth - 1)
    if isinstance(asked := value.get("prompt"), str):
        return _with_system(value, [{"role": "user", "content": asked}])
    return _with_system(value, _listed(asked, "user", depth - 1)) if isinstance(asked, list) else None


def _of_message(value: dict[str, Any]) -> list[dict[str, Any]]:
    """A message of a role. Definitions of tools are listed among messages by some."""
    content = value.get("content")
    if role_of(value["role"]) == "tool" and isinstance(content, dict) and content.get("type") == "function":
        return []
    extra = mapping(value.get("additional_kwargs"))
    if calls := value.get("tool_calls") or extra.get("tool_calls"):
        return [{**value, "tool_calls": calls}]
    listed = unpacked(content) if isinstance(content, str) and content[:1] == "[" else None
    if isinstance(listed, list) and listed and all(isinstance(mapping(one).get("function"), dict) for one in listed):
        # Calls written into the content, some even as if the tool had said them.
        return [{**value, "role": "assistant", "content": None, "tool_calls": listed}]
    return [value]


def _role_of_class(kind: JSON, data: dict[str, Any]) -> str:
    return text(data.get("role")) or "chat" if kind == "chat" else text(kind)


def _with_system(value: dict[str, Any], told: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """What the model was told beforehand, where it stands beside the messages."""
    if told is None:
        return None
    config = mapping(value.get("config"))
    for place, name in (
        (value, "system"),
        (value, "system_instruction"),
        (config, "system_instruction"),
        (value, "instructions"),
    ):
        if isinstance(said := place.get(name), str) and said:
            return [{"role": "system", "content": said}, *told]
    return told


def leaves(value: JSON) -> list[str]:
    """The texts in a value, also those in JSON within a text."""
    found: list[str] = []
    waiting: list[tuple[JSON, int]] = [(value, MAX_DEPTH)]
    while waiting and len(found) < MAX_LEAVES:
        one, depth = waiting.pop()
        one = unpacked(one)
        if isinstance(one, str) and one:
            found.append(one)
        elif depth and isinstance(one, dict | list):
            waiting += [(item, depth - 1) for item in (one.values() if isinstance(one, dict) else one)]
    return found
