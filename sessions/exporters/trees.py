"""A conversation as a tree of messages, for the formats that have one. Knows no database.

The interactions are gone through twice. First a plan is made of how they join into messages and which message follows
which: of each interaction it holds its ID, its parent and its voices, not what it says. Then the messages are told, one
at a time, each with its pieces.

A message follows the one that its first interaction has as parent; what only continues a reply (tools' calls, results)
follows the reply as far as it got, as `branching` has it. The last interaction is where the conversation is open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from sessions.branching import Row, Tree, grown, row_of
from sessions.records import InteractionRecord

from .formats import Conversation
from .pieces import ASSISTANT, TOOL, Piece, What, original_of, pieces_of

MOST_CHARACTERS = 1024 * 1024
MOST_PIECES = 1_000
"""Where a reply of pieces without end is continued in a message of its own: that much is held at once."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the plan must know of a format.

    `source` is the tool's name in the keys of what was imported from it; `is_own` tells whether a record is a message
    of the tool, which then goes out as it came. `joins` says that a reply and its calls are one message.
    """

    source: str
    is_own: Callable[[dict[str, Any]], bool]
    joins: bool


@dataclass(slots=True)
class Message:
    """A message as planned; `parent` and `children` are places in the plan."""

    id: str
    parent: int | None
    is_own: bool = False
    children: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """The messages in the order in which they are told, parents first, and where each interaction's pieces belong.

    `models` are those that were heard, in their order.
    """

    messages: list[Message] = field(default_factory=list)
    places: dict[UUID, tuple[int, ...]] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    open_at: int | None = None

    def parent_id(self, place: int) -> str | None:
        parent = self.messages[place].parent
        return None if parent is None else self.messages[parent].id

    def children_ids(self, place: int) -> list[str]:
        return [self.messages[child].id for child in self.messages[place].children]

    @property
    def open_id(self) -> str | None:
        return None if self.open_at is None else self.messages[self.open_at].id

    def open_way(self) -> set[int]:
        """The messages from the beginning to where the conversation is open."""
        way: set[int] = set()
        place = self.open_at
        while place is not None:
            way.add(place)
            place = self.messages[place].parent
        return way


@dataclass(frozen=True, slots=True)
class Told:
    """A message with what it says: its record as it came, or the pieces with the interactions that said them."""

    place: int
    pieces: list[tuple[InteractionRecord, Piece]]
    own: dict[str, Any] | None = None


def told(conversation: Conversation, plan: Plan) -> Iterator[Told]:
    """The planned messages, one after the other. What was added since the plan was made is left out."""
    open_place = -1
    held: list[tuple[InteractionRecord, Piece]] = []
    for record in conversation.interactions():
        places = plan.places.get(record.id, ())
        if places and plan.messages[places[0]].is_own:
            if held:
                yield Told(open_place, held)
                held = []
            yield Told(places[0], [], original_of(record))
            continue
        for place, piece in zip(places, pieces_of(record), strict=False):
            if place != open_place and held:
                yield Told(open_place, held)
                held = []
            open_place = place
            held.append((record, piece))
    if held:
        yield Told(open_place, held)


# --- planning ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Voiced:
    """An interaction in the plan's making: its pieces by what they are, how long they are and the model that spoke.

    `own_id` is the message's ID where it is one of the tool's own; `continues` where it is a further part of that.
    """

    row: Row
    whats: tuple[tuple[What, str], ...]
    characters: int
    model: str
    own_id: str
    continues: str


def plan_of(conversation: Conversation, form: Form) -> Plan:
    """How the conversation's interactions become messages of that form."""
    voiced: list[_Voiced] = []
    own_id = ""
    for record in conversation.interactions():
        one = _voiced(record, form, own_id)
        own_id = one.own_id or one.continues
        voiced.append(one)
    return _Planner(form.joins, grown([one.row for one in voiced])).plan(voiced)


