"""Conversations from which somebody else has taken the time, and often the names: rows of messages.

Where the source names its conversations or messages, their keys are made of that. Else a conversation goes by what it
begins with and each message by all that was said up to it: so a longer version adds what is new, and two that begin
alike in different files meet in one session, as its branches.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .formats import Input, set_aside
from .noted import OWN, give_back
from .rows import read_rows
from .threads import Message, Openings, Part, Thread, canonical, compact
from .values import clip, digest, parse_time, safe_session_id, text

MAX_KEPT_BYTES = 32 * 1024
MAX_UNOPENED = 50
"""A conversation without an answer begins with so many messages."""

UNFORESEEN = "a shape this importer does not know"
SURPRISES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

_ANSWERS = (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL)


@dataclass(slots=True)
class Turn:
    """A message: its record, what it says, and its ID and time if it has any.

    It follows the one before, unless `follows` is the ID of another of the conversation. `place` is where it stands,
    if that is not its row. `unread` says why nothing could be made of it.
    """

    record: JSON
    parts: list[Part]
    own_id: str = ""
    occurred_at: datetime | None = None
    follows: str = ""
    place: str = ""
    unread: SetAside | None = None

    @property
    def is_answer(self) -> bool:
        return any(part.kind in _ANSWERS for part in self.parts)


@dataclass(slots=True)
class Dialogue:
    """A conversation as its row tells it.

    `envelope` is the row without its messages, and `list_name` where they stood. `turns` may be made as they are asked
    for, so that a long conversation is not held twice. `endings` are ways in which it went on after the last turn, the
    preferred one last. `is_ours` says that one of our own exporters wrote it, whose IDs are those of sessions here.
    """

    original_id: str = ""
    is_ours: bool = False
    turns: Iterable[Turn] = ()
    endings: list[list[Turn]] = field(default_factory=list)
    envelope: Mapping[str, JSON] = field(default_factory=dict)
    list_name: str = ""
    user_id: str | None = None
    title: str | None = None
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    metadata: dict[str, JSON] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


class Dialogues:
    """The conversations of one file."""

    def __init__(self, source: Input, name: str) -> None:
        self._source = source
        self._name = name
        self._openings = Openings(name)
        self._loose: list[tuple[Turn, str]] = []
        self._loose_telling: _Telling | None = None

    def tell(self, place: str, raw: bytes, read: Callable[[], Dialogue | None]) -> Iterator[ImportEvent]:
        """The events of a row. One of a shape that nobody foresaw, or of none that is known, is set aside."""
        try:
            dialogue = read()
        except SURPRISES:
            yield set_aside(place, UNFORESEEN, damaged=True, raw=raw)
            return
        if dialogue is None or not (yield from self._events(dialogue, place, raw)):
            yield set_aside(place, "a row without a conversation", damaged=False, raw=raw)

    def add_loose(self, turn: Turn, place: str) -> Iterator[ImportEvent]:
        """The events of a message that is a row of its own: all such in a file are one conversation."""
        if self._loose_telling is None:
            self._loose.append((turn, place))
            if turn.is_answer or len(self._loose) >= MAX_UNOPENED:
                yield from self._open_loose()
        else:
            yield from self._loose_telling.say(turn, place)

    def close(self) -> Iterator[ImportEvent]:
        if self._loose:
            yield from self._open_loose()
        if self._loose_telling:
            yield from self._loose_telling.close()

    def _open_loose(self) -> Iterator[ImportEvent]:
        turns = [turn for turn, _ in self._loose]
        telling = self._loose_telling = _Telling(self._name, Dialogue(), self._session_id("", turns, b""))
        yield telling.open(turns)
        for turn, place in self._loose:
            yield from telling.say(turn, place)
        self._loose = []

    def _events(self, dialogue: Dialogue, place: str, raw: bytes) -> Generator[ImportEvent, None, bool]:
        """Whether there was anything in the conversation, after its events."""
        turns = iter(dialogue.turns)
        opening: list[Turn] = []
        for turn in turns:
            opening.append(turn)
            if turn.is_answer or len(opening) >= MAX_UNOPENED:
                break
        first = [*opening, *(turn for ending in dialogue.endings for turn in ending)]
        if not first and not dialogue.original_id:
            return False
        session_id = self._session_id(dialogue.original_id, first, raw)
        if dialogue.is_ours and dialogue.original_id:
            session_id = safe_session_id(dialogue.original_id, self._name)
        telling = _Telling(self._name, dialogue, session_id)
        yield telling.open(first)
        for turn in chain(opening, turns):
            yield from telling.say(turn, place)
        yield from telling.end(place)
        return True

    def _session_id(self, original: str, turns: list[Turn], raw: bytes) -> str:
        opening: list[JSON] = []
        for turn in turns:
            opening.append(turn.own_id or turn.record)
            if turn.own_id or turn.is_answer:
                break
        return self._openings.session_id(original, canonical(opening), lambda: digest(raw))


class _Telling:
    """One conversation being told: its thread, and the keys of its messages."""

    def __init__(self, name: str, dialogue: Dialogue, session_id: str) -> None:
        self.thread = Thread(name, session_id)
        self._dialogue = dialogue
        # Positions would put two conversations that only begin alike, in different files, on top of each other.
        self._is_named = bool(dialogue.original_id)
        self._prefix = ""
        self._count = 0
        self._told: SessionDraft | None = None
        self._followed: set[str | None] = set()

    def open(self, turns: list[Turn]) -> SessionDraft:
        first = next((turn.occurred_at for turn in turns if turn.occurred_at), self._dialogue.created_at)
        self.thread.see_time(first)
        self._told = self._draft()
        return self._told

    def end(self, place: str) -> Iterator[ImportEvent]:
        """The ways in which it ended, each after the last turn."""
        stem, length = self.thread.tip, self._count
        for number, ending in enumerate(self._dialogue.endings):
            self.thread.tip, self._prefix = stem, f"{length}.{number}."
            for turn in ending:
                yield from self.say(turn, place)
        yield from self.close()

    def close(self) -> Iterator[ImportEvent]:
        if (draft := self._draft()) != self._told:
            yield draft

    def say(self, turn: Turn, place: str) -> Iterator[ImportEvent]:
        if turn.unread:
            yield turn.unread
            self._count += 1
            return
        parent = turn.follows if self.thread.knows(turn.follows) else self.thread.tip
        is_branch = parent in self._followed
        self._followed.add(parent)
        if turn.own_id:
            key = (
                turn.own_id if not self.thread.knows(turn.own_id) else f"{turn.own_id}~{digest(canonical(turn.record))}"
            )
        elif self._is_named:
            key = f"{self._prefix}{self._count}"
        else:
            key = digest(f"{parent}\0{canonical(turn.record)}")
        if self.thread.knows(key):
            key = f"{key}~{self._count}"
        record = self._enveloped(turn.record) if not self._count else turn.record
        self._count += 1
        message = Message(
            key, turn.place or place, turn.parts, parent, turn.occurred_at, compact(record), is_branch=is_branch
        )
        yield from self.thread.say(message)

    def _enveloped(self, record: JSON) -> JSON:
        """With the first message stands the row around it; the others stand with theirs."""
        dialogue = self._dialogue
        return {**dialogue.envelope, dialogue.list_name: [record]} if dialogue.list_name else record

    def _draft(self) -> SessionDraft:
        dialogue, thread = self._dialogue, self.thread
        metadata = {name: value for name, value in dialogue.metadata.items() if value != dialogue.original_id}
        if dialogue.original_id not in ("", thread.session_id):
            metadata["original_session_id"] = clip(dialogue.original_id, 1000)
        return SessionDraft(
            session_id=thread.session_id,
            user_id=dialogue.user_id,
            title=dialogue.title,
            source=thread.source,
            created_at=dialogue.created_at or thread.first_time,
            last_activity_at=dialogue.last_activity_at or thread.last_time,
            metadata=metadata or None,
            tags=dialogue.tags or None,
        )


def read_dialogues(
    source: Input,
    name: str,
    read_row: Callable[[dict[str, Any]], Dialogue | None],
    read_loose: Callable[[dict[str, Any]], Turn | None] = lambda _: None,
) -> Iterator[ImportEvent]:
    """The events of a file of rows: conversations, or messages for which `read_loose` gives a turn."""
    dialogues = Dialogues(source, name)
    for row in read_rows(source):
        source.records_read += 1
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            turn = read_loose(row.record)
        except SURPRISES:
            yield set_aside(row.place, UNFORESEEN, damaged=True, raw=row.raw)
            continue
        if turn:
            yield from dialogues.add_loose(turn, row.place)
        else:
            yield from dialogues.tell(row.place, row.raw, partial(read_row, row.record))
    yield from dialogues.close()


def each[T](records: Iterable[T], read: Callable[[T], Turn], place: str = "") -> Iterator[Turn]:
    """The turns of a conversation, one by one; a message of a shape that nobody foresaw costs itself alone."""
    for record in records:
        try:
            turn = read(record)
        except SURPRISES:
            raw = compact(record)
            turn = Turn(record, [], unread=set_aside(place, UNFORESEEN, damaged=True, raw=raw))
        yield turn


def with_notes(turns: Iterable[Turn], notes: Sequence[Mapping[str, Any]]) -> Iterator[Turn]:
    """The turns with what one of our own exporters noted of each, which is kept in their records."""
    for turn, note in zip(turns, notes, strict=True):
        give_back(turn.parts, note)
        for part in turn.parts:
            part.model = text(note.get("model"))
            part.call_id = text(note.get("call_id")) or part.call_id
        turn.own_id = text(note.get("id")) or turn.own_id
        turn.occurred_at = parse_time(note.get("at")) or turn.occurred_at
        if isinstance(turn.record, dict):
            turn.record = {**turn.record, OWN: note}
        yield turn


def accounted(source: Input, events: Iterator[ImportEvent]) -> Iterator[ImportEvent]:
    """The events of a small file; its records that gave none count as noted."""
    places: set[str] = set()
    for event in events:
        if not isinstance(event, SessionDraft):
            places.add(event.place)
        yield event
    source.records_noted = source.records_read - len(places)


def without(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """An object without some of its members."""
    return {name: value for name, value in record.items() if name not in names}


def kept(envelope: Mapping[str, Any]) -> dict[str, JSON]:
    """What a row says besides its messages, as a session's metadata: all but what is empty or long.

    What is long is in the source record of the conversation's first interaction.
    """
    said = {name: value for name, value in envelope.items() if value not in (None, "", [], {})}
    return {name: value for name, value in said.items() if len(canonical(value)) <= MAX_KEPT_BYTES}
