"""The branches of a conversation, found in its interactions as whoever reads them has them. Knows no database.

A conversation branches where one interaction has several requests, or several replies, as children: somebody went
back and asked otherwise, or had the answer made again. Several tool calls of one reply, and their results, are no
branches, nor is what a merge wove in between.

A source whose messages form a tree knows more: that a reply began with a tool's call, or that there were several
beginnings. Its importer marks such interactions with `begins_branch` in the metadata.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from .records import InteractionKind, InteractionRecord

# A session beyond this is read in its plain order: what has no end has no ways to choose from.
MAX_INTERACTIONS = 50_000
REQUESTS = (InteractionKind.CLIENT_REQUEST, InteractionKind.CONVERSATION_TURN)
REPLIES = (InteractionKind.AGENT_RESPONSE,)
SIDES: Mapping[str, str] = {**dict.fromkeys(REQUESTS, "request"), **dict.fromkeys(REPLIES, "reply")}
_BEGINNING = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Row:
    """What the tree is made of; `mark` is not 0 where the source says that here one of several ways begins."""

    sequence: int
    pk: UUID
    parent: UUID | None
    kind: str
    origins: Sequence[object]
    mark: int

    @property
    def fork(self) -> tuple[UUID, str] | None:
        """Where it may be one of several ways on, and on which side; those without a parent from the beginning.

        What a merge brought had beginnings of its own, which are no alternatives to those that were here.
        """
        side = SIDES.get(self.kind) or ("reply" if self.mark else None)
        if side is None or (self.parent is None and (self.origins or not self.mark)):
            return None
        return self.parent or _BEGINNING, side


@dataclass(slots=True)
class Limb:
    """What hangs together between two forks: where it begins, what it grows from, and the last sequence on it.

    `latest` counts what grows from it too.
    """

    parent: int
    start: int
    latest: int = 0


@dataclass(slots=True)
class Tree:
    """The limbs, the first of which is the trunk; which limb each sequence is on; and which limbs are alternatives."""

    limbs: list[Limb] = field(default_factory=lambda: [Limb(parent=-1, start=0)])
    limb_of: dict[int, int] = field(default_factory=dict)
    forks: dict[tuple[UUID, str], list[int]] = field(default_factory=dict)


def row_of(record: InteractionRecord) -> Row:
    mark = int(record.metadata.get("begins_branch") is True)
    return Row(record.sequence, record.id, record.parent_id, record.kind, record.origins, mark)


def grown(rows: Sequence[Row]) -> Tree:
    """The limbs of a conversation; a row belongs to its parent's limb, and one without a parent follows the last."""
    known = {_BEGINNING, *(row.pk for row in rows)}
    ways = Counter(row.fork for row in rows if row.fork and row.fork[0] in known)
    tree = Tree()
    by_id: dict[UUID, int] = {_BEGINNING: 0}
    limb = 0
    for row in rows:
        fork = row.fork
        if fork is not None and fork[0] in by_id:
            limb = by_id[fork[0]]
            if ways[fork] > 1:
                limb = _new_limb(tree, fork, row.sequence, limb)
        elif row.parent is not None and row.parent in by_id:
            limb = by_id[row.parent]
        elif row.origins:
            limb = 0
        by_id[row.pk] = tree.limb_of[row.sequence] = limb
        tree.limbs[limb].latest = row.sequence
    for one in reversed(tree.limbs[1:]):
        tree.limbs[one.parent].latest = max(tree.limbs[one.parent].latest, one.latest)
    return tree


def _new_limb(tree: Tree, fork: tuple[UUID, str], sequence: int, parent: int) -> int:
    tree.limbs.append(Limb(parent=parent, start=sequence, latest=sequence))
    tree.forks.setdefault(fork, []).append(len(tree.limbs) - 1)
    return len(tree.limbs) - 1


def taken(tree: Tree, wanted: int | None = None) -> set[int]:
    """The limbs of the way that leads through the wanted one; at every other fork, to where it was last spoken."""
    must = set()
    while wanted is not None and wanted >= 0:
        must.add(wanted)
        wanted = tree.limbs[wanted].parent
    chosen_limbs = {0}
    # A fork is met before those on its branches: a child comes after its parent.
    for limbs in sorted(tree.forks.values()):
        if tree.limbs[limbs[0]].parent in chosen_limbs:
            chosen = next((limb for limb in limbs if limb in must), None)
            chosen_limbs.add(max(limbs, key=lambda limb: tree.limbs[limb].latest) if chosen is None else chosen)
    return chosen_limbs
