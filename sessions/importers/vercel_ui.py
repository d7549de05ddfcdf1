"""The messages of the Vercel AI SDK's user interface: `parts` since version 5, `content` and `toolInvocations` before.

The SDK leaves storing to the application, so a file is a list of messages, or rows of such lists with the chat's ID.
"""

import json
from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind

from .blocks import result_text
from .chat import read_message, role_of, turn_part, usage_of
from .dialogues import Dialogue, Turn, each, kept, read_dialogues, without
from .files import describe_file
from .formats import Format, Input
from .rows import first_rows
from .threads import Part
from .values import clip, mapping, name_of, parse_time, text

SOURCE = "vercel-ui"
_LISTS = ("messages", "initialMessages", "uiMessages")
_IDS = ("id", "chatId", "chat_id", "threadId", "sessionId")
_OWN = frozenset({"toolInvocations", "experimental_attachments"})
_SOURCES = frozenset({"source", "source-url", "source-document"})
_FAILED = frozenset({"output-error", "output-denied"})
_DONE = frozenset({"output-available", "result"})


def _is_message(value: JSON) -> bool:
    """Typed parts, or what only version 4 had beside the content."""
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        return False
    parts = value.get("parts")
    if isinstance(parts, list):
        return all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts)
    return not _OWN.isdisjoint(value)


def _list_of(row: dict[str, Any]) -> str:
    """Under which name the row has messages, "" if under none."""
    for name in _LISTS:
        if isinstance(listed := row.get(name), list) and any(_is_message(one) for one in listed[:10]):
            return name
    return ""


def _list_in(row: dict[str, Any]) -> str:
    """The same in a file that is known to hold such rows: messages may also have neither parts nor calls."""
    lists = {name: row.get(name) for name in _LISTS}
    found = (name for name, one in lists.items() if isinstance(one, list) and any(map(_has_role, one)))
    return _list_of(row) or next(found, "")


def _has_role(value: JSON) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str)


def recognises(head: bytes) -> bool:
    """Whether the first objects are such messages, or one of them is a row of such."""
    rows = first_rows(head)
    if any(_list_of(row) and "projectHash" not in row for row in rows):
        return True
    return bool(rows) and all(isinstance(row.get("role"), str) for row in rows) and any(map(_is_message, rows))


def read(source: Input) -> Iterator[ImportEvent]:
    return read_dialogues(source, SOURCE, _dialogue, _loose)


def _loose(row: dict[str, Any]) -> Turn | None:
    return _turn(row) if isinstance(row.get("role"), str) and not _list_in(row) else None


def _dialogue(row: dict[str, Any]) -> Dialogue | None:
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
        user_id=None,
        title=clip(text(envelope.get("title")), 1000) or None,
        created_at=parse_time(envelope.get("createdAt")),
        last_activity_at=parse_time(envelope.get("updatedAt")),
        metadata=kept(without(envelope, "title")),
    )


def _turn(message: JSON) -> Turn:
    if not isinstance(message, dict):
        return Turn(message, read_message({"content": message}))
    told = mapping(message.get("metadata"))
    parts = _parts(message)
    model = next(filter(None, (text(told.get(name)) for name in ("model", "modelId", "model_id"))), "")
    for part in parts:
        if part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
            part.model = model
    usage = told.get("usage") or told.get("totalUsage") or told
    if role_of(message.get("role")) == "assistant":
        parts[0].input_tokens, parts[0].output_tokens = usage_of(usage)
    if type(total := mapping(usage).get("totalTokens")) is int:
        parts[0].metadata["usage"] = {"total": total}
    moment = parse_time(message.get("createdAt")) or parse_time(told.get("createdAt"))
    return Turn(message, parts, text(message.get("id")), moment)


