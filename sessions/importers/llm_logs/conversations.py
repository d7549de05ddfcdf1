"""What the tables of a log say: `responses` until version 0.27, since then `turns` in a tree of `messages`.

A database that was upgraded has both. A turn and a response of one ID are the same, and told once.
"""

from collections.abc import Iterator

from sessions.records import ImportEvent

from ..formats import Input, set_aside
from ..threads import Thread
from ..values import safe_session_id, text
from .database import READ_ERRORS, Database
from .responses import Responses
from .rows import SOURCE, Rows, kind_of_error
from .turns import Turns

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
        self._rows = Rows(database)

    def read(self) -> Iterator[ImportEvent]:
        for told in (
            Responses(self._source, self._database, self._rows).read(),
            Turns(self._source, self._database, self._rows).read(),
            self._empty_conversations(),
        ):
            try:
                yield from told
            except READ_ERRORS as error:
                self._source.records_read += 1
                yield set_aside(self._source.place, f"a damaged database: {kind_of_error(error)}", damaged=True)
        for table in sorted(_NOT_TOLD & self._database.tables):
            if self._has_rows(table):
                self._source.records_read += 1
                yield set_aside(f"{self._source.place}:{table}", f"table: {table}", damaged=False)

    def _has_rows(self, table: str) -> bool:
        try:
            return next(self._database.walk(table, ["rowid"]), None) is not None
        except READ_ERRORS:
            return False

    def _empty_conversations(self) -> Iterator[ImportEvent]:
        """Conversations to which nothing belongs are sessions that are empty."""
        told = {text(one) for _, one in self._database.walk("responses", ["conversation_id"])}
        told |= {text(one) for _, one in self._database.walk("threads", ["id"])}
        for _, conversation_id in self._database.walk("conversations", ["id"]):
            self._source.records_read += 1
            self._source.records_noted += 1
            if (original := text(conversation_id)) and original not in told:
                yield self._rows.session(
                    Thread(SOURCE, safe_session_id(original, SOURCE)), "conversations", original, {}
                )
