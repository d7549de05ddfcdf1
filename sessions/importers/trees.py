"""Conversations whose messages form a tree: each names the one that it follows, and several may follow the same.

They are told branch by branch, a message behind the one that it follows, and the branch that the source has open comes
last: the store reads a conversation along its latest branches, so it opens where the source would.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sessions.records import JSON, ImportedInteraction, ImportEvent, InteractionKind, SessionDraft, SetAside

from .documents import members_of, object_of, read_pieces
from .formats import Input, set_aside
from .jsonl import Line, Unreadable, parse_part
from .slicing import Piece
from .threads import Message, Part, Thread, compact
from .values import digest, name_of

UNFORESEEN = "a shape this importer does not know"
REPEATED = "a record that stands twice"
WITHOUT_MESSAGES = "a conversation without messages"
MAX_HELD_BYTES = 4 * 1024 * 1024
MAX_KEPT_BYTES = 64 * 1024
"""What is kept of a conversation's members that no field of a session is for."""

_TELLING = frozenset({"attachments", "other_blocks", "hidden_reasoning"})

FORESEEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a careless line of an importer raises for a shape that nobody thought of; it costs that message alone."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as its source has it: its members, and apart from them its messages, not parsed yet."""

    whole: Piece
    record: dict[str, Any]
    messages: list[Piece]

    @property
    def is_small(self) -> bool:
        """Whether it may be held parsed; the messages of a large one are parsed once more when their turn comes."""
        return len(self.whole.held) <= MAX_HELD_BYTES


def conversations(source: Input, inside: str) -> Iterator[Conversation | SetAside]:
    """The conversations of a document, whose messages stand in the member `inside`; what is damaged is set aside."""
    for piece in read_pieces(source):
        source.records_read += 1
        if isinstance(piece, SetAside):
            yield piece
        elif piece.raw[:1] != b"{":
            yield set_aside(piece.place, "not an object", damaged=True, raw=piece.raw)
        else:
            yield from _conversation(source, piece, inside)


def _conversation(source: Input, piece: Piece, inside: str) -> Iterator[Conversation | SetAside]:
    conversation = Conversation(piece, {}, [])
    is_there = False
    for member in members_of(piece, frozenset({inside})):
        try:
            if isinstance(member, SetAside):
                yield member
            elif member.name == inside:
                is_there = True
                conversation.messages.extend([member] if member.raw != b"null" else [])
                continue
            else:
                conversation.record[member.name] = parse_part(member.raw)
                continue
        except Unreadable as error:
            yield set_aside(member.place, error.reason, damaged=True, raw=member.raw)
        source.records_read += 1
    if conversation.messages:
        yield conversation
    else:
        is_there = is_there or f'"{inside}"'.encode() in piece.raw
        yield set_aside(piece.place, WITHOUT_MESSAGES, damaged=not is_there, raw=piece.raw)


@dataclass(slots=True)
class Spoken:
    """What a record says: its parts, when that was, and what of it was no part, by reason."""

    parts: list[Part] = field(default_factory=list)
    occurred_at: datetime | None = None
    unsupported: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Node:
    parent: str | None
    record: Line | Piece


