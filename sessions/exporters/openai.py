"""Messages of OpenAI's Chat Completions, a conversation on each line.

The messages are what the interface takes, and `reasoning_content`, the name under which others who speak its language
have the reasoning.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sessions.records import JSON, InteractionRecord

from .formats import Conversation, Format
from .notes import SYSTEM, Calls, is_turn, note_of
from .pieces import ASSISTANT, TOOL, USER, Piece, What, arguments, pieces_of
from .rows import Form, Originals, Said, noted, stream_rows
from .ways import Step

SOURCE = "openai"
MESSAGES = "messages"
MOST_CALLS = 100
"""So many calls are one message; more are continued in the next."""

_ROLES = frozenset({"system", "developer", USER, ASSISTANT, TOOL})
_LISTS = (MESSAGES, "traj", "history", "trajectory", "conversation", "dialogue", "dialog")


def stream(conversation: Conversation) -> Iterator[str]:
    yield from stream_rows(conversation, Form(SOURCE, MESSAGES, tell))


def tell(steps: Iterator[Step], *, with_originals: bool = True) -> Iterator[Said]:
    """The messages of a way, one at a time. Calls that follow each other, and the words before them, are one."""
    originals = Originals(SOURCE, _LISTS, _is_own)
    teller = _Teller()
    for step in steps:
        own = originals.take(step.record) if with_originals else None
        if own is not None:
            yield from teller.finish()
            if own.message:
                yield own
            continue
        place = 0
        for number, piece in enumerate(pieces_of(step.record)):
            if not teller.joins(piece, step.limb):
                yield from teller.finish()
                teller.begin(step, place)
                place += 1
            teller.add(step.record, piece, begins=number == 0)
    yield from teller.finish()


def _is_own(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return message.get("role") in _ROLES and (content is None or isinstance(content, str | list))


class _Teller:
    """Puts pieces into messages."""

    def __init__(self) -> None:
        self._calls = Calls()
        self._open: Said | None = None
        self._limb = 0
        self._last: What | None = None

    def finish(self) -> Iterator[Said]:
        if self._open:
            yield self._open
        self._open = None

    def begin(self, step: Step, place: int) -> None:
        self._open = Said({}, noted(step.record, place, {}))
        self._limb = step.limb

    def joins(self, piece: Piece, limb: int) -> bool:
        """Whether a piece goes on with the message that was begun; never beyond a fork, where ways part."""
        if self._open is None or self._open.message.get("role") != ASSISTANT or limb != self._limb:
            return False
        if self._last not in (What.THOUGHT, What.TEXT, What.CALL) or piece.files:
            return False
        if piece.what is What.CALL:
            return len(self._open.message.get("tool_calls", ())) < MOST_CALLS
        # A reader takes a thought that is the text once more for an echo of it.
        is_text = piece.what is What.TEXT and piece.voice == ASSISTANT
        return is_text and self._last is What.THOUGHT and self._open.message["reasoning_content"] != piece.text

    def add(self, record: InteractionRecord, piece: Piece, *, begins: bool) -> None:
        if (said := self._open) is None:
            return
        note = note_of(record, piece, begins=begins)
        if said.message and "metadata" in said.note:
            note.pop("metadata", None)
        said.note |= note
        self._last = piece.what
        if piece.what is What.RESULT:
            self._answer(said, record, piece)
        elif is_turn(piece):
            said.message |= {"role": SYSTEM, "content": piece.text}
        elif piece.what is What.CALL:
            own = self._calls.called(record, piece)
            said.message = {"role": ASSISTANT, "content": None, **said.message}
            said.message.setdefault("tool_calls", []).append(_call(own, piece))
        elif piece.what is What.THOUGHT:
            said.message |= {"role": ASSISTANT, "content": None, "reasoning_content": piece.text}
        else:
            said.message |= {"role": USER if piece.voice == USER else ASSISTANT, "content": piece.text}

    def _answer(self, said: Said, record: InteractionRecord, piece: Piece) -> None:
        own = self._calls.answered(piece) or piece.call_id or f"call_{record.id.hex}"
        said.message |= {"role": TOOL, "tool_call_id": own, "content": piece.text}
        if piece.name != self._calls.name(own):
            said.note["tool"] = piece.name


def _call(own: str, piece: Piece) -> dict[str, JSON]:
    function = {"name": piece.name, "arguments": arguments(piece.parameters)}
    return {"id": own, "type": "function", "function": function}


FORMAT = Format(
    name=SOURCE,
    label="OpenAI messages",
    media_type="application/x-ndjson",
    ending="jsonl",
    write=stream,
    with_sources=True,
    ids_from_keys=True,
)
