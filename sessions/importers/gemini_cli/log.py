"""A session while its file is read: messages that are written again, replaced and gone back on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sessions.records import JSON, ImportEvent, SessionDraft, SetAside

from ..documents import Piece
from ..formats import Input, set_aside
from ..jsonl import Unreadable, parse_part
from ..threads import Message, Thread, compact
from ..values import clip, digest, mapping, parse_time, safe_session_id, text
from .messages import read_message

SOURCE = "gemini-cli"
MAX_HELD_BYTES = 48 * 1024 * 1024
"""Of a longer session the messages so far are given away, and versions of them that come later count for themselves."""

UNFORESEEN = "a shape this importer does not know"
SURPRISES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

_KNOWN = frozenset({"sessionId", "projectHash", "startTime", "lastUpdated", "messages", "summary", "directories"})


@dataclass(slots=True)
class _Held:
    """A message until the session is over: its record, and the same joined with what its versions had.

    `latest` is the hash of the version that came last.
    """

    place: str
    raw: bytes
    joined: bytes
    parent: str | None
    latest: int


@dataclass(slots=True)
class _State:
    """One session of the file. `active` are the messages that stand, in order."""

    header: dict[str, JSON] = field(default_factory=dict)
    held: dict[str, _Held] = field(default_factory=dict)
    active: dict[str, None] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    thread: Thread | None = None
    told: SessionDraft | None = None


class Log:
    def __init__(self, source: Input) -> None:
        self._source = source
        self._state = _State()
        self._held_bytes = 0
        self._places: set[str] = set()

    def aside(self, event: SetAside) -> SetAside:
        self._places.add(event.place)
        return event

    def take(self, record: dict[str, Any], raw: bytes, place: str) -> Iterator[ImportEvent]:
        """A line of the log."""
        if "$rewindTo" in record:
            active, target = self._state.active, record["$rewindTo"]
            while isinstance(target, str) and target in active:
                active.popitem()
        elif isinstance(changes := record.get("$set"), dict):
            self._set(changes, place)
        elif "sessionId" in record and "type" not in record:
            other = text(record["sessionId"])
            if self._state.header.get("sessionId", other) != other:
                yield from self.begin_another()
            self._state.header = record | self._state.header | {"lastUpdated": record.get("lastUpdated")}
        else:
            yield from self.take_message(record, raw, place)

    def take_message(self, record: dict[str, Any], raw: bytes, place: str) -> Iterator[ImportEvent]:
        """A message, or a version of one."""
        self._hold(record, raw, place)
        if self._held_bytes > MAX_HELD_BYTES:
            yield from self._give()

    def begin_another(self) -> Iterator[ImportEvent]:
        """The session so far is over, and what follows is another's."""
        yield from self._finish()
        self._state = _State()

    def note_member(self, piece: Piece) -> None:
        try:
            self._state.header[piece.name] = parse_part(piece.raw)
        except Unreadable:
            self._state.header[piece.name] = piece.raw.decode(errors="replace")

    def close(self) -> Iterator[ImportEvent]:
        yield from self._finish()
        self._source.records_noted = self._source.records_read - len(self._places)

    # --- state ------------------------------------------------------------------------------------------------

    def _set(self, changes: dict[str, Any], place: str) -> None:
        """Members of the session, all its messages among them. What they leave out did happen, and is kept."""
        for name, value in changes.items():
            if name != "messages" and (name != "sessionId" or name not in self._state.header):
                self._state.header[name] = value
        messages = changes.get("messages")
        if isinstance(messages, list):
            self._state.active = {}
            for message in messages:
                if isinstance(message, dict):
                    self._hold(message, compact(message), place, is_copy=True)

    def _hold(self, record: dict[str, Any], raw: bytes, place: str, *, is_copy: bool = False) -> None:
        state = self._state
        key = text(record.get("id")) or f"message:{digest(raw)}"
        before = state.held.get(key)
        if before is None:
            joined = _readable(record) if is_copy else raw
            state.held[key] = _Held(place, raw, joined, next(reversed(state.active), None), hash(raw))
            self._held_bytes += len(raw)
        else:
            joined = before.joined if hash(raw) == before.latest else _joined(parse_part(before.joined), record)
            before.latest = hash(raw)
            # The whole list may be written in another shape, which has less; the message's own line is its record.
            if not is_copy:
                before.raw, before.place = raw, place
            self._held_bytes += len(joined) - len(before.joined)
            before.joined = joined
        state.active.setdefault(key)

    # --- events -----------------------------------------------------------------------------------------------

    def _finish(self) -> Iterator[ImportEvent]:
        yield from self._give()
        if self._state.told is not None and (draft := self._draft()) != self._state.told:
            yield draft

    def _give(self) -> Iterator[ImportEvent]:
        """The interactions of what is held, in the order in which it was first written."""
        state = self._state
        if not state.held and not state.header:
            return
        if state.thread is None:
            original = text(state.header.get("sessionId"))
            if not original and state.held:
                original = f"{SOURCE}-{digest(next(iter(state.held)))}"
            state.thread = Thread(SOURCE, safe_session_id(original or self._source.path.stem, SOURCE))
            state.told = self._draft()
            yield state.told
        for key, held in state.held.items():
            yield from self._say(state.thread, key, held)
        state.held, self._held_bytes = {}, 0

    def _say(self, thread: Thread, key: str, held: _Held) -> Iterator[ImportEvent]:
        record = mapping(parse_part(held.joined))
        try:
            parts = read_message(record, self._state.answered)
        except SURPRISES:
            yield self.aside(set_aside(held.place, UNFORESEEN, damaged=True, raw=held.raw))
            parts = []
        moment = parse_time(record.get("timestamp"))
        said = thread.say(Message(key, held.place, parts, held.parent, moment, held.raw))
        if said:
            self._places.add(held.place)
        yield from said

    def _draft(self) -> SessionDraft:
        header, thread = self._state.header, self._state.thread
        session_id = thread.session_id if thread else ""
        metadata: dict[str, JSON] = {}
        if rest := {name: value for name, value in header.items() if name not in _KNOWN and value is not None}:
            metadata["header"] = rest
        if (original := text(header.get("sessionId"))) not in ("", session_id):
            metadata["original_session_id"] = clip(original, 1000)
        project = {
            known_as: header[name]
            for name, known_as in (("projectHash", "project_hash"), ("directories", "directories"))
            if header.get(name)
        }
        return SessionDraft(
            session_id=session_id,
            title=clip(text(header.get("summary")), 1000) or None,
            source=SOURCE,
            created_at=parse_time(header.get("startTime")) or (thread and thread.first_time) or None,
            last_activity_at=(thread and thread.last_time) or parse_time(header.get("lastUpdated")),
            project_context=project or None,
            metadata=metadata or None,
        )


def _joined(before: JSON, after: dict[str, Any]) -> bytes:
    """The later version wins, but what it lacks the earlier one has; the time is when it was first said."""
    before = mapping(before)
    joined = before | {name: value for name, value in after.items() if value or name not in before}
    if "timestamp" in before:
        joined["timestamp"] = before["timestamp"]
    return _readable(joined)


def _readable(record: dict[str, Any]) -> bytes:
    """A record to be parsed again: halves of surrogate pairs, which are no UTF-8, as escapes."""
    return json.dumps(record).encode()