class Tree:
    """The messages of one conversation.

    They are added in the file's order, then `told`. Of a large conversation only the records' bytes are held, and each
    is parsed again when its turn comes: that is what a `Piece` is taken for.
    """

    def __init__(self, source: Input, thread: Thread) -> None:
        self._source = source
        self._thread = thread
        self._nodes: dict[str, _Node] = {}
        self._digests: dict[str, str] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    @property
    def last(self) -> str | None:
        """The key of the message that was added last."""
        return next(reversed(self._nodes), None)

    @property
    def parents(self) -> dict[str, str | None]:
        """Which message each follows, by their keys."""
        return {key: node.parent for key, node in self._nodes.items()}

    def add(self, identifier: str, parent: str | None, record: Line | Piece) -> SetAside | None:
        """Add a message. The same one a second time is set aside; another by the same ID gets a key of its own.

        One without ID goes by its content, and by which of those identical it is.
        """
        self._source.records_read += 1
        content = digest(record.raw)
        key = identifier or content
        if identifier and key in self._nodes:
            if self._digests[key] == content:
                return set_aside(record.place, REPEATED, damaged=False, raw=record.raw)
            key = f"{key}~{content}"
            if key in self._nodes:
                return set_aside(record.place, REPEATED, damaged=False, raw=record.raw)
        times = 1
        while not identifier and key in self._nodes:
            times += 1
            key = f"{content}~{times}"
        self._nodes[key] = _Node(parent, record)
        self._digests[key] = content
        return None

    def move(self, key: str, parent: str | None) -> None:
        """Let a message follow another one than was said first."""
        self._nodes[key].parent = parent

    def told(
        self,
        session: SessionDraft,
        active: str | None,
        read: Callable[[dict[str, Any]], Spoken],
        whole: Line | Piece,
        asides: Sequence[SetAside] = (),
    ) -> Iterator[ImportEvent]:
        """The session and its interactions; the conversation as a `whole` is set aside where nothing was said in it.

        `active` is the message at which the source has the conversation open, None where it does not say. A message
        without a time was said when the one that it follows was. `asides` is what the conversation holds besides.
        """
        yield from asides
        times: dict[str | None, datetime | None] = {None: session.created_at}
        is_open = False
        for key in in_order(self.parents, active):
            node = self._nodes[key]
            self._thread.time = times.get(node.parent, session.created_at)
            self._thread.forget_calls()
            for event in self._spoken(key, node, read):
                if isinstance(event, ImportedInteraction) and not is_open:
                    is_open = True
                    yield session
                yield event
            times[key] = self._thread.time
        if not is_open:
            yield set_aside(whole.place, WITHOUT_MESSAGES, damaged=False, raw=whole.raw)
        elif not asides:
            self._source.records_noted += 1

    def _spoken(self, key: str, node: _Node, read: Callable[[dict[str, Any]], Spoken]) -> list[ImportEvent]:
        record = node.record
        line = record if isinstance(record, Line) else object_of(record)
        asides: list[SetAside] = []
        spoken = Spoken()
        if isinstance(line, SetAside):
            asides.append(line)
        else:
            try:
                spoken = read(line.record)
            except FORESEEN:
                asides.append(set_aside(line.place, UNFORESEEN, damaged=True, raw=line.raw))
        asides += [set_aside(record.place, reason, damaged=False, raw=record.raw) for reason in spoken.unsupported]
        message = Message(key, record.place, spoken.parts, node.parent, spoken.occurred_at, record.raw, is_branch=True)
        said = self._thread.say(message)
        if not said and not asides:
            self._source.records_noted += 1
        return [*asides, *said]


def in_order(parents: Mapping[str, str | None], active: str | None) -> Iterator[str]:
    """All keys, each behind its parent and with all that follows it; at a fork the way to `active` comes last.

    Apart from that in the order of the mapping. A key whose parent is not there begins a tree of its own; in a ring,
    which no honest source has, the first does.
    """
    children: dict[str | None, list[str]] = {}
    for key, parent in parents.items():
        children.setdefault(parent if parent in parents and parent != key else None, []).append(key)
    way = _way_to(active, parents)
    told: set[str] = set()
    for start in (*_ordered(children.get(None, []), way), *parents):
        waiting = [start]
        while waiting:
            key = waiting.pop()
            if key not in told:
                told.add(key)
                yield key
                waiting += reversed(_ordered(children.get(key, []), way))


def _ordered(keys: Iterable[str], way: set[str]) -> list[str]:
    return sorted(keys, key=way.__contains__)


def _way_to(active: str | None, parents: Mapping[str, str | None]) -> set[str]:
    way: set[str] = set()
    while active is not None and active in parents and active not in way:
        way.add(active)
        active = parents[active]
    return way


def says_something(part: Part) -> bool:
    """Whether anything is in a part: words, files, or that a tool was called."""
    words = part.prompt or part.response or part.reasoning or part.error_message
    if words.strip() or not part.metadata.keys().isdisjoint(_TELLING):
        return True
    return part.kind in (InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE)


def other_members(
    record: Mapping[str, JSON], known: frozenset[str], place: str
) -> tuple[dict[str, JSON], list[SetAside]]:
    """What a conversation says beyond the `known` members: kept as it is, or set aside where it is large."""
    kept: dict[str, JSON] = {}
    asides: list[SetAside] = []
    room = MAX_KEPT_BYTES
    for name, value in record.items():
        if name in known or value in (None, "", [], {}):
            continue
        raw = compact(value)
        if len(raw) <= room:
            kept[name] = value
            room -= len(raw)
        else:
            asides.append(set_aside(place, f"conversation: {name_of(name)}", damaged=False, raw=raw))
    return kept, asides
