"""A list of records that grows, whose last may be taken back, and that may be cleared: an agent's memory.

Nothing is erased by that: a marker says what no longer counts, and the agent is given what stands behind the last
clearing, without what was taken back. People see all of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..requests import Steps
from ..shapes import Interaction, InteractionFields
from ..verbs.sessions import SessionStart
from .records import CLEARED, TAKEN_BACK, Joiner, Record, Writer
from .texts import digest, id_part
from .threads import Thread, walk_back

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,119}", re.ASCII)
_ATTEMPTS = 10
_PAGE = 200


def session_id_of(namespace: str, name: str) -> str:
    """The session of a conversation by its own name; without a namespace that name itself, where it may be one."""
    if namespace:
        return f"{namespace}.{id_part(name, longest=80)}"
    return name if _PLAIN_ID.fullmatch(name) else f"x-{digest(name)}"


@dataclass
class History:
    """One such list, in a session."""

    thread: Thread
    writer: Writer

    @classmethod
    def of(cls, adapter: str, namespace: str, name: str, start: SessionStart) -> "History":
        started: SessionStart = {"source": adapter, "metadata": {"name": name}, **start}
        return cls(Thread(session_id_of(namespace, name), started), Writer(adapter, name))

    def add(self, records: Iterable[tuple[str, InteractionFields]]) -> Steps[None]:
        """Texts of records, each with what people read of it."""
        interactions = [one for text, fields in records for one in self.writer.interactions(text, fields)]
        if interactions:
            yield from self.thread.append(interactions)

    def last(self, limit: int | None = None) -> Steps[list[Record]]:
        """The last of them, or all, in their order."""
        place = yield from self.thread.locate()
        if place.session is None or (limit is not None and limit <= 0):
            return []
        walk = _Walk(self.writer, limit)
        page = _PAGE if limit is None else min(_PAGE, limit + 1)
        yield from walk_back(place.session_id, walk.look, page=page)
        return walk.found[::-1]

    def take_back(self) -> Steps[Record | None]:
        """The last one, which no longer counts then; None where there is none."""
        for _ in range(_ATTEMPTS):
            last = yield from self.last(1)
            if not last:
                return None
            key = last[0].key
            marker = self.writer.marker(
                TAKEN_BACK, "(The last entry was taken back.)", key=f"{TAKEN_BACK}:{key}", takes_back=key
            )
            logged = yield from self.thread.append([marker])
            if logged.added:
                return last[0]
            # Somebody else took it back at the same time.
        return None

    def clear(self) -> Steps[None]:
        """From here on it is empty."""
        place = yield from self.thread.locate()
        if place.session is not None:
            yield from self.thread.append([self.writer.marker(CLEARED, "(The history was cleared.)")])


class _Walk:
    """What counts, met from the last to the first."""

    def __init__(self, writer: Writer, limit: int | None) -> None:
        self.found: list[Record] = []
        self._writer = writer
        self._limit = limit
        self._taken_back: set[Any] = set()
        self._joiner = Joiner()

    def look(self, interaction: Interaction) -> bool:
        if not self._writer.wrote(interaction):
            return True
        mark = interaction.metadata.get("marks")
        if mark == CLEARED:
            return False
        if mark == TAKEN_BACK:
            self._taken_back.add(interaction.metadata.get("takes_back"))
            return True
        record = self._joiner.take(interaction)
        if record is not None and record.key not in self._taken_back:
            self.found.append(record)
        return self._limit is None or len(self.found) < self._limit
