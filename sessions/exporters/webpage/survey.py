"""What must be known of all interactions before the first is written: the ways they went, and what they add up to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sessions import branching
from sessions.records import InteractionKind, InteractionRecord

from ..formats import Conversation

_MOST_MODELS = 12


@dataclass(slots=True)
class Figures:
    """Sums over all interactions; `models` are the first dozen, in the order in which they spoke."""

    interactions: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    models: list[str] = field(default_factory=list)

    def add(self, record: InteractionRecord) -> None:
        self.interactions += 1
        self.kinds[record.kind] += 1
        self.errors += bool(record.error_message) or record.kind == InteractionKind.ERROR
        self.input_tokens += record.input_tokens or 0
        self.output_tokens += record.output_tokens or 0
        self.cost_microusd += record.cost_microusd or 0
        if record.model and record.model not in self.models and len(self.models) < _MOST_MODELS:
            self.models.append(record.model)


@dataclass(frozen=True, slots=True)
class Fork:
    """Where several ways part: the sequences that each begins with, and which of them this is, counted from 1.

    `main` is where the way begins that was gone on, None where the fork lies on another way.
    """

    starts: Sequence[int]
    number: int
    main: int | None

    @property
    def own(self) -> int:
        return self.starts[self.number - 1]


@dataclass(frozen=True, slots=True)
class Survey:
    """The ways of a conversation, and its figures. Of one that never parted, `tree` is None."""

    figures: Figures
    pinned: Mapping[UUID, int]
    tree: branching.Tree | None = None
    main: frozenset[int] = frozenset()
    forks: Mapping[int, Fork] = field(default_factory=dict)

    @property
    def has_other_ways(self) -> bool:
        return self.tree is not None

    def limb_of(self, sequence: int) -> int:
        return self.tree.limb_of[sequence] if self.tree else 0

    def is_on_main_way(self, sequence: int) -> bool:
        return self.tree is None or self.tree.limb_of.get(sequence, 0) in self.main

    def fork_at(self, sequence: int) -> Fork | None:
        """The fork that an interaction begins one of the ways of."""
        return self.forks.get(sequence)

    def stretch_at(self, sequence: int) -> tuple[Fork | None, bool]:
        """The fork of the way that an interaction is on, and whether the way begins with it."""
        if self.tree is None:
            return None, False
        start = self.tree.limbs[self.tree.limb_of[sequence]].start
        return self.forks.get(start), start == sequence


def look_over(conversation: Conversation) -> Survey:
    """Goes through all interactions once, and keeps of each no more than where it hangs."""
    figures, pinned = Figures(), dict.fromkeys(conversation.header.pins, 0)
    rows: list[branching.Row] = []
    for record in conversation.interactions():
        figures.add(record)
        if record.id in pinned:
            pinned[record.id] = record.sequence
        if len(rows) <= branching.MAX_INTERACTIONS:
            rows.append(branching.row_of(record))
    places = {pk: sequence for pk, sequence in pinned.items() if sequence}
    if len(rows) > branching.MAX_INTERACTIONS:
        return Survey(figures, places)
    tree = branching.grown(rows)
    if len(tree.limbs) == 1:
        return Survey(figures, places)
    main = frozenset(branching.taken(tree))
    return Survey(figures, places, tree, main, dict(_forks(tree, main)))


def _forks(tree: branching.Tree, main: frozenset[int]) -> Iterator[tuple[int, Fork]]:
    for limbs in tree.forks.values():
        starts = [tree.limbs[limb].start for limb in limbs]
        taken = next((tree.limbs[limb].start for limb in limbs if limb in main), None)
        for number, start in enumerate(starts, 1):
            yield start, Fork(starts, number, taken)
