"""Turns and packs out of nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sessions import packing
from sessions.packing import ContextPack, Gap, Material, PackedTurn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def turn(sequence: int, **fields: Any) -> PackedTurn:
    values = {"kind": "conversation_turn", "prompt": f"request {sequence}", "response": f"answer {sequence}", **fields}
    return PackedTurn(
        id=UUID(int=sequence), sequence=sequence, occurred_at=NOON + timedelta(seconds=sequence), **values
    )


def pack(
    turns: Sequence[PackedTurn] = (),
    *,
    max_tokens: int = 2_000,
    pins: Sequence[int] = (),
    is_first: bool = True,
    **material: Any,
) -> ContextPack:
    """The pack of these turns, which stand in their order; `pins` are sequences."""
    return packing.assemble(
        Material(**{"session_id": "s" * 32, **material}),
        pinned=[one for one in turns if one.sequence in pins],
        latest=iter(sorted(turns, key=lambda one: -one.sequence)),
        gaps=lambda pinned, latest: gaps_of(turns, {one.sequence for one in (*pinned, *latest)}),
        max_tokens=max_tokens,
        is_first=is_first,
    )


def gaps_of(turns: Sequence[PackedTurn], kept: set[int]) -> list[Gap]:
    """The stretches of what was not kept."""
    found: list[list[int]] = []
    for one in turns:
        if one.sequence in kept:
            continue
        if found and found[-1][-1] == one.sequence - 1:
            found[-1].append(one.sequence)
        else:
            found.append([one.sequence])
    return [Gap(run[0], run[-1], len(run), 100 * len(run)) for run in found]


def size(made: ContextPack) -> int:
    """What the longer of a pack's forms takes."""
    text, document = packing.to_text(made), packing.to_json(packing.document(made))
    return max(packing.ESTIMATE.count(text), packing.ESTIMATE.count(document))