class _Reader:
    """The parts of one message of the interface, as those of its interactions."""

    def __init__(self, role: str) -> None:
        self._role = role
        self.parts: list[Part] = []
        self._thoughts: list[str] = []
        self._files: list[JSON] = []
        self._sources: list[JSON] = []
        self._data: list[JSON] = []

    def take(self, part: dict[str, Any]) -> None:
        kind = text(part.get("type"))
        if kind == "text":
            self.say(text(part.get("text")))
        elif kind == "reasoning":
            self._thoughts.append(text(part.get("text")) or text(part.get("reasoning")))
        elif kind == "tool-invocation":
            self.call(mapping(part.get("toolInvocation")))
        elif kind == "dynamic-tool" or kind.startswith("tool-"):
            self.call({"toolName": kind.removeprefix("tool-"), **part})
        elif kind == "file":
            self._files.append(describe_file(part, "file"))
        elif kind in _SOURCES:
            source = part.get("source")
            self._sources.append(source if isinstance(source, dict) else without(part, "type"))
        elif kind != "step-start":
            self._other(part, kind)

    def _other(self, part: dict[str, Any], kind: str) -> None:
        """An application's own data, or a part of another version."""
        said = part.get("text")
        if isinstance(said, str) and not kind.startswith("data-"):
            self.say(said)
            self.parts[-1].metadata["block"] = name_of(kind)
        else:
            self._data.append(part)

    def say(self, said: str) -> None:
        if self._role == "user":
            part = Part(InteractionKind.CLIENT_REQUEST, prompt=said)
        elif self._role == "assistant":
            part = Part(InteractionKind.AGENT_RESPONSE, response=said)
            part.reasoning = self._thought()
        else:
            part = turn_part(said, self._role)
        self.parts.append(part)

    def call(self, call: dict[str, Any]) -> None:
        """A tool's call, with its result once there is one."""
        self.think()
        name, state = text(call.get("toolName")), text(call.get("state"))
        call_id = text(call.get("toolCallId"))
        part = Part(InteractionKind.TOOL_CALL, tool_name=name, call_id=call_id)
        given = (call.get(one) for one in ("input", "args", "rawInput"))
        part.tool_parameters = next((one for one in given if one is not None), None)
        self.parts.append(part)
        error = text(call.get("errorText"))
        if state == "output-denied":
            error = error or text(mapping(call.get("approval")).get("reason"))
        if state in _DONE or "output" in call or "result" in call or error or state in _FAILED:
            said, files = result_text(call.get("output", call.get("result")))
            result = Part(InteractionKind.TOOL_RESPONSE, tool_name=name, call_id=call_id, response=said or error)
            result.status = "error" if error or state in _FAILED else "success"
            if error:
                result.error_message = error
            if files:
                result.metadata["attachments"] = files
            self.parts.append(result)
        else:
            part.metadata["state"] = clip(state, 60)

    def note(self, data: JSON) -> None:
        """What version 4 has beside the content of a message that an application sent."""
        self._data += [data] if data is not None else []

    def attach(self, files: JSON) -> None:
        for file in files if isinstance(files, list) else []:
            self._files.append(describe_file(file, "file"))

    def think(self, said: str = "") -> None:
        """Thoughts that no text follows stand for themselves."""
        self._thoughts += [said] if said else []
        if thought := self._thought():
            self.parts.append(Part(InteractionKind.AGENT_RESPONSE, reasoning=thought))

    def _thought(self) -> str:
        said = "\n\n".join(filter(None, self._thoughts))
        self._thoughts = []
        return said

    def finish(self) -> list[Part]:
        self.think()
        if not self.parts:
            self.say("")
        for name, values in (("attachments", self._files), ("sources", self._sources), ("data", self._data)):
            if values:
                self.parts[0].metadata[name] = values
        return self.parts


def _parts(message: dict[str, Any]) -> list[Part]:
    role = text(message.get("role"))
    reader = _Reader(role_of(role) or role)
    listed = message.get("parts")
    for part in listed if isinstance(listed, list) else []:
        reader.take(part if isinstance(part, dict) else {"type": "data-other", "data": part})
    _take_version_4(reader, message)
    reader.attach(message.get("experimental_attachments"))
    reader.note(message.get("data"))
    return reader.finish()


def _take_version_4(reader: _Reader, message: dict[str, Any]) -> None:
    """What stands beside the parts, unless they have it as well."""
    present = {part.call_id for part in reader.parts}
    invocations = message.get("toolInvocations")
    for call in invocations if isinstance(invocations, list) else []:
        if isinstance(call, dict) and text(call.get("toolCallId")) not in present:
            reader.call(call)
    thought = text(message.get("reasoning"))
    if thought and not any(thought in part.reasoning for part in reader.parts):
        reader.think(thought)
    content = message.get("content")
    said = content if isinstance(content, str) else json.dumps(content) if content else ""
    together = "".join(part.prompt or part.response for part in reader.parts)
    if said and said not in together:
        reader.say(said)


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
