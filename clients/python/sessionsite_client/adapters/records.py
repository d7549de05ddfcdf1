"""A framework's record as an interaction, and back: its own text stands in the source record.

Metadata tells which adapter wrote it, and for which conversation: after a merge, one session holds several. A record
too large for one interaction takes several; whoever reads puts the parts together.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..shapes import Interaction, InteractionFields
from .texts import digest

PART_CHARACTERS = 4_000_000
CLEARED, TAKEN_BACK = "cleared", "taken-back"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read: its key, its text, what else the metadata says, and where it stands."""

    key: str
    text: str
    metadata: Mapping[str, Any]
    interaction: Interaction


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the interactions of one conversation, and recognises them."""

    adapter: str
    thread: str

    @property
    def mark(self) -> str:
        """What ends every key of this conversation, so that after a merge none is another one's."""
        return digest(self.adapter, self.thread)[:16]

    def key(self, name: str) -> str:
        """The idempotency key of a record that has a name."""
        return f"{name}.{self.mark}"

    def interactions(
        self, text: str, fields: InteractionFields, *, name: str | None = None, **metadata: Any
    ) -> list[dict[str, Any]]:
        """One record, in as many interactions as it takes; the last holds what people read.

        What has the same name is the same record; without one it gets a random one.
        """
        key = self.key(name or uuid.uuid4().hex)
        mark = {"adapter": self.adapter, "thread": self.thread, **metadata}
        pieces = [text[at : at + PART_CHARACTERS] for at in range(0, len(text), PART_CHARACTERS)] or [""]
        made: list[dict[str, Any]] = [
            {
                "kind": fields.get("kind", "agent_response"),
                "status": "part",
                "idempotency_key": f"{key}~{number}",
                "source_record": piece,
                "metadata": {"adapter": self.adapter, "thread": self.thread, "of": key, "part": number},
            }
            for number, piece in enumerate(pieces[:-1])
        ]
        whole = {**fields, "idempotency_key": key, "source_record": pieces[-1]}
        whole["metadata"] = {**mark, "parts": len(pieces)} if made else mark
        return [*made, whole]

    def marker(self, mark: str, told: str, *, key: str | None = None, **metadata: Any) -> dict[str, Any]:
        """An interaction that says something of those before it."""
        return {
            "kind": "agent_response",
            "response": told,
            "status": mark,
            "idempotency_key": key or uuid.uuid4().hex,
            "metadata": {"adapter": self.adapter, "thread": self.thread, "marks": mark, **metadata},
        }

    def wrote(self, interaction: Interaction) -> bool:
        told = interaction.metadata
        return told.get("adapter") == self.adapter and told.get("thread") == self.thread


@dataclass
class Joiner:
    """Puts records together as their interactions come, in either direction."""

    _parts: dict[str, dict[int, str]] = field(default_factory=dict)
    _wholes: dict[str, Interaction] = field(default_factory=dict)

    def take(self, interaction: Interaction) -> Record | None:
        """The record that is whole by this interaction; None where it is not yet, or where it is a marker."""
        told = interaction.metadata
        if "of" in told:
            key = str(told["of"])
            self._parts.setdefault(key, {})[int(told["part"])] = interaction.source_record or ""
        elif interaction.source_record is not None:
            key = interaction.idempotency_key or interaction.id
            self._wholes[key] = interaction
        else:
            return None
        return self._whole(key)

    def _whole(self, key: str) -> Record | None:
        last = self._wholes.get(key)
        if last is None:
            return None
        needed = int(last.metadata.get("parts", 1)) - 1
        parts = self._parts.get(key, {})
        if len(parts) < needed:
            return None
        del self._wholes[key]
        self._parts.pop(key, None)
        text = "".join(parts[number] for number in range(needed)) + (last.source_record or "")
        return Record(key, text, last.metadata, last)


def records_of(interactions: Iterable[Interaction], wrote: Callable[[Interaction], bool]) -> Iterator[Record]:
    """The whole records among some interactions."""
    joiner = Joiner()
    for one in interactions:
        if wrote(one) and (record := joiner.take(one)) is not None:
            yield record
