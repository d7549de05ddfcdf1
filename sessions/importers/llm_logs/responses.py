"""The generation of a log until version 0.27: each response with its prompt."""

from collections.abc import Iterator
from typing import Any

from sessions.records import ImportEvent, InteractionKind, SessionDraft

from ..blocks import decoded
from ..chat import turn_part
from ..formats import Input, set_aside
from ..threads import Message, Part, Thread, canonical, compact
from ..values import digest, parse_time, safe_session_id, text
from .database import READ_ERRORS, Database
from .results import result_of
from .rows import SOURCE, Rows, kind_of_error


class Responses:
    """The conversations whose responses no turn has."""

    def __init__(self, source: Input, database: Database, rows: Rows) -> None:
        self._source = source
        self._database = database
        self._rows = rows

    def read(self) -> Iterator[ImportEvent]:
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
                    session = self._rows.session(thread, "conversations", text(conversation_id), row)
                    yield session
                message, system = self._response(row, place, thread, system)
            except READ_ERRORS as error:
                yield set_aside(place, f"a row that cannot be read: {kind_of_error(error)}", damaged=True)
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
        for number, part in enumerate(self._rows.fragments("system_fragments", key, record)):
            part.name = f"system{number}"
            parts.append(_as_system(part))
        parts += self._results(key, record)
        for number, part in enumerate(self._rows.fragments("prompt_fragments", key, record)):
            part.name = f"fragment{number}"
            parts.append(part)
        files = self._rows.attached("prompt_attachments", key, record)
        prompt = text(row.get("prompt"))
        if prompt or files:
            parts.append(Part(InteractionKind.CLIENT_REQUEST, name="prompt", prompt=prompt))
            if files:
                parts[-1].metadata["attachments"] = files
        parts.append(self._answer(row, text(row.get("response")), text(row.get("reasoning"))))
        parts += self._calls(key, record)
        moment = parse_time(row.get("datetime_utc"))
        return Message(key, place, parts, thread.tip, moment, compact(record)), told or system

    def _answer(self, row: dict[str, Any], said: str, thought: str) -> Part:
        part = Part(InteractionKind.AGENT_RESPONSE, name="response", response=said, reasoning=thought)
        self._rows.spend(part, row)
        return part

    def _calls(self, response_id: str, record: dict[str, Any]) -> Iterator[Part]:
        for number, rowid in enumerate(self._database.linked("tool_calls", response_id)):
            row = self._database.row("tool_calls", rowid)
            record.setdefault("tool_calls", []).append(row)
            part = Part(InteractionKind.TOOL_CALL, name=f"call{number}", tool_name=text(row.get("name")))
            part.tool_parameters, part.call_id = decoded(row.get("arguments")), text(row.get("tool_call_id"))
            yield part

    def _results(self, response_id: str, record: dict[str, Any]) -> Iterator[Part]:
        for number, rowid in enumerate(self._database.linked("tool_results", response_id)):
            row = self._database.row("tool_results", rowid)
            record.setdefault("tool_results", []).append(row)
            part = result_of(row, f"result{number}")
            if files := self._rows.attached("tool_results_attachments", str(row.get("id")), record):
                part.metadata["attachments"] = files
            yield part


def _as_system(part: Part) -> Part:
    turn = turn_part(part.prompt, "system")
    turn.name, turn.metadata = part.name, turn.metadata | part.metadata
    return turn
