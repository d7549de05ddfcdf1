"""ShareGPT's rows, a conversation on each line: who (`from`) said what (`value`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from sessions.records import JSON, InteractionRecord

from .formats import Conversation, Format
from .notes import SYSTEM, Calls, is_turn, note_of
from .pieces import USER, Piece, What, arguments, pieces_of, written
from .rows import Form, Originals, Said, noted, stream_rows
from .ways import Step

SOURCE = "sharegpt"
CONVERSATIONS = "conversations"
_LISTS = (CONVERSATIONS, "conversation", "items")
_SPEAKERS = frozenset({"human", "gpt", SYSTEM, "function_call", "observation"})


def stream(conversation: Conversation) -> Iterator[str]:
    yield from stream_rows(conversation, Form(SOURCE, CONVERSATIONS, tell))


def tell(steps: Iterator[Step]) -> Iterator[Said]:
    """The turns of a way, one for each piece. A thought is an empty turn, its words stand in the note."""
    originals = Originals(SOURCE, _LISTS, _is_own)
    calls = Calls()
    for step in steps:
        own = originals.take(step.record)
        if own is None:
            for number, piece in enumerate(pieces_of(step.record)):
                yield _said(step.record, piece, number, calls)
        elif own.message:
            yield own


def _is_own(message: Mapping[str, Any]) -> bool:
    return message.get("from") in _SPEAKERS and isinstance(message.get("value"), str)


def _said(record: InteractionRecord, piece: Piece, number: int, calls: Calls) -> Said:
    note = note_of(record, piece, begins=number == 0)
    if piece.what is What.THOUGHT:
        turn = _turn("gpt", "")
        note["thought"] = piece.text
    elif piece.what is What.CALL:
        note["call_id"] = calls.called(record, piece)
        turn = _turn("function_call", _call(piece))
    elif piece.what is What.RESULT:
        note["call_id"] = own = calls.answered(piece) or piece.call_id or f"call_{record.id.hex}"
        if piece.name != calls.name(own):
            note["tool"] = piece.name
        turn = _turn("observation", piece.text)
    elif is_turn(piece):
        turn = _turn(SYSTEM, piece.text)
    else:
        turn = _turn("human" if piece.voice == USER else "gpt", piece.text)
    return Said(turn, noted(record, number, note))


def _call(piece: Piece) -> str:
    # Readers take arguments that are a string for JSON in a string.
    given = piece.parameters
    return written({"name": piece.name, "arguments": arguments(given) if isinstance(given, str) else given})


def _turn(speaker: str, said: str) -> dict[str, JSON]:
    return {"from": speaker, "value": said}


FORMAT = Format(
    name=SOURCE,
    label="ShareGPT",
    media_type="application/x-ndjson",
    ending="jsonl",
    write=stream,
    with_sources=True,
    ids_from_keys=True,
)
