"""What a format module is given to write, and what it offers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sessions.records import InteractionRecord, MergeRecord, SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A session as an exporter sees it.

    `interactions` reads them from the first to the last, anew each time it is called, a few at a time: a format that
    must know something of all of them before it writes goes through them twice rather than keep them.

    `merges` are all by which sessions became part of it, or of one that did, each behind that of its survivor.
    `absorbed` reads what absorbed sessions have still, since the survivor had the same: their IDs, and an interaction.
    """

    header: SessionRecord
    merges: Sequence[MergeRecord]
    interactions: Callable[[], Iterator[InteractionRecord]]
    total_interactions: int
    exported_at: datetime
    absorbed: Callable[[], Iterator[tuple[str, InteractionRecord]]] = lambda: iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write a session down.

    `label` is its name for people, `ending` that of its files. `write` gives the document as a stream of text, in
    memory that does not grow with what the interactions hold. `with_sources` says that it reads the original records,
    which are otherwise left unread; `ids_from_keys` that idempotency keys become its messages' IDs, so that none may
    stand twice in what it is given. `purpose` says in two or three words what it is for, where its label does not.
    """

    name: str
    label: str
    media_type: str
    ending: str
    write: Callable[[Conversation], Iterator[str]]
    with_sources: bool = False
    ids_from_keys: bool = False
    purpose: str = ""
