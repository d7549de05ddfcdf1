"""LangChain's messages, as `messages_to_dict` and `dumpd` write them: `{"type": "human", "data": {...}}`.

A file is a list of messages, or rows of them with the session's ID, in JSON or JSON Lines.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind

from .chat import read_message, role_of, usage_of
from .dialogues import Dialogue, Turn, each, kept, read_dialogues, without
from .formats import Format, Input
from .rows import first_rows
from .threads import Part
from .values import clip, mapping, parse_time, text

SOURCE = "langchain"
_TYPES = frozenset({"human", "ai", "system", "tool", "chat", "function", "developer", "generic", "remove"})
# What messages of other kinds have, whose types are called the same.
_OTHERS = frozenset({"role", "uuid", "sessionId", "parentUuid", "timestamp", "payload"})
_LISTS = ("messages", "history", "chat_history", "conversation", "data")
_IDS = ("session_id", "thread_id", "conversation_id", "id", "SessionId")


def _unwrapped(message: JSON) -> tuple[str, dict[str, Any]] | None:
    """A message's type and its members, None for what is none."""
    if not isinstance(message, dict):
        return None
    kind = _kind_of(message.get("type"))
    if kind in _TYPES and isinstance(message.get("data"), dict):
        return kind, message["data"]
    if kind == "constructor" and isinstance(message.get("kwargs"), dict) and isinstance(message.get("id"), list):
        name = _kind_of(message["id"][-1]) if message["id"] else ""
        return (_kind_of(message["kwargs"].get("type")) or name), message["kwargs"]
    if kind in _TYPES and "content" in message and _OTHERS.isdisjoint(message):
        return kind, message
    return None


def _kind_of(name: JSON) -> str:
    """A type, also by the name of its class, as chunks have it."""
    said = text(name)
    return said.removesuffix("Chunk").removesuffix("Message").lower() if said[:1].isupper() else said


def _message_in(message: JSON) -> tuple[str, dict[str, Any]] | None:
    """The same in a file that is known to hold messages: one of an unknown type, or without its data, is one too."""
    if not isinstance(message, dict) or not {"type", "data"} & message.keys():
        return _unwrapped(message)
    data = message.get("data")
    return _unwrapped(message) or (text(message.get("type")), data if isinstance(data, dict) else {"content": data})


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    """A serialised object that holds messages (a history, a prompt's value) as a row of them."""
    inside = row.get("kwargs")
    if row.get("type") == "constructor" and isinstance(inside, dict) and _list_of(inside):
        return inside
    return row


def _list_of(row: dict[str, Any]) -> str:
    """Under which name the row has messages, "" if under none."""
    for name in _LISTS:
        if isinstance(listed := row.get(name), list) and listed and all(_unwrapped(one) for one in listed[:3]):
            return name
    return ""


def _list_in(row: dict[str, Any]) -> str:
    """The same in a file that is known to hold such rows, of which one may begin with a message that is damaged."""
    if found := _list_of(row):
        return found
    lists = {name: row.get(name) for name in _LISTS}
    return next((name for name, one in lists.items() if isinstance(one, list) and any(map(_unwrapped, one))), "")


def recognises(head: bytes) -> bool:
    """Whether the first objects are LangChain's messages, or one of them is a row of such."""
    rows = [_opened(row) for row in first_rows(head)]
    return any(_list_of(row) for row in rows) or (bool(rows) and all(_unwrapped(row) for row in rows[:3]))


def read(source: Input) -> Iterator[ImportEvent]:
    return read_dialogues(source, SOURCE, _dialogue, _loose)


def _loose(row: dict[str, Any]) -> Turn | None:
    row = _opened(row)
    return _turn(row) if _message_in(row) and not _list_in(row) else None


def _dialogue(row: dict[str, Any]) -> Dialogue | None:
    row = _opened(row)
    name = _list_in(row)
    if not name:
        return None
    envelope = without(row, name)
    original = next((envelope[one] for one in _IDS if isinstance(envelope.get(one), str | int)), "")
    return Dialogue(
        original_id=str(original),
        turns=each(row[name], _turn),
        envelope=envelope,
        list_name=name,
        title=clip(text(row.get("title")), 1000) or None,
        metadata=kept(without(envelope, "title")),
    )


def _turn(message: JSON) -> Turn:
    unwrapped = _message_in(message)
    if unwrapped is None:
        return Turn(message, read_message(message if isinstance(message, dict) else {"content": message}))
    kind, data = unwrapped
    extra, told = mapping(data.get("additional_kwargs")), mapping(data.get("response_metadata"))
    spelling = text(data.get("role")) if kind in ("chat", "generic") else kind
    parts = read_message(_plain(data, extra), spelling)
    if role_of(spelling) == "assistant":
        _spend(parts, data, told)
    moment = next(filter(None, (parse_time(place.get(name)) for place in (told, extra) for name in _TIMES)), None)
    return Turn(message, parts, text(data.get("id")), moment)


_TIMES = ("timestamp", "created_at", "created")


def _plain(data: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """The message as others write them: what old versions had in `additional_kwargs` beside the rest, once."""
    plain = without(data, "type", "role")
    if not plain.get("tool_calls"):
        plain["tool_calls"] = extra.get("tool_calls")
        plain["function_call"] = extra.get("function_call")
    plain["tool_calls"] = [*_listed(plain.get("tool_calls")), *_listed(data.get("invalid_tool_calls"))]
    for name in ("reasoning_content", "refusal", "audio"):
        plain.setdefault(name, extra.get(name))
    return plain


def _spend(parts: list[Part], data: dict[str, Any], told: dict[str, Any]) -> None:
    model = text(told.get("model_name")) or text(told.get("model")) or text(told.get("model_id"))
    for part in parts:
        if part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
            part.model = model
    usage = data.get("usage_metadata") or told.get("token_usage") or told.get("usage")
    parts[0].input_tokens, parts[0].output_tokens = usage_of(usage)
    details = {name: mapping(usage).get(name) for name in ("input_token_details", "output_token_details")}
    if any(details.values()):
        parts[0].metadata["usage"] = {name: value for name, value in details.items() if value}


def _listed(value: JSON) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
