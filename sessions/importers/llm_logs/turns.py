"""The generation of a log since version 0.36: turns that lead through a tree of messages."""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind

from ..blocks import decoded
from ..chat import role_of, turn_part
from ..formats import Input, set_aside
from ..threads import Message, Part, Thread, compact
from ..values import digest, mapping, parse_time, safe_session_id, text
from .database import READ_ERRORS, Database
from .results import result_of
from .rows import SOURCE, Rows, kind_of_error

MAX_WAY = 100_000


class MissingMessage(LookupError):
    """A message that others follow, and of which the database has nothing."""


class Turns:
    """The threads of a log."""

    def __init__(self, source: Input, database: Database, rows: Rows) -> None:
        self._source = source
        self._database = database
        self._rows = rows

    def read(self) -> Iterator[ImportEvent]:
        columns = ["id", "tip_message_hash"]
        for rowid, thread_id, tip in self._database.walk("threads", columns, ["id"]):
            self._source.records_read += 1
            self._source.records_noted += 1
            original = text(thread_id) or f"thread-{rowid}"
            yield from self._thread(Thread(SOURCE, safe_session_id(original, SOURCE)), text(thread_id), text(tip))

    def _thread(self, thread: Thread, thread_id: str, tip: str) -> Iterator[ImportEvent]:
        """Turn by turn, each with the messages that no earlier one had; last what nothing but the thread points to."""
        rows = [self._database.row("turns", rowid) for rowid in self._database.linked("turns", thread_id)]
        times = [moment for row in rows if (moment := parse_time(row.get("datetime_utc")))]
        thread.see_time(min(times, default=None))
        thread.see_time(max(times, default=None))
        thread.time = min(times, default=None)
        yield self._rows.session(thread, "threads", thread_id, rows[-1] if rows else {})
        followed: set[str | None] = set()
        for row in [*rows, {"tip_message_hash": tip}]:
            thread.see_time(parse_time(row.get("datetime_utc")))
            yield from self._turn(thread, row, followed)

    def _turn(self, thread: Thread, turn: dict[str, Any], followed: set[str | None]) -> Iterator[ImportEvent]:
        asked = text(turn.get("parent_message_hash"))
        way = self._way(thread, text(turn.get("tip_message_hash")))
        answers = way[way.index(asked) + 1 :] if asked in way else way if thread.knows(asked) else way[-1:]
        for key in way:
            self._source.records_read += 1
            place = f"{self._source.place}:threads/{thread.session_id}/{_as_place(key)}"
            is_answer = bool(answers) and key == answers[0] and "id" in turn
            try:
                message = self._message(key, place, turn if is_answer else None)
            except MissingMessage:
                yield set_aside(place, "a message that is not there", damaged=True)
                continue
            except READ_ERRORS as error:
                yield set_aside(place, f"a row that cannot be read: {kind_of_error(error)}", damaged=True)
                continue
            message.is_branch = message.parent in followed
            followed.add(message.parent)
            yield from thread.say(message)

    def _way(self, thread: Thread, tip: str) -> list[str]:
        """The messages up to the tip that the thread does not have yet, the first one first."""
        way: dict[str, None] = {}
        key = tip
        while key and key not in way and not thread.knows(key) and len(way) < MAX_WAY:
            way[key] = None
            rowid = self._database.first_linked("messages", key)
            key = text(self._database.row("messages", rowid).get("parent_hash")) if rowid is not None else ""
        return list(reversed(way))

    def _message(self, key: str, place: str, turn: dict[str, Any] | None) -> Message:
        rowid = self._database.first_linked("messages", key)
        if rowid is None:
            raise MissingMessage
        row = self._database.row("messages", rowid)
        record: dict[str, Any] = {"message": row}
        parts = self._parts(key, text(row.get("role")), record)
        if turn is not None:
            record["turn"] = turn
            self._rows.spend(parts[0], turn)
        parent = text(row.get("parent_hash")) or None
        return Message(key, place, parts, parent, None, compact(record))

    def _parts(self, message: str, role: str, record: dict[str, Any]) -> list[Part]:
        parts: list[Part] = []
        files: list[JSON] = []
        thoughts: list[str] = []
        for rowid in self._database.linked("parts", message):
            row = self._database.row("parts", rowid)
            record.setdefault("parts", []).append(row)
            payload = mapping(decoded(row.get("payload")))
            kind, said = text(row.get("type")), text(row.get("text"))
            number = str(row.get("id"))
            files += self._rows.attached("part_attachments", number, record)
            if kind == "reasoning":
                thoughts.append(said or ("…" if payload.get("redacted") else ""))
            elif kind == "tool_call":
                parts.append(_call(payload, row))
            elif kind == "tool_result":
                parts.append(result_of({**row, **payload}, ""))
            elif kind == "text" or said:
                parts += [
                    _said_by(role, part.prompt) for part in self._rows.fragments("part_fragments", number, record)
                ]
                parts += [_said_by(role, said)] if said or not parts else []
        thought = "\n\n".join(filter(None, thoughts))
        if thought or not parts:
            first = next((part for part in parts if part.kind is InteractionKind.AGENT_RESPONSE), None)
            if first is None:
                first = _said_by(role, "") if not thought else Part(InteractionKind.AGENT_RESPONSE)
                parts.insert(0, first)
            first.reasoning = thought
        if files:
            parts[0].metadata["attachments"] = files
        return parts


def _said_by(role: str, said: str) -> Part:
    known = role_of(role)
    if known == "user":
        return Part(InteractionKind.CLIENT_REQUEST, prompt=said)
    if known == "assistant":
        return Part(InteractionKind.AGENT_RESPONSE, response=said)
    if known == "tool":
        return Part(InteractionKind.TOOL_RESPONSE, response=said, status="success")
    return turn_part(said, role)


def _call(payload: dict[str, Any], row: dict[str, Any]) -> Part:
    name = text(payload.get("name")) or text(row.get("tool_name"))
    part = Part(InteractionKind.TOOL_CALL, tool_name=name, call_id=text(payload.get("tool_call_id")))
    part.tool_parameters = payload.get("arguments")
    return part


def _as_place(key: str) -> str:
    """A hash as it stands; a stranger's file may have anything in its place."""
    return key if len(key) <= 80 and key.isascii() and key.isprintable() else digest(key)
