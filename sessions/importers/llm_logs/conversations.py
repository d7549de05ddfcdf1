"""What the tables of a log say: `responses` until version 0.27, since then `turns` in a tree of `messages`.

A database that was upgraded has both. A turn and a response of one ID are the same, and told once.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft

from ..chat import decoded, role_of, turn_part
from ..files import describe_file
from ..formats import Input, set_aside
from ..threads import Message, Part, Thread, canonical, compact
from ..values import clip, count, digest, mapping, milliseconds, parse_time, safe_session_id, text
from .database import READ_ERRORS, Database

SOURCE = "llm"
MAX_WAY = 100_000
_CONTENT = frozenset({"content"})
_LINKS = (
    ("tool_calls", "response_id", "rowid", "id"),
    ("tool_results", "response_id", "rowid", "id"),
    ("prompt_attachments", "response_id", "attachment_id", "order"),
    ("prompt_fragments", "response_id", "fragment_id", "order"),
    ("system_fragments", "response_id", "fragment_id", "order"),
    ("tool_results_attachments", "tool_result_id", "attachment_id", "order"),
    ("attachments", "id", "rowid", "id"),
    ("fragments", "id", "rowid", "id"),
    ("schemas", "id", "rowid", "id"),
    ("conversations", "id", "rowid", "id"),
    ("threads", "id", "rowid", "id"),
    ("messages", "hash", "rowid", "hash"),
    ("parts", "message_hash", "rowid", "position"),
    ("part_attachments", "part_id", "attachment_id", "order"),
    ("part_fragments", "part_id", "fragment_id", "order"),
    ("turns", "thread_id", "rowid", "datetime_utc"),
)
# Definitions of tools, and what the program notes for itself.
_NOT_TOLD = frozenset({
    "_llm_migrations", "fragment_aliases", "tool_instances", "tool_instantiations", "tool_responses", "tools",
    "turn_tools",
})  # fmt: skip


class Log:
    """The conversations of one database."""

    def __init__(self, source: Input, database: Database) -> None:
        self._source = source
        self._database = database
        for table, owner, target, place in _LINKS:
            try:
                database.link(table, owner, target, place)
            except READ_ERRORS:
                continue  # its rows will be missing where they belong, and said so
        database.finish_links()

    def read(self) -> Iterator[ImportEvent]:
        for told in (self._old_conversations(), self._new_threads(), self._empty_conversations()):
            try:
                yield from told
            except READ_ERRORS as error:
                self._source.records_read += 1
                yield set_aside(self._source.place, f"a damaged database: {_said(error)}", damaged=True)
        for table in sorted(_NOT_TOLD & self._database.tables):
            if self._has_rows(table):
                self._source.records_read += 1
                yield set_aside(f"{self._source.place}:{table}", f"table: {table}", damaged=False)

    def _has_rows(self, table: str) -> bool:
        try:
            return next(self._database.walk(table, ["rowid"]), None) is not None
        except READ_ERRORS:
            return False

    # --- responses ----------------------------------------------------------------------------------------------

    def _old_conversations(self) -> Iterator[ImportEvent]:
        turns = {text(turn_id) for _, turn_id in self._database.walk("turns", ["id"])}
        thread: Thread | None = None
        session: SessionDraft | None = None
        system = ""
        order = ["conversation_id", "datetime_utc", "id"]
        for rowid, response_id, conversation_id in self._database.walk("responses", ["id", "conversation_id"], order):
            self._source.records_read += 1
            place = f"{self._source.place}:responses/{rowid}"
            if text(response_id) in turns:
                yield set_aside(place, "a response that stands among the turns", damaged=False)
                continue
            try:
                row = self._database.row("responses", rowid)
                original = text(conversation_id) or text(response_id) or f"response-{rowid}"
                if thread is None or thread.session_id != safe_session_id(original, SOURCE):
                    thread, system = Thread(SOURCE, safe_session_id(original, SOURCE)), ""
                    thread.see_time(parse_time(row.get("datetime_utc")))
                    session = self._session(thread, "conversations", text(conversation_id), row)
                    yield session
                message, system = self._response(row, place, thread, system)
            except READ_ERRORS as error:
                yield set_aside(place, f"a row that cannot be read: {_said(error)}", damaged=True)
                continue
            yield from thread.say(message)

    def _response(self, row: dict[str, Any], place: str, thread: Thread, system: str) -> tuple[Message, str]:
        """A response: the tools' results and the prompt that were answered, the answer, and the calls in it."""
        key = text(row.get("id")) or digest(canonical(row))
        record: dict[str, Any] = {"response": row}
        parts: list[Part] = []
        told = text(row.get("system"))
        if told and told != system:
            parts.append(turn_part(told, "system"))
            parts[-1].name = "system"
        for number, part in enumerate(self._fragments("system_fragments", key, record)):
            part.name = f"system{number}"
            parts.append(_as_system(part))
        parts += self._old_results(key, record)
        for number, part in enumerate(self._fragments("prompt_fragments", key, record)):
            part.name = f"fragment{number}"
            parts.append(part)
        files = self._attached("prompt_attachments", key, record)
        prompt = text(row.get("prompt"))
        if prompt or files:
            parts.append(Part(InteractionKind.CLIENT_REQUEST, name="prompt", prompt=prompt))
            if files:
                parts[-1].metadata["attachments"] = files
        parts.append(self._answer(row, text(row.get("response")), text(row.get("reasoning"))))
        parts += self._old_calls(key, record)
        moment = parse_time(row.get("datetime_utc"))
        return Message(key, place, parts, thread.tip, moment, compact(record)), told or system

    def _answer(self, row: dict[str, Any], said: str, thought: str) -> Part:
        part = Part(InteractionKind.AGENT_RESPONSE, name="response", response=said, reasoning=thought)
        self._spend(part, row)
        return part

    def _spend(self, part: Part, row: dict[str, Any]) -> None:
        """Model, tokens, duration and options of a response or a turn."""
        part.model = text(row.get("resolved_model")) or text(row.get("model"))
        part.input_tokens, part.output_tokens = count(row.get("input_tokens")), count(row.get("output_tokens"))
        part.execution_time_ms = milliseconds(row.get("duration_ms"))
        for name, column in (("usage", "token_details"), ("options", "options_json")):
            if value := decoded(row.get(column)):
                part.metadata[name] = value
        if (schema := self._one("schemas", row.get("schema_id"))) and len(text(schema.get("content"))) <= 8000:
            part.metadata["schema"] = decoded(schema.get("content"))

    def _old_calls(self, response_id: str, record: dict[str, Any]) -> Iterator[Part]:
        for number, rowid in enumerate(self._database.linked("tool_calls", response_id)):
            row = self._database.row("tool_calls", rowid)
            record.setdefault("tool_calls", []).append(row)
            part = Part(InteractionKind.TOOL_CALL, name=f"call{number}", tool_name=text(row.get("name")))
            part.tool_parameters, part.call_id = decoded(row.get("arguments")), text(row.get("tool_call_id"))
            yield part

    def _old_results(self, response_id: str, record: dict[str, Any]) -> Iterator[Part]:
        for number, rowid in enumerate(self._database.linked("tool_results", response_id)):
            row = self._database.row("tool_results", rowid)
            record.setdefault("tool_results", []).append(row)
            part = _result(row, f"result{number}")
            if files := self._attached("tool_results_attachments", str(row.get("id")), record):
                part.metadata["attachments"] = files
            yield part

    # --- turns --------------------------------------------------------------------------------------------------

    def _new_threads(self) -> Iterator[ImportEvent]:
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
        yield self._session(thread, "threads", thread_id, rows[-1] if rows else {})
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
            place = f"{self._source.place}:threads/{thread.session_id}/{clip(key, 80)}"
            is_answer = bool(answers) and key == answers[0] and "id" in turn
            try:
                message = self._message(key, place, turn if is_answer else None)
            except READ_ERRORS as error:
                yield set_aside(place, f"a row that cannot be read: {_said(error)}", damaged=True)
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
            raise ValueError("a message that is not there")
        row = self._database.row("messages", rowid)
        record: dict[str, Any] = {"message": row}
        parts = self._parts(key, text(row.get("role")), record)
        if turn is not None:
            record["turn"] = turn
            self._spend(parts[0], turn)
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
            files += self._attached("part_attachments", number, record)
            if kind == "reasoning":
                thoughts.append(said or ("…" if payload.get("redacted") else ""))
            elif kind == "tool_call":
                parts.append(_call(payload, row))
            elif kind == "tool_result":
                parts.append(_result({**row, **payload}, ""))
            elif kind == "text" or said:
                parts += [_said_by(role, part.prompt) for part in self._fragments("part_fragments", number, record)]
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

    # --- both -----------------------------------------------------------------------------------------------------

    def _empty_conversations(self) -> Iterator[ImportEvent]:
        """Conversations to which nothing belongs are sessions that are empty."""
        told = {text(one) for _, one in self._database.walk("responses", ["conversation_id"])}
        told |= {text(one) for _, one in self._database.walk("threads", ["id"])}
        for _, conversation_id in self._database.walk("conversations", ["id"]):
            self._source.records_read += 1
            self._source.records_noted += 1
            if (original := text(conversation_id)) and original not in told:
                yield self._session(Thread(SOURCE, safe_session_id(original, SOURCE)), "conversations", original, {})

    def _session(self, thread: Thread, table: str, original: str, row: dict[str, Any]) -> SessionDraft:
        known = self._one(table, original) or {}
        metadata: dict[str, JSON] = {}
        if model := text(known.get("model")) or text(row.get("model")):
            metadata["model"] = clip(model, 255)
        if origin := text(known.get("forked_from")):
            metadata["forked_from"] = clip(origin, 1000)
        if original not in ("", thread.session_id):
            metadata["original_session_id"] = clip(original, 1000)
        return SessionDraft(
            session_id=thread.session_id,
            title=clip(text(known.get("name")), 1000) or None,
            source=SOURCE,
            created_at=min(filter(None, (parse_time(known.get("datetime_utc")), thread.first_time)), default=None),
            metadata=metadata or None,
        )

    def _one(self, table: str, identifier: JSON) -> dict[str, Any] | None:
        rowid = self._database.first_linked(table, str(identifier)) if identifier else None
        return None if rowid is None else self._database.row(table, rowid)

    def _attached(self, table: str, owner: str, record: dict[str, Any]) -> list[JSON]:
        files: list[JSON] = []
        for identifier in self._database.linked(table, owner):
            rowid = self._database.first_linked("attachments", str(identifier))
            row = (
                self._database.row("attachments", rowid, without=_CONTENT) if rowid is not None else {"id": identifier}
            )
            known = describe_file({**row, "media_type": row.get("type"), "type": "file", "content": None})
            if size := count(row.get("content")):
                known["size_bytes"] = size
            files.append(known)
            record.setdefault("attachments", []).append(row)
        return files

    def _fragments(self, table: str, owner: str, record: dict[str, Any]) -> Iterator[Part]:
        """Long texts that prompts share stand for themselves, ahead of the prompt."""
        for identifier in self._database.linked(table, owner):
            row = self._one("fragments", identifier) or {}
            record.setdefault("fragments", []).append({"id": identifier, "hash": row.get("hash")})
            part = Part(InteractionKind.CLIENT_REQUEST, prompt=text(row.get("content")))
            part.metadata["fragment"] = clip(text(row.get("source")) or text(row.get("hash")) or str(identifier), 1000)
            yield part


def _as_system(part: Part) -> Part:
    turn = turn_part(part.prompt, "system")
    turn.name, turn.metadata = part.name, turn.metadata | part.metadata
    return turn


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


def _result(row: dict[str, Any], name: str) -> Part:
    output = row.get("output")
    said = output if isinstance(output, str) else "" if output is None else canonical(output)
    part = Part(InteractionKind.TOOL_RESPONSE, name=name, response=said, call_id=text(row.get("tool_call_id")))
    part.tool_name = text(row.get("name")) or text(row.get("tool_name"))
    part.status = "success"
    if exception := text(row.get("exception")):
        part.status, part.error_message = "error", exception
    attachments = row.get("attachments")
    if isinstance(attachments, list) and attachments:
        part.metadata["attachments"] = [describe_file(one, "file") for one in attachments]
    return part


def _said(error: Exception) -> str:
    """An error's kind: its words may quote what the file says."""
    return type(error).__name__
