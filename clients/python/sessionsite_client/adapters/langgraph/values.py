"""Values of channels as they are stored: whole, or a list as another one with a stretch of it replaced."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Typed = tuple[str, bytes]
"""What the serializer makes of a value: the name of a form, and bytes."""
Version = str | int | float


@dataclass(frozen=True, slots=True)
class Whole:
    """A value by itself; None where the channel is empty."""

    value: Typed | None


@dataclass(frozen=True, slots=True)
class Spliced:
    """A list: the first `head` items of the channel's list at `base`, then new ones, then its last `tail` items."""

    base: Version | None
    head: int
    new: Sequence[Typed]
    tail: int


Stored = Whole | Spliced


def spliced(items: Sequence[Typed], base: Version | None, before: Sequence[Typed]) -> Spliced:
    """A list by what differs from the one before it."""
    most = min(len(items), len(before))
    head = 0
    while head < most and items[head] == before[head]:
        head += 1
    tail = 0
    while tail < most - head and items[-1 - tail] == before[-1 - tail]:
        tail += 1
    if head + tail == 0:
        return Spliced(None, 0, list(items), 0)
    return Spliced(base, head, list(items[head : len(items) - tail]), tail)


def unspliced(stored: Spliced, before: Sequence[Typed]) -> list[Typed]:
    """The list, from the one before it."""
    return [*before[: stored.head], *stored.new, *before[len(before) - stored.tail :]]


# --- as JSON ------------------------------------------------------------------------------------------------


def typed_json(value: Typed) -> list[str]:
    return [value[0], base64.b64encode(value[1]).decode("ascii")]


def typed_of(told: Sequence[str]) -> Typed:
    return told[0], base64.b64decode(told[1])


def stored_json(stored: Stored) -> dict[str, Any]:
    if isinstance(stored, Whole):
        return {"value": None if stored.value is None else typed_json(stored.value)}
    return {
        "base": stored.base,
        "head": stored.head,
        "new": [typed_json(one) for one in stored.new],
        "tail": stored.tail,
    }


def stored_of(told: dict[str, Any]) -> Stored:
    if "value" in told:
        return Whole(None if told["value"] is None else typed_of(told["value"]))
    return Spliced(told["base"], told["head"], [typed_of(one) for one in told["new"]], told["tail"])
