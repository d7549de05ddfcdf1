"""Conversations on their way out of a format: here a message's parts get their keys, parents, times and tools' names.

A format says what a message holds and which message it follows; a `Thread` makes the interactions of it.
"""

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sessions.records import JSON, ImportedInteraction, InteractionDraft, InteractionKind

from .values import clip, digest, safe_session_id

MAX_NAME = 255
MIN_UNIQUE_ID = 16
"""Shorter conversation IDs ("17", "identity_0") are counted by each data set for itself and name nothing in a store."""

MAX_OPENINGS = 500_000
"""How many beginnings of one file's conversations are remembered to tell apart those that begin alike."""

_BRANCHING = (InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE, InteractionKind.CONVERSATION_TURN)
_PLAIN = re.compile(r"[!-~]{1,80}")


@dataclass(slots=True)
class Part:
    """An interaction in the making: what a message says itself.

    `name` tells the part from the others of its message in every version of it; without one its place does.
    `call_id` is the source's ID of a tool's call, on the call and on its result.
    """

    kind: InteractionKind
    name: str = ""
    prompt: str = ""
    response: str = ""
    reasoning: str = ""
    tool_name: str = ""
    tool_parameters: JSON = None
    call_id: str = ""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    execution_time_ms: float | None = None
    status: str = ""
    error_message: str = ""
    occurred_at: datetime | None = None
    metadata: dict[str, JSON] = field(default_factory=dict)


@dataclass(slots=True)
class Message:
    """One message of a conversation: its parts in order, and the key of the message that it follows.

    `key` is the same in every copy and every longer version of the conversation. `record` are the message's bytes
    as they stood in the source. `is_branch` is for sources whose messages form a tree: there several messages that
    follow the same one are alternatives, whatever they are.
    """

    key: str
    place: str
    parts: list[Part]
    parent: str | None = None
    occurred_at: datetime | None = None
    record: bytes | None = None
    is_branch: bool = False


class Thread:
    """One conversation: what its messages so far leave behind for those to come.

    `tip` is the key of the message that came last; `first_time` and `last_time` span the times seen.
    """

    def __init__(self, source: str, session_id: str) -> None:
        self.source = source
        self.session_id = session_id
        self.tip: str | None = None
        self.time: datetime | None = None
        self.first_time: datetime | None = None
        self.last_time: datetime | None = None
        self._ends: dict[str, str | None] = {}
        self._tools: dict[str, str] = {}
        self._unanswered: deque[str] = deque(maxlen=1000)

    def knows(self, key: str) -> bool:
        """Whether a message of that key was said."""
        return key in self._ends

    def forget_calls(self) -> None:
        """Let no later result without ID answer a call so far: for sources that tell both in one message."""
        self._unanswered.clear()

    def see_time(self, moment: datetime | None) -> None:
        """Take note of a time. What comes without one happened after what came before, and not at the import."""
        if moment is not None:
            self.time = moment
            self.first_time = min(self.first_time or moment, moment)
            self.last_time = max(self.last_time or moment, moment)

    def say(self, message: Message) -> list[ImportedInteraction]:
        """The interactions of a message, each the child of the one before. One without parts passes its parent on."""
        self.see_time(message.occurred_at)
        parent = self._ends.get(message.parent) if message.parent is not None else None
        base = f"{self.source}:{_plain(message.key)}"
        if message.is_branch and message.parts and (parent is None or message.parts[0].kind not in _BRANCHING):
            # Nobody sees it by the kind of the interaction, or there is none before it to branch from.
            message.parts[0].metadata["begins_branch"] = True
        said: list[ImportedInteraction] = []
        own_keys: set[str] = set()
        for number, part in enumerate(message.parts):
            suffix = part.name or (str(number) if number else "")
            own_key = f"{base}#{_plain(suffix)}" if suffix else base
            if own_key in own_keys:
                own_key = f"{own_key}~{number}"  # one call twice in a message, say: neither is lost
            own_keys.add(own_key)
            draft = self._draft(part, own_key, parent, None if number else message.record)
            said.append(ImportedInteraction(session_id=self.session_id, draft=draft, place=message.place))
            parent = own_key
        self._ends[message.key] = parent
        self.tip = message.key
        return said

    def _draft(self, part: Part, key: str, parent: str | None, record: bytes | None) -> InteractionDraft:
        self.see_time(part.occurred_at)
        metadata = part.metadata
        if part.call_id:
            metadata = {"tool_use_id": clip(part.call_id, 1000)} | metadata
        return InteractionDraft(
            kind=part.kind,
            prompt=part.prompt,
            response=part.response,
            reasoning=part.reasoning,
            tool_name=clip(self._tool_name(part), MAX_NAME),
            tool_parameters=part.tool_parameters,
            model=clip(part.model, MAX_NAME),
            input_tokens=part.input_tokens,
            output_tokens=part.output_tokens,
            cost_microusd=part.cost_microusd,
            execution_time_ms=part.execution_time_ms,
            status=part.status,
            error_message=part.error_message,
            metadata=metadata,
            occurred_at=self.time,
            idempotency_key=key,
            parent_key=parent,
            source_record=record,
        )

    def _tool_name(self, part: Part) -> str:
        """The tool's name; a result's is that of the call with its ID, or without IDs of the first call unanswered."""
        if part.kind is InteractionKind.TOOL_CALL:
            if part.call_id:
                self._tools[part.call_id] = part.tool_name
            else:
                self._unanswered.append(part.tool_name)
        elif part.kind is InteractionKind.TOOL_RESPONSE:
            if part.call_id:
                return part.tool_name or self._tools.get(part.call_id, "")
            called = self._unanswered.popleft() if self._unanswered else ""
            return part.tool_name or called
        return part.tool_name


class Openings:
    """Names for the conversations of one file, among which several may begin alike."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._seen: dict[int, int] = {}

    def session_id(self, original: str, opening: str, whole: Callable[[], str]) -> str:
        """The source's own ID where that is one of its kind, else an ID made from it and the conversation's opening.

        The opening is what every longer version of the conversation begins with. Of those in a file with the same
        short ID and opening the second gets another ID, and so on; in huge files the `whole` of it tells it apart.
        """
        if len(original) >= MIN_UNIQUE_ID:
            return safe_session_id(original, self._source)
        name = digest(f"{original}\0{opening}")
        seen = hash(name)
        if seen not in self._seen and len(self._seen) >= MAX_OPENINGS:
            name = digest(f"{name}\0{whole()}")
        else:
            self._seen[seen] = times = self._seen.get(seen, 0) + 1
            if times > 1:
                name = digest(f"{name}\0{times}")
        label = f"{self._source}-{original}-{name[:16]}"
        is_safe = bool(original) and safe_session_id(label, self._source) == label
        return label if is_safe else f"{self._source}-{name}"


def _plain(identifier: str) -> str:
    """An identifier that may stand in a key, which is short and of printable characters."""
    return identifier if _PLAIN.fullmatch(identifier) else digest(identifier)


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def compact(value: JSON) -> bytes:
    """A part of a larger document as the record of its own: JSON without blanks."""
    return _COMPACT.encode(value).encode("utf-8", "surrogatepass")


def canonical(value: JSON) -> str:
    """JSON in which equal values are equal texts, however their members were ordered."""
    return _CANONICAL.encode(value)
