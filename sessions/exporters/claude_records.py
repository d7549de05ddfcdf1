"""Records such as Claude Code writes, for what others said."""

import re
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sessions.records import JSON, InteractionRecord, SessionRecord

from .notes import OWN, SYSTEM, Calls, is_turn, note_of
from .pieces import ASSISTANT, USER, Piece, What, mapping

VERSION = "2.1.0"
"""Of Claude Code, as the records state it: the first that knows all their members."""

SYNTHETIC = "<synthetic>"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_MOST_CHARACTERS_OF_NAME = 64


@dataclass(slots=True)
class _Answer:
    """An answer of the model: its last record, what that said, by which model, and the tokens so far."""

    id: str
    last: str = ""
    what: What | None = None
    model: str = ""
    given: int = 0
    made: int = 0


class Builder:
    """Builds the records of one session, in their order."""

    def __init__(self, header: SessionRecord, session_id: str) -> None:
        project = mapping(header.project_context)
        self._around: dict[str, JSON] = {
            "isSidechain": False,
            "userType": "external",
            "cwd": project.get("cwd") or "/",
            "sessionId": session_id,
            "version": header.metadata.get("claude_code_version") or VERSION,
            "gitBranch": project.get("git_branch") or "",
        }
        self._calls = Calls()
        self._answer = _Answer("")

    def surroundings(self, record: InteractionRecord) -> dict[str, JSON]:
        """What all records have, with the time of this one."""
        moment = record.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds")
        return {**self._around, "timestamp": moment.replace("+00:00", "Z")}

    def build(
        self, record: InteractionRecord, piece: Piece, number: int, uuid: str, parent: str | None
    ) -> dict[str, JSON]:
        """The record of a piece. `number` is its place in the interaction, `parent` the record before it."""
        note = note_of(record, piece, begins=number == 0)
        content = self._content(record, piece, note)
        if not self._goes_on(record, piece, parent):
            self._answer = _Answer(f"msg_{uuid.replace('-', '')}")
        self._answer.last, self._answer.what, self._answer.model = uuid, piece.what, record.model
        built: dict[str, JSON] = {"parentUuid": parent, **self.surroundings(record)}
        if is_turn(piece):
            built |= {"type": SYSTEM, "subtype": "informational", "level": "info", "content": piece.text}
        elif piece.voice == ASSISTANT:
            is_error = piece.what is What.ERROR
            built |= {"type": ASSISTANT, "message": self._message(record, content, number, is_error=is_error)}
            if is_error:
                built["isApiErrorMessage"] = True
        else:
            built |= {"type": USER, "message": {"role": USER, "content": content}}
            if "result" in note:
                built["isMeta"] = True
        return built | {"uuid": uuid} | ({OWN: note} if note else {})

    def _goes_on(self, record: InteractionRecord, piece: Piece, parent: str | None) -> bool:
        """Whether a piece is of the same answer as the one before: calls of one answer wait for their results
        together, those of several would each have to be answered before the next.

        A thought is an answer of its own, which Claude Code keeps back: the model's maker takes only what it signed.
        """
        answer = self._answer
        if parent is None or answer.last != parent or answer.model != record.model:
            return False
        return piece.what is What.CALL and answer.what in (What.TEXT, What.CALL)

    def _message(self, record: InteractionRecord, content: JSON, number: int, *, is_error: bool) -> dict[str, JSON]:
        """What the assistant said, as the model's maker answers; tokens are those of the answer so far."""
        if not number:
            self._answer.given += record.input_tokens or 0
            self._answer.made += record.output_tokens or 0
        return {
            "id": self._answer.id,
            "type": "message",
            "role": ASSISTANT,
            "model": SYNTHETIC if is_error or not record.model else record.model,
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": self._answer.given, "output_tokens": self._answer.made},
        }

    def _content(self, record: InteractionRecord, piece: Piece, note: dict[str, JSON]) -> JSON:
        if piece.what is What.THOUGHT:
            return [{"type": "thinking", "thinking": piece.text, "signature": ""}]
        if piece.what is What.CALL:
            return [self._call(record, piece, note)]
        if piece.what is What.RESULT:
            return self._result(piece, note)
        return piece.text if piece.voice == USER else [{"type": "text", "text": piece.text}]

    def _call(self, record: InteractionRecord, piece: Piece, note: dict[str, JSON]) -> dict[str, Any]:
        given = piece.parameters
        if not isinstance(given, dict):
            given, note["bare"] = {"value": given}, True
        name = _NOT_IN_NAMES.sub("_", piece.name)[:_MOST_CHARACTERS_OF_NAME] or "tool"
        if name != piece.name:
            note["tool"] = piece.name
        own = _id(self._calls.called(record, piece))
        return {"type": "tool_use", "id": own, "name": name, "input": given}

    def _result(self, piece: Piece, note: dict[str, JSON]) -> JSON:
        called = self._calls.answered(piece)
        if piece.name != self._calls.name(called):
            note["tool"] = piece.name
        if not called:
            # Claude Code keeps a result from the model if nothing waits for it.
            note["result"] = piece.call_id or True
            return piece.text
        result = {"type": "tool_result", "tool_use_id": _id(called), "content": piece.text}
        return [result | ({"is_error": True} if piece.has_failed else {})]


def _id(wanted: str) -> str:
    """An ID that the model's maker accepts; equal ones stay equal."""
    return wanted if _ID.fullmatch(wanted) else "toolu_" + uuid5(NAMESPACE_URL, wanted).hex


def bridge(around: dict[str, JSON], uuid: str, parent: str) -> dict[str, JSON]:
    """A record that says nothing, in the place of one that was not kept: without it the thread would break there."""
    return {
        "parentUuid": parent,
        **around,
        "type": SYSTEM,
        "subtype": "informational",
        "level": "info",
        "content": "",
        "uuid": uuid,
    }
