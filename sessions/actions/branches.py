"""The branches of a conversation: where it went several ways, and the way that is being read.

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

from django.db.models import Case, Count, Q, Value, When
from django.db.models.functions import StrIndex

from sessions.models import Interaction
from sessions.records import InteractionKind

# A session beyond this is read in its plain order: what has no end has no ways to choose from.
MAX_INTERACTIONS = 50_000
_REQUESTS = (InteractionKind.CLIENT_REQUEST, InteractionKind.CONVERSATION_TURN)
_REPLIES = (InteractionKind.AGENT_RESPONSE,)
# As the column has it; within a text the quotes would be escaped.
_MARK = StrIndex("metadata", Value('"begins_branch":true'))
_BEGINNING = UUID(int=0)
_SIDES: dict[str, str] = {**dict.fromkeys(_REQUESTS, "request"), **dict.fromkeys(_REPLIES, "reply")}


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several ways on from the same interaction; `previous` and `following` are where its neighbours begin."""

    number: int
    total: int
    previous: int | None
    following: int | None


@dataclass(frozen=True, slots=True)
class Path:
    """The way through a conversation that is read: its sequences, and the branches by the sequence they begin with."""

    sequences: Sequence[int]
    branches: Mapping[int, Branch]


@dataclass(slots=True)
class _Limb:
    """What hangs together between two forks; `latest` is the last sequence on it or on what grows from it."""

    parent: int
    start: int
    latest: int = 0


@dataclass(slots=True)
class _Tree:
    limbs: list[_Limb] = field(default_factory=lambda: [_Limb(parent=-1, start=0)])
    limb_of: dict[int, int] = field(default_factory=dict)
    forks: dict[tuple[UUID, str], list[int]] = field(default_factory=dict)


def path_through(session_id: str, sequence: int | None = None) -> Path | None:
    """The way to an interaction and on to the latest behind it, or to the latest of all; None without branches."""
    if not _branches(session_id):
        return None
    rows = list(
        Interaction.objects.filter(session_id=session_id)
        .order_by("sequence")
        .annotate(mark=_MARK)
        .values_list("sequence", "id", "parent_id", "kind", "origins", "mark")[: MAX_INTERACTIONS + 1]
    )
    if len(rows) > MAX_INTERACTIONS:
        return None
    tree = _grown([_Row(*row) for row in rows])
    taken = _taken(tree, tree.limb_of.get(sequence) if sequence is not None else None)
    branches = {
        tree.limbs[limb].start: _described(tree, limbs, place)
        for limbs in tree.forks.values()
        for place, limb in enumerate(limbs)
        if limb in taken and len(limbs) > 1
    }
    return Path([row[0] for row in rows if tree.limb_of[row[0]] in taken], branches)


def _branches(session_id: str) -> bool:
    """Whether two requests, or two replies, have the same parent. One query, whatever the session holds."""
    side = Case(When(kind__in=_REQUESTS, then=Value("request")), default=Value("reply"))
    rows = Interaction.objects.filter(session_id=session_id).annotate(mark=_MARK)
    told = rows.filter(Q(kind__in=_SIDES, parent_id__isnull=False) | Q(mark__gt=0))
    return told.order_by().values("parent_id", side=side).annotate(ways=Count("pk")).filter(ways__gt=1).exists()


@dataclass(frozen=True, slots=True)
class _Row:
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
        side = _SIDES.get(self.kind) or ("reply" if self.mark else None)
        if side is None or (self.parent is None and (self.origins or not self.mark)):
            return None
        return self.parent or _BEGINNING, side


def _grown(rows: Sequence[_Row]) -> _Tree:
    """The limbs of a conversation; a row belongs to its parent's limb, and one without a parent follows the last."""
    known = {_BEGINNING, *(row.pk for row in rows)}
    ways = Counter(row.fork for row in rows if row.fork and row.fork[0] in known)
    tree = _Tree()
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


def _new_limb(tree: _Tree, fork: tuple[UUID, str], sequence: int, parent: int) -> int:
    tree.limbs.append(_Limb(parent=parent, start=sequence, latest=sequence))
    tree.forks.setdefault(fork, []).append(len(tree.limbs) - 1)
    return len(tree.limbs) - 1


def _taken(tree: _Tree, wanted: int | None) -> set[int]:
    """The limbs of the way that leads through the wanted one; at every other fork, to where it was last spoken."""
    must = set()
    while wanted is not None and wanted >= 0:
        must.add(wanted)
        wanted = tree.limbs[wanted].parent
    taken = {0}
    # A fork is met before those on its branches: a child comes after its parent.
    for limbs in sorted(tree.forks.values()):
        if tree.limbs[limbs[0]].parent in taken:
            chosen = next((limb for limb in limbs if limb in must), None)
            taken.add(max(limbs, key=lambda limb: tree.limbs[limb].latest) if chosen is None else chosen)
    return taken


def _described(tree: _Tree, limbs: Sequence[int], place: int) -> Branch:
    starts = [tree.limbs[limb].start for limb in limbs]
    return Branch(
        number=place + 1,
        total=len(limbs),
        previous=starts[place - 1] if place else None,
        following=starts[place + 1] if place + 1 < len(starts) else None,
    )
