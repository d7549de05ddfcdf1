"""The rows that both generations of a log have: conversations, attachments, fragments, and what a call cost."""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, InteractionKind, SessionDraft

from ..blocks import decoded
from ..files import describe_file
from ..threads import Part, Thread
from ..values import clip, count, milliseconds, parse_time, text
from .database import Database

SOURCE = "llm"
_CONTENT = frozenset({"content"})


class Rows:
    """The rows of one database that conversations refer to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, table: str, identifier: JSON) -> dict[str, Any] | None:
        """The row of an ID, None where there is none."""
        rowid = self._database.first_linked(table, str(identifier)) if identifier else None
        return None if rowid is None else self._database.row(table, rowid)

    def attached(self, table: str, owner: str, record: dict[str, Any]) -> list[JSON]:
        """The files that belong to a row, noted without their content."""
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

    def fragments(self, table: str, owner: str, record: dict[str, Any]) -> Iterator[Part]:
        """Long texts that prompts share stand for themselves, ahead of the prompt."""
        for identifier in self._database.linked(table, owner):
            row = self.one("fragments", identifier) or {}
            record.setdefault("fragments", []).append({"id": identifier, "hash": row.get("hash")})
            part = Part(InteractionKind.CLIENT_REQUEST, prompt=text(row.get("content")))
            part.metadata["fragment"] = clip(text(row.get("source")) or text(row.get("hash")) or str(identifier), 1000)
            yield part

    def spend(self, part: Part, row: dict[str, Any]) -> None:
        """Model, tokens, duration and options of a response or a turn."""
        part.model = text(row.get("resolved_model")) or text(row.get("model"))
        part.input_tokens, part.output_tokens = count(row.get("input_tokens")), count(row.get("output_tokens"))
        part.execution_time_ms = milliseconds(row.get("duration_ms"))
        for name, column in (("usage", "token_details"), ("options", "options_json")):
            if value := decoded(row.get(column)):
                part.metadata[name] = value
        if (schema := self.one("schemas", row.get("schema_id"))) and len(text(schema.get("content"))) <= 8000:
            part.metadata["schema"] = decoded(schema.get("content"))

    def session(self, thread: Thread, table: str, original: str, row: dict[str, Any]) -> SessionDraft:
        """A conversation or thread; `row` is the first or last of what was answered in it."""
        known = self.one(table, original) or {}
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


def kind_of_error(error: Exception) -> str:
    """An error's kind: its words may quote what the file says."""
    return type(error).__name__
