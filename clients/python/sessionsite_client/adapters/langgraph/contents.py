"""What one thread holds, as far as it was read: checkpoints, channels, writes, and what was forgotten.

Filled from interactions in their order, it keeps all that it has seen, so that the next look asks only for what came
since. May be shared by threads.
"""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...shapes import Interaction, Logged, LoggedInteraction
from ..records import Joiner, Record, Writer
from .values import Spliced, Stored, Typed, Version, Whole, stored_of, typed_of, unspliced

CHECKPOINT, WRITES, CHANNELS, FORGOTTEN = "checkpoint", "writes", "channels", "forgotten"
Name = tuple[str, str]
"""A namespace and the ID of a checkpoint in it."""


class Renumbered(Exception):
    """A merge moved interactions, so that what is known does not continue with what comes."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One checkpoint without its channels, as it was serialized."""

    checkpoint: Typed
    metadata: Typed
    parent: str | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Write:
    task_id: str
    channel: str
    value: Typed
    path: str
    index: int

    @property
    def order(self) -> tuple[str, str, int]:
        """The order in which a live run applies a step's writes."""
        return self.path, self.task_id, self.index


@dataclass
class Contents:
    """One session's. `through` is the last sequence that is known; `count` how many interactions that are."""

    session_id: str
    writer: Writer
    through: int = 0
    count: int = 0
    hidden: set[Name] = field(default_factory=set)
    _ids: set[str] = field(default_factory=set)
    _saved: dict[Name, Saved] = field(default_factory=dict)
    _channels: dict[tuple[str, str, Version], Stored] = field(default_factory=dict)
    _lists: dict[tuple[str, str], tuple[Version, list[Typed]]] = field(default_factory=dict)
    _writes: dict[Name, dict[tuple[str, int], Write]] = field(default_factory=dict)
    _ahead: dict[int, str] = field(default_factory=dict)
    _joiner: Joiner = field(default_factory=Joiner)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # --- what comes -----------------------------------------------------------------------------------------

    def extend(self, interactions: Iterable[Interaction]) -> None:
        """Take in what comes behind. Somebody else may have taken in some of it. Raises Renumbered."""
        with self._lock:
            for one in interactions:
                known = one.id in self._ids
                if known != (one.sequence <= self.through):
                    raise Renumbered
                if not known:
                    self._add(one.id, one.sequence)
                    is_new = self._ahead.pop(one.sequence, None) != one.id
                    if is_new and self.writer.wrote(one):
                        self._take(one)
            self._catch_up()

    def extend_own(self, interactions: Sequence[Mapping[str, Any]], logged: Logged) -> None:
        """Take in what was just stored, though what others stored before it may still be unknown."""
        if len(logged.interactions) != len(interactions):
            return
        with self._lock:
            self.session_id = self.session_id or logged.session_id
            if self.session_id != logged.session_id:
                return
            for one, told in zip(interactions, logged.interactions, strict=True):
                if told.sequence > self.through and told.sequence not in self._ahead:
                    self._take(_as_stored(one, told, logged.session_id))
                    self._ahead[told.sequence] = told.id
            self._catch_up()

    def _catch_up(self) -> None:
        """Count what was taken in ahead, once all before it is there."""
        while (identifier := self._ahead.pop(self.through + 1, None)) is not None:
            self._add(identifier, self.through + 1)

    def _add(self, identifier: str, sequence: int) -> None:
        self._ids.add(identifier)
        self.through = sequence
        self.count += 1

    def _take(self, interaction: Interaction) -> None:
        if interaction.metadata.get("marks") == FORGOTTEN:
            self._forget(interaction.metadata)
        elif (record := self._joiner.take(interaction)) is not None:
            self._take_record(record)

    def _take_record(self, record: Record) -> None:
        told = json.loads(record.text)
        name = (str(record.metadata["ns"]), str(record.metadata["id"]))
        if record.metadata["record"] == WRITES:
            self._take_writes(name, told)
            return
        for channel, version, stored in told["channels"]:
            self._channels[name[0], channel, version] = stored_of(stored)
        if record.metadata["record"] == CHECKPOINT:
            self.hidden.discard(name)
            run_id = str(record.metadata.get("run_id", ""))
            self._saved[name] = Saved(typed_of(told["checkpoint"]), typed_of(told["metadata"]), told["parent"], run_id)

    def _take_writes(self, name: Name, told: Mapping[str, Any]) -> None:
        kept = self._writes.setdefault(name, {})
        for index, channel, value in told["writes"]:
            place = told["task"], index
            # A write of its own place is written once; errors, interrupts and the like replace the one before.
            if index < 0 or place not in kept:
                kept[place] = Write(told["task"], channel, typed_of(value), told["path"], index)

    def _forget(self, mark: Mapping[str, Any]) -> None:
        """Checkpoints of some runs, or all but some; what stands behind this is not meant."""
        if "runs" in mark:
            runs = set(mark["runs"])
            self.hidden.update(name for name, saved in self._saved.items() if saved.run_id in runs)
        else:
            kept = {(namespace, identifier) for namespace, identifier in mark["keeps"]}
            self.hidden.update(name for name in self._saved if name not in kept)

    # --- what is there --------------------------------------------------------------------------------------

    def saved(self, name: Name, *, forgotten: bool = False) -> Saved | None:
        with self._lock:
            return None if name in self.hidden and not forgotten else self._saved.get(name)

    def names(self, namespace: str | None = None) -> list[Name]:
        """The checkpoints of a namespace, or of all one after the other, each the latest first."""
        with self._lock:
            shown = [name for name in self._saved if name not in self.hidden and namespace in (None, name[0])]
        namespaces = list(dict.fromkeys(one for one, _ in shown))
        return [(one, identifier) for one in namespaces for identifier in self._latest_first(shown, one)]

    def _latest_first(self, shown: Sequence[Name], namespace: str) -> list[str]:
        return sorted((identifier for one, identifier in shown if one == namespace), reverse=True)

    def latest(self, namespace: str) -> Name | None:
        return next(iter(self.names(namespace)), None)

    def writes(self, name: Name) -> list[Write]:
        """In the order in which they are applied."""
        with self._lock:
            return sorted(self._writes.get(name, {}).values(), key=lambda one: one.order)

    def channel(self, namespace: str, channel: str, version: Version) -> Whole | list[Typed] | None:
        """A channel's value; a list by its items; None where nothing is known of it."""
        with self._lock:
            stored = self._channels.get((namespace, channel, version))
            return self._items(namespace, channel, version) if isinstance(stored, Spliced) else stored

    def _items(self, namespace: str, channel: str, version: Version) -> list[Typed]:
        """A list from the ones that it builds upon, back to one that is whole or that is known already."""
        known_version, items = self._lists.get((namespace, channel), (None, []))
        chain: list[Spliced] = []
        wanted: Version | None = version
        while wanted is not None and wanted != known_version:
            stored = self._channels.get((namespace, channel, wanted))
            if not isinstance(stored, Spliced):
                raise LookupError(f"What version {version!r} of the channel {channel!r} builds upon is not there.")
            chain.append(stored)
            wanted = stored.base
        found: list[Typed] = list(items) if wanted is not None else []
        for stored in reversed(chain):
            found = unspliced(stored, found)
        self._lists[namespace, channel] = (version, found)
        return found


def _as_stored(sent: Mapping[str, Any], told: LoggedInteraction, session_id: str) -> Interaction:
    """An interaction that was just sent, as reading it would give it, as far as it matters here."""
    now = datetime.now(UTC)
    return Interaction(
        id=told.id,
        session_id=session_id,
        sequence=told.sequence,
        kind=sent["kind"],
        occurred_at=now,
        recorded_at=now,
        metadata=sent["metadata"],
        idempotency_key=told.idempotency_key,
        source_record=sent.get("source_record"),
    )
