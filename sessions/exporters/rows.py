"""Rows of messages: JSON Lines with one conversation on each, and of a conversation that branches one for each way.

Beside the messages stands, under a name that readers of such rows pass over, what they have no place for: the ID,
time and model of each, by which our own importer knows the messages that several ways have in common.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid5

from sessions.records import JSON, InteractionRecord

from .formats import Conversation
from .notes import OWN
from .pieces import mapping, original_of, written
from .ways import Step, Ways


@dataclass(slots=True)
class Said:
    """A message of a row, and what is noted of it."""

    message: dict[str, JSON]
    note: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """`source` is the name in the keys of what was imported from such rows, `list_name` where the messages stand.

    `tell` makes the messages of a way.
    """

    source: str
    list_name: str
    tell: Callable[[Iterator[Step]], Iterator[Said]]


def stream_rows(conversation: Conversation, form: Form) -> Iterator[str]:
    """The rows' text, a message at a time."""
    ways = Ways(conversation)
    for number in range(len(ways)):
        yield written(_members(conversation, form))[:-1]
        yield f', "{OWN}": {{"way": {number + 1}, "ways": {len(ways)}, "messages": ['
        yield from _listed(said.note for said in form.tell(ways.along(number)))
        yield f']}}, "{form.list_name}": ['
        yield from _listed(said.message for said in form.tell(ways.along(number)))
        yield "]}\n"


def _listed(values: Iterator[dict[str, JSON]]) -> Iterator[str]:
    separator = ""
    for value in values:
        yield separator + written(value)
        separator = ", "


def _members(conversation: Conversation, form: Form) -> dict[str, JSON]:
    """The row but for its messages, with what it had where it comes from one."""
    header = conversation.header
    had = header.metadata if header.source == form.source else {}
    members = {name: value for name, value in had.items() if name not in ("original_session_id", OWN, form.list_name)}
    if "tools" in header.metadata:
        members["tools"] = header.metadata["tools"]
    members["id"] = header.session_id
    if header.title:
        members["title"] = header.title
    members["created_at"] = header.created_at.isoformat()
    return members


def noted(record: InteractionRecord, place: int, note: dict[str, JSON]) -> dict[str, JSON]:
    """A note with the message's ID, its time and its model. `place` counts the messages that begin in a record."""
    own = str(uuid5(record.id, str(place))) if place else str(record.id)
    model = {"model": record.model} if record.model else {}
    return {"id": own, "at": record.occurred_at.isoformat(), **model, **note}


class Originals:
    """Which records of a way are messages of such a row themselves, and so go out as they came."""

    def __init__(self, source: str, lists: tuple[str, ...], is_own: Callable[[Mapping[str, Any]], bool]) -> None:
        self._source = source
        self._lists = lists
        self._is_own = is_own
        self._before = ""

    def take(self, record: InteractionRecord) -> Said | None:
        """The message that the record is; one without words where it is a further part of the message before."""
        key = record.idempotency_key or ""
        if self._before and key.startswith(f"{self._before}#"):
            return Said({})
        self._before = ""
        found = original_of(record) if key.startswith(f"{self._source}:") else None
        message = self._unwrapped(found) if found else None
        if message is None or not self._is_own(message):
            return None
        self._before = key
        note = dict(mapping(message.get(OWN))) | noted(record, 0, {})
        if record.metadata.get("begins_branch"):
            note["metadata"] = dict(mapping(note.get("metadata"))) | {"begins_branch": True}
        words = {name: value for name, value in message.items() if name != OWN}
        return Said(words, note | {"id": key[len(self._source) + 1 :]})

    def _unwrapped(self, found: dict[str, Any]) -> dict[str, Any] | None:
        """The message; with the first of a conversation stands the row around it."""
        for name in self._lists:
            if isinstance(inner := found.get(name), list) and len(inner) == 1 and isinstance(inner[0], dict):
                return inner[0]
        return found