def _voiced(record: InteractionRecord, form: Form, before: str) -> _Voiced:
    key = record.idempotency_key or ""
    rest = key[len(form.source) + 1 :] if key.startswith(f"{form.source}:") else ""
    found = original_of(record) if rest else None
    is_own = found is not None and form.is_own(found)
    pieces = pieces_of(record)
    return _Voiced(
        row=_row(record),
        whats=tuple((piece.what, piece.voice) for piece in pieces),
        characters=sum(len(piece.text) for piece in pieces),
        model=record.model,
        own_id=rest if is_own else "",
        continues=before if not is_own and before and rest.startswith(f"{before}#") else "",
    )


class _Row(Row):
    """In a tree of messages a reply and a request that follow the same message are two ways on as well."""

    __slots__ = ()

    @property
    def fork(self) -> tuple[UUID, str] | None:
        found = super().fork
        return (found[0], "") if found else None


def _row(record: InteractionRecord) -> Row:
    row = row_of(record)
    # Whether anything was woven in is all that matters of where; the rest need not be held.
    return _Row(row.sequence, row.pk, row.parent, row.kind, row.origins[:1], row.mark)


class _Planner:
    """Lays the interactions into messages, one by one."""

    def __init__(self, joins: bool, tree: Tree) -> None:
        self._joins = joins
        self._tree = tree
        self._forked = {fork[0] for fork in tree.forks}
        self._plan = Plan()
        # The message in which a limb, or an interaction, ends; a message without words ends where its parent did.
        self._tails: dict[int, int | None] = {}
        self._ends: dict[UUID, int | None] = {}
        self._tail_rows: dict[int, UUID] = {}
        self._room = self._characters = 0
        self._last: tuple[What, str] | None = None
        self._model = ""

    def plan(self, voiced: list[_Voiced]) -> Plan:
        for one in voiced:
            self._lay(one)
            if one.model:
                self._plan.models.setdefault(one.model)
        if voiced:
            self._plan.open_at = self._ends[voiced[-1].row.pk]
        return self._plan

    def _lay(self, one: _Voiced) -> None:
        row = one.row
        limb = self._tree.limb_of[row.sequence]
        begins = limb > 0 and self._tree.limbs[limb].start == row.sequence
        end = self._ends.get(row.fork[0]) if begins and row.fork else self._tails.get(limb)
        may_join = not begins and self._tail_rows.get(limb) not in self._forked
        if one.own_id:
            end = self._add(one.own_id, end, is_own=True)
            self._plan.places[row.pk] = (end,)
            self._last = None
        elif not one.continues or end is None:
            end = self._say(one, end, may_join=may_join)
        self._ends[row.pk] = self._tails[limb] = end
        self._tail_rows[limb] = row.pk

    def _say(self, one: _Voiced, end: int | None, *, may_join: bool) -> int | None:
        places: list[int] = []
        for number, said in enumerate(one.whats):
            if not (self._fits(one, said, end) and (may_join or number)):
                own = str(one.row.pk) if end is None or not places else str(uuid5(one.row.pk, f"{number}"))
                end = self._add(own, end)
                self._room, self._characters, self._model = MOST_PIECES, MOST_CHARACTERS, one.model
            self._room -= 1
            self._last = said
            self._model = self._model or one.model
            places.append(len(self._plan.messages) - 1)
        self._characters -= one.characters
        if places:
            self._plan.places[one.row.pk] = tuple(places)
        return end

    def _fits(self, one: _Voiced, said: tuple[What, str], end: int | None) -> bool:
        """Whether a piece may join the message that was begun last."""
        what, voice = said
        last = self._last
        if not self._joins or last is None or end is None or end != len(self._plan.messages) - 1:
            return False
        if not (voice in (ASSISTANT, TOOL) and last[1] in (ASSISTANT, TOOL)) or What.ERROR in (what, last[0]):
            return False
        # Two thoughts in a row would be read as one.
        is_apart = what is What.THOUGHT and last[0] is What.THOUGHT
        is_same = not one.model or not self._model or one.model == self._model
        return not is_apart and is_same and self._room > 0 and self._characters >= one.characters

    def _add(self, own_id: str, parent: int | None, *, is_own: bool = False) -> int:
        place = len(self._plan.messages)
        self._plan.messages.append(Message(own_id, parent, is_own))
        if parent is not None:
            self._plan.messages[parent].children.append(place)
        return place
