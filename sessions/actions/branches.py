"""The branches of a conversation: where it went several ways, and the way that is being read.

What a branch is, `sessions.branching` tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Case, Count, Q, Value, When
from django.db.models.functions import StrIndex

from sessions.branching import MAX_INTERACTIONS, REQUESTS, SIDES, Row, Tree, grown, taken
from sessions.models import Interaction

# As the column has it; within a text the quotes would be escaped.
_MARK = StrIndex("metadata", Value('"begins_branch":true'))


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
    tree = grown([Row(*row) for row in rows])
    way = taken(tree, tree.limb_of.get(sequence) if sequence is not None else None)
    branches = {
        tree.limbs[limb].start: _described(tree, limbs, place)
        for limbs in tree.forks.values()
        for place, limb in enumerate(limbs)
        if limb in way and len(limbs) > 1
    }
    return Path([row[0] for row in rows if tree.limb_of[row[0]] in way], branches)


def _branches(session_id: str) -> bool:
    """Whether two requests, or two replies, have the same parent. One query, whatever the session holds."""
    side = Case(When(kind__in=REQUESTS, then=Value("request")), default=Value("reply"))
    rows = Interaction.objects.filter(session_id=session_id).annotate(mark=_MARK)
    told = rows.filter(Q(kind__in=SIDES, parent_id__isnull=False) | Q(mark__gt=0))
    return told.order_by().values("parent_id", side=side).annotate(ways=Count("pk")).filter(ways__gt=1).exists()


def _described(tree: Tree, limbs: Sequence[int], place: int) -> Branch:
    starts = [tree.limbs[limb].start for limb in limbs]
    return Branch(
        number=place + 1,
        total=len(limbs),
        previous=starts[place - 1] if place else None,
        following=starts[place + 1] if place + 1 < len(starts) else None,
    )
