"""What a format of messages has no place for, under a name that its readers pass over and our own importers read."""

from collections.abc import Mapping

from sessions.records import JSON, InteractionRecord

from .pieces import ASSISTANT, USER, Piece, What

OWN = "sessionsite"
SYSTEM = "system"
KEPT = (
    "attachments",
    "begins_branch",
    "hidden",
    "hidden_reasoning",
    "is_meta",
    "markup",
    "name",
    "preference",
    "sidechain",
)
"""Of the metadata, what says how an interaction is to be read."""


def note_of(record: InteractionRecord, piece: Piece, *, begins: bool) -> dict[str, JSON]:
    """What is to be noted of a piece; of its interaction too where it `begins` that."""
    note: dict[str, JSON] = {}
    if piece.what is What.ERROR:
        note["error"] = True
    if piece.has_failed:
        note["failed"] = True
    if is_turn(piece) and piece.voice != SYSTEM:
        note["role"] = piece.voice
    if begins and (kept := _kept(record.metadata)):
        note["metadata"] = kept
    return note


def is_turn(piece: Piece) -> bool:
    """Whether it was said by neither the user nor the assistant nor a tool that was called."""
    return piece.what is What.TEXT and piece.voice not in (USER, ASSISTANT)


def _kept(metadata: Mapping[str, JSON]) -> dict[str, JSON]:
    return {name: metadata[name] for name in KEPT if metadata.get(name)}


class Calls:
    """The tools' calls on one way, each with an ID that no other has, and which of them a result answers."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._own: dict[str, str] = {}
        self._waiting: dict[str, None] = {}

    def called(self, record: InteractionRecord, piece: Piece) -> str:
        """The ID of a call."""
        wanted = piece.call_id or f"call_{record.id.hex}"
        own = wanted if wanted not in self._names else f"{wanted}_{record.sequence}"
        self._own[wanted], self._names[own] = own, piece.name
        self._waiting[own] = None
        return own

    def answered(self, piece: Piece) -> str:
        """The ID of the call that a result answers: the one that it names, else the first of its name; "" where none
        waits for a result."""
        if piece.call_id:
            own = self._own.get(piece.call_id, "")
        else:
            own = next((one for one in self._waiting if piece.name in ("", self._names[one])), "")
        if own not in self._waiting:
            return ""
        del self._waiting[own]
        return own

    def name(self, own: str) -> str:
        """The tool that was called with an ID; "" where none was."""
        return self._names.get(own, "")
