"""Messages of a role and content, as the vendors' chat interfaces and all that follow them write them.

One reading for the many spellings: content as a text, as blocks or as one block; tool calls beside the content, among
the blocks, or in the old `function_call`; results as a role or as a block. Which conversation a message belongs to
and what it follows is the formats' part.
"""

import json
from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, InteractionKind

from .blocks import call_part, is_call, is_error, is_result, joined, kind_of, result_part, said_in
from .files import describe_file, is_file_type
from .threads import Part
from .values import clip, count, mapping, name_of, text

USER, ASSISTANT, SYSTEM, TOOL = "user", "assistant", "system", "tool"
_ROLES = {
    USER: ("user", "human", "prompter", "usermessage"),
    ASSISTANT: ("assistant", "ai", "gpt", "chatgpt", "model", "bot", "chatbot", "agent", "claude", "bard", "bing"),
    SYSTEM: ("system", "developer"),
    TOOL: ("tool", "function", "observation", "ipython", "tool_result", "tool_response", "function_response"),
}
_ROLE_OF = {spelling: role for role, spellings in _ROLES.items() for spelling in spellings}

_THOUGHTS = frozenset({"thinking", "reasoning", "redacted_thinking", "reasoning_content", "reasoning_text", "thought"})
_THOUGHT_NAMES = ("thinking", "text", "content", "summary", "reasoning", "reasoning_content")
_TEXTS = frozenset({"text", "input_text", "output_text", "summary_text", "Text", "refusal", ""})


def role_of(spelling: JSON) -> str:
    """The role that a spelling means, "" for one that is unknown."""
    return _ROLE_OF.get(spelling.lower(), "") if isinstance(spelling, str) else ""


def read_message(message: dict[str, Any], spelling: JSON = None) -> list[Part]:
    """The parts of a message, at least one. `spelling` is its role where that stands under another name than `role`."""
    spelling = message.get("role") if spelling is None else spelling
    role = role_of(spelling)
    if len(message) == 2 and role != TOOL and isinstance(said := message.get("content"), str):
        return [_text_part(role, spelling, said)]  # as most messages are
    reader = _Reader(role, spelling if isinstance(spelling, str) else "")
    reader.read(_content_of(message))
    reader.add_thoughts(_thoughts_beside(message, reader.texts))
    if refusal := text(message.get("refusal")):
        reader.add_text(refusal, {"refusal": True})
    reader.add_sound(mapping(message.get("audio")))
    reader.add_calls(_calls_beside(message))
    parts = reader.finish()
    if role == TOOL and not reader.has_results:
        parts = [_as_result(message, parts)]
    if name := text(message.get("name")):
        _note_name(parts, name, role)
    return parts


def _content_of(message: dict[str, Any]) -> JSON:
    for name in ("content", "parts", "value", "text"):
        if message.get(name) is not None:
            return message[name]
    return None


def content_beside(blocks: JSON, said: JSON) -> JSON:
    """A message's content where a text stands beside its blocks: that says the same again, unless they have none."""
    if not isinstance(blocks, list):
        return blocks or said
    has_text = any(isinstance(block, str) or text(mapping(block).get("text")).strip() for block in blocks)
    return blocks if has_text or not text(said).strip() else [*blocks, {"type": "text", "text": said}]


