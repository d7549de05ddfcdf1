"""The ways through a conversation, for the formats that are lists of messages. Knows no database.

Where a conversation branches there is a way to the end of each branch. At the forks that do not lead there a way takes
the branch that was spoken last, as whoever reads it here does; so every interaction is on one way at least.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sessions.branching import MAX_INTERACTIONS, SIDES, Row, Tree, grown, row_of, taken
from sessions.records import InteractionKind, InteractionRecord

from .formats import Conversation

MOST_HELD_CHARACTERS = 4 * 1024 * 1024
"""A conversation of up to so much is held; a larger one is read anew for each of its ways."""


@dataclass(frozen=True, slots=True)
class Step:
    """An interaction on a way, and which piece of the conversation between two forks it stands on."""

    record: InteractionRecord
    limb: int


class Ways:
    """All ways of a conversation; the first is the one that is open. Always one at least."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._held: list[InteractionRecord] | None = []
        rows = self._rows()
        self.tree = grown(_with_one_side(rows)) if rows else Tree()
        self._ways = list(_ways(self.tree))

    def __len__(self) -> int:
        return len(self._ways)

    def along(self, number: int) -> Iterator[Step]:
        """The interactions of a way from the first to the last. What was added since the ways were found is left out
        where there are several."""
        way = self._ways[number]
        for record in self._conversation.interactions() if self._held is None else self._held:
            limb = self.tree.limb_of.get(record.sequence, 0 if len(self) == 1 else -1)
            if limb in way:
                yield Step(record, limb)

    def _rows(self) -> list[Row]:
        """What the tree is made of; nothing of a conversation that is too long to have branches."""
        rows: list[Row] = []
        characters = 0
        for record in self._conversation.interactions():
            if len(rows) <= MAX_INTERACTIONS:
                rows.append(row_of(record))
            characters += _size(record)
            if self._held is not None and characters <= MOST_HELD_CHARACTERS:
                self._held.append(record)
            else:
                self._held = None
        return rows if len(rows) <= MAX_INTERACTIONS else []


def _with_one_side(rows: list[Row]) -> list[Row]:
    """Where a source says that ways part, a request and a reply that follow the same are two ways as well."""
    forked = {row.parent for row in rows if row.mark and row.parent}
    kind = InteractionKind.AGENT_RESPONSE
    return [replace(row, kind=kind) if row.parent in forked and row.kind in SIDES else row for row in rows]


def _size(record: InteractionRecord) -> int:
    said = len(record.prompt) + len(record.response) + len(record.reasoning) + len(record.error_message)
    more = len(str(record.tool_parameters)) + len(str(record.metadata)) + len(record.source_record or b"")
    return said + more + 500


def _ways(tree: Tree) -> Iterator[set[int]]:
    seen: set[int] = set()
    ends = set(range(len(tree.limbs))) - {limb.parent for limb in tree.limbs}
    for wanted in (None, *sorted(ends)):
        if wanted is None or wanted not in seen:
            way = taken(tree, wanted)
            seen |= way
            yield way
