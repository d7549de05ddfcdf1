"""Gemini CLI's sessions: one JSON document with all messages, and the log of JSON Lines that replaced it.

The log may write a message again (the last version counts), replace all of them (`$set`) and go back (`$rewindTo`),
so a session is held until its end. What was gone back on is kept: what follows is another branch.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import ImportEvent, SetAside

from ..documents import Piece, first_members, object_of, read_documents
from ..formats import Format, Input, set_aside
from ..jsonl import head_records, read_lines
from ..values import mapping, text
from .log import SOURCE, SURPRISES, UNFORESEEN, Log

_TYPES = frozenset({"user", "gemini", "model", "info", "error", "warning"})
_HEADER = frozenset({"sessionId", "projectHash", "startTime"})


def _is_message(record: dict[str, Any]) -> bool:
    return (
        text(record.get("type")) in _TYPES
        and isinstance(record.get("id"), str)
        and "timestamp" in record
        and not {"content", "parts"}.isdisjoint(record)
        and {"sessionId", "uuid", "payload"}.isdisjoint(record)
    )


def recognises_log(head: bytes) -> bool:
    """Whether one of the first lines is a header, a change or a message of the log."""
    return any(
        (record.keys() >= _HEADER and "messages" not in record)
        or (isinstance(record.get("$set"), dict) and len(record) == 1)
        or (isinstance(record.get("$rewindTo"), str) and len(record) == 1)
        or _is_message(record)
        for record in head_records(head)
    )


def recognises_document(head: bytes) -> bool:
    """Whether this is an object of messages with one of the header's members."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    members = first_members(head)
    messages = members.get("messages")
    if not isinstance(messages, list) or _HEADER.isdisjoint(members):
        return False
    return "projectHash" in members or any(_is_message(mapping(message)) for message in messages)


def read_log(source: Input) -> Iterator[ImportEvent]:
    """The events of a log: those of a session when it is over."""
    log = Log(source)
    for line in read_lines(source):
        source.records_read += 1
        if isinstance(line, SetAside):
            yield log.aside(line)
            continue
        try:
            yield from list(log.take(line.record, line.raw, line.place))
        except SURPRISES:
            yield log.aside(set_aside(line.place, UNFORESEEN, damaged=True, raw=line.raw))
    yield from log.close()


def read_document(source: Input) -> Iterator[ImportEvent]:
    """The events of a document. Its messages are read one by one, so it may be of any size."""
    log = Log(source)
    for members in read_documents(source, frozenset({"messages"})):
        yield from log.begin_another()
        yield from _read_members(source, log, members)
    yield from log.close()


def _read_members(source: Input, log: Log, members: Iterator[Piece | SetAside]) -> Iterator[ImportEvent]:
    for piece in members:
        source.records_read += 1
        if isinstance(piece, Piece) and not piece.place.endswith("]"):
            log.note_member(piece)
            continue
        line = object_of(piece) if isinstance(piece, Piece) else piece
        if isinstance(line, SetAside):
            yield log.aside(line)
            continue
        try:
            yield from list(log.take_message(line.record, line.raw, line.place))
        except SURPRISES:
            yield log.aside(set_aside(line.place, UNFORESEEN, damaged=True, raw=line.raw))


LOG = Format(name=SOURCE, recognises=recognises_log, read=read_log)
DOCUMENT = Format(name=f"{SOURCE}-document", recognises=recognises_document, read=read_document)