class _Reader:
    """The parts of one message, as its blocks are read."""

    def __init__(self, role: str, spelling: str) -> None:
        self._role = role
        self._spelling = spelling
        self._parts: list[Part] = []
        self._thoughts: list[str] = []
        self._is_hidden = False
        self._files: list[JSON] = []
        self._others: list[JSON] = []
        self.texts: list[str] = []
        self.has_results = False

    def read(self, content: JSON) -> None:
        if isinstance(content, list):
            for block in content:
                self._block(block)
        elif isinstance(content, dict):
            self._block(content)
        elif content is not None:
            self.add_text(content if isinstance(content, str) else json.dumps(content))

    def _block(self, block: JSON) -> None:
        if not isinstance(block, dict):
            self.read(block)
            return
        kind = kind_of(block)
        if kind in _THOUGHTS:
            self._think(block)
        elif is_call(kind) or is_result(kind):
            self._flush_thoughts()
            self._parts.append(call_part(block) if is_call(kind) else result_part(block))
            self.has_results = self.has_results or is_result(kind)
        elif is_file_type(kind):
            self._files.append(describe_file(block, kind))
        elif (said := said_in(block)) is not None:
            self.add_text(said, {} if kind in _TEXTS else {"block": name_of(kind)})
        else:
            self._others.append(name_of(kind))

    def _think(self, block: dict[str, Any]) -> None:
        values = (block.get(name) for name in _THOUGHT_NAMES)
        said = next(filter(None, (joined(mapping(value).get("text") or value) for value in values)), "")
        if not said and isinstance(summaries := block.get("summaries"), list):
            said = joined([mapping(one).get("summary") for one in summaries])
        if said:
            self._thoughts.append(said)
        else:
            self._is_hidden = True

    def add_text(self, said: str, metadata: dict[str, JSON] | None = None) -> None:
        """A text is an interaction of its own; thoughts before it are its reasoning."""
        part = self._part_of(said)
        part.metadata |= metadata or {}
        if self._role in (ASSISTANT, ""):
            self._take_thoughts(part)
        self._parts.append(part)
        self.texts.append(said)

    def add_sound(self, sound: dict[str, Any]) -> None:
        """A spoken answer beside the content: what was said in it, and the sound as a file."""
        if (said := text(sound.get("transcript"))) and said not in self.texts:
            self.add_text(said, {"block": "audio"})
        if sound:
            self._files.append(describe_file(sound, "audio"))

    def add_thoughts(self, said: str) -> None:
        """Thoughts from beside the content were before all of it."""
        if not said:
            return
        first = next((part for part in self._parts if part.kind is InteractionKind.AGENT_RESPONSE), None)
        if first is not None:
            first.reasoning = f"{said}\n\n{first.reasoning}" if first.reasoning else said
        else:
            self._parts.insert(0, Part(InteractionKind.AGENT_RESPONSE, reasoning=said))

    def add_calls(self, calls: Iterator[Part]) -> None:
        """Calls from beside the content, unless the content has them as well."""
        present = {part.call_id for part in self._parts if part.kind is InteractionKind.TOOL_CALL and part.call_id}
        self._flush_thoughts()
        self._parts += [call for call in calls if not call.call_id or call.call_id not in present]

    def finish(self) -> list[Part]:
        self._flush_thoughts()
        if len(self._parts) > 1:
            # Who only calls tools says nothing, in an empty content.
            self._parts = [part for part in self._parts if not _is_empty(part)] or self._parts[:1]
        if not self._parts:
            self._parts.append(self._part_of(""))
        first = self._parts[0]
        if self._files:
            first.metadata["attachments"] = self._files
        if self._others:
            first.metadata["other_blocks"] = self._others
        return self._parts

    def _flush_thoughts(self) -> None:
        if self._thoughts or self._is_hidden:
            part = Part(InteractionKind.AGENT_RESPONSE)
            self._take_thoughts(part)
            self._parts.append(part)

    def _take_thoughts(self, part: Part) -> None:
        part.reasoning = "\n\n".join(self._thoughts)
        if self._is_hidden:
            part.metadata["hidden_reasoning"] = True
        self._thoughts, self._is_hidden = [], False

    def _part_of(self, said: str) -> Part:
        return _text_part(self._role, self._spelling, said)


def _text_part(role: str, spelling: JSON, said: str) -> Part:
    if role == USER:
        return Part(InteractionKind.CLIENT_REQUEST, prompt=said)
    if role == ASSISTANT:
        return Part(InteractionKind.AGENT_RESPONSE, response=said)
    if role == TOOL:
        return Part(InteractionKind.TOOL_RESPONSE, response=said, status="success")
    return turn_part(said, spelling if isinstance(spelling, str) else "")


def _is_empty(part: Part) -> bool:
    is_answer = part.kind is InteractionKind.AGENT_RESPONSE
    return is_answer and not (part.response or part.reasoning or part.metadata)


def turn_part(said: str, spelling: str) -> Part:
    """A turn of the system, of a role that is not known, or of none."""
    role = role_of(spelling) or clip(spelling, 60) or SYSTEM
    metadata: dict[str, JSON] = {"role": role}
    if spelling and spelling != role:
        metadata["source_role"] = clip(spelling, 60)
    return Part(InteractionKind.CONVERSATION_TURN, response=said, metadata=metadata)


def usage_of(usage: JSON) -> tuple[int | None, int | None]:
    """Input and output tokens, however they are called."""
    usage = mapping(usage)
    given, made = (
        next((number for name in names if (number := count(usage.get(name))) is not None), None)
        for names in (_INPUT_TOKENS, _OUTPUT_TOKENS)
    )
    return given, made


_INPUT_TOKENS = ("input_tokens", "prompt_tokens", "inputTokens", "promptTokens", "input", "prompt", "prompt_eval_count")
_OUTPUT_TOKENS = (
    "output_tokens", "completion_tokens", "outputTokens", "completionTokens", "output", "completion", "eval_count",
)  # fmt: skip


def _as_result(message: dict[str, Any], parts: list[Part]) -> Part:
    """A message of the role of a tool is one result, however many texts it has."""
    first = parts[0]
    first.response = "\n".join(part.response for part in parts)
    first.call_id = text(message.get("tool_call_id")) or text(message.get("toolCallId"))
    ids = message.get("tool_call_ids")
    if not first.call_id and isinstance(ids, list):
        first.call_id = next(filter(None, map(text, ids)), "")
    first.tool_name = text(message.get("name")) or text(message.get("tool_name"))
    first.status = "error" if is_error(message, {}) else "success"
    return first


def _note_name(parts: list[Part], name: str, role: str) -> None:
    """Who spoke, where the source names somebody; the name of a tool's message is the tool's."""
    if role != TOOL:
        parts[0].metadata.setdefault("name", clip(name, 255))


def _calls_beside(message: dict[str, Any]) -> Iterator[Part]:
    calls: JSON = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            yield call_part(call)
    if isinstance(call := message.get("function_call"), dict):
        yield call_part(call)


def _thoughts_beside(message: dict[str, Any], texts: list[str]) -> str:
    """Some write a message's own text once more as its thought."""
    for name in ("reasoning_content", "reasoning", "thinking", "thought"):
        if (said := joined(message.get(name))) and said not in texts:
            return said
    return ""
