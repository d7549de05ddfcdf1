"""Claude Code's transcripts: `projects/<folder>/<sessionId>.jsonl`, subagents beside them, and `{"loglines": []}`.

`parts` says what one record holds, `conversations` which session, key, parent and time that gets. The format is
not documented by its maker; docs/importers.md has the mapping and what it rests on.
"""

import re
from collections.abc import Iterator
from typing import Any

from sessions.records import ImportEvent, SetAside

from ..formats import HEAD_BYTES, Format, Input, set_aside
from ..jsonl import DECODER, MAX_LINE_BYTES, Line, Unreadable, head_records, parse, read_lines, refuse_depth
from ..values import text
from .conversations import Conversations

WITHOUT_RECORDS = "a log without records"
_TYPES = frozenset({"user", "assistant", "system", "attachment", "progress", "queue-operation"})
_ID_NAMES = frozenset({"sessionId", "session_id"})
# A quote inside a JSON string is escaped, so these can only be members' names.
_LOGLINES = re.compile(r'(?<!\\)"loglines"\s*:\s*\[')
_LOGLINES_BYTES = re.compile(_LOGLINES.pattern.encode())
_ENVELOPE_BYTES = re.compile(rb'(?<!\\)"(sessionId|parentUuid|uuid|isSidechain)"\s*:')
_BETWEEN = re.compile(r"[\s,]*")


def _is_record(record: dict[str, Any]) -> bool:
    kind, message = text(record.get("type")), record.get("message")
    if ("messageId" in record and isinstance(message, str)) or (isinstance(message, dict) and "data" in message):
        return False  # Gemini CLI's list of what was typed; a row of LangChain's
    if not _ID_NAMES.isdisjoint(record):
        return kind in _TYPES or "parentUuid" in record or isinstance(message, dict) or _is_note(record)
    if kind in ("user", "assistant") and isinstance(message, dict):
        return "role" in message and not {"uuid", "parentUuid", "timestamp", "isSidechain"}.isdisjoint(record)
    return _is_note(record)


def _is_note(record: dict[str, Any]) -> bool:
    """A record that is no message but that only Claude Code writes."""
    kind = record.get("type")
    return (
        (kind == "summary" and "leafUuid" in record)
        or (kind == "file-history-snapshot" and "snapshot" in record)
        or (kind == "custom-title" and "customTitle" in record)
        or (kind == "ai-title" and "aiTitle" in record)
        or (kind in ("mode", "permission-mode", "last-prompt", "agent-name") and "sessionId" in record)
    )


def recognises_lines(head: bytes) -> bool:
    """Whether one of the first lines is a record of Claude Code; the first may be longer than the head."""
    if any(_is_record(record) or _is_log(record) for record in head_records(head)):
        return True
    first = head.partition(b"\n")[0]
    cut = first.lstrip()[:1] == b"{" and len(first) == len(head) >= HEAD_BYTES
    return cut and len(set(_ENVELOPE_BYTES.findall(first))) >= 2


def recognises_container(head: bytes) -> bool:
    """Whether this is a JSON document, over several lines or cut, whose records stand in `loglines`."""
    return head.lstrip()[:1] == b"{" and bool(_LOGLINES_BYTES.search(head))


def recognises_agent_note(head: bytes) -> bool:
    """Whether this is the small `agent-<id>.meta.json` beside a subagent's transcript."""
    try:
        note = parse(head)
    except Unreadable:
        return False
    return type(note) is dict and isinstance(note.get("agentType"), str) and len(note) <= 8


def _is_log(record: dict[str, Any]) -> bool:
    return isinstance(record.get("loglines"), list)


def read_transcript(source: Input) -> Iterator[ImportEvent]:
    """The events of a JSON Lines file, in the file's order."""
    conversations = Conversations(source)
    for line in read_lines(source):
        if isinstance(line, SetAside):
            source.records_read += 1
            yield line
        elif _is_log(line.record):
            yield from _read_log(conversations, line.raw.decode(), line.place)
        else:
            yield from conversations.take(line)
    yield from conversations.close()
    if not source.records_read:
        yield set_aside(source.place, WITHOUT_RECORDS, damaged=False)


def read_container(source: Input) -> Iterator[ImportEvent]:
    """The events of a document whose records stand in `loglines`; it is held in memory, at most one line's limit."""
    data = source.read(MAX_LINE_BYTES + 1)
    if len(data) > MAX_LINE_BYTES:
        source.records_read += 1
        yield set_aside(source.place, "a document too large", damaged=True, raw=data)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        source.records_read += 1
        yield set_aside(source.place, "not UTF-8", damaged=True, raw=data)
        return
    conversations = Conversations(source)
    yield from _read_log(conversations, text, source.place, lines=True)
    yield from conversations.close()
    if not source.records_read:
        yield set_aside(source.place, WITHOUT_RECORDS, damaged=False, raw=data)


def _read_log(conversations: Conversations, text: str, place: str, *, lines: bool = False) -> Iterator[ImportEvent]:
    """The records in `loglines`, each with its own bytes; a damaged one costs those after it but none before."""
    start = _LOGLINES.search(text)
    position = start.end() if start else len(text)
    number, counted = 1, 0
    while True:
        position = _after_separator(text, position)
        number, counted = number + text.count("\n", counted, position), position
        where = f"{place}:{number}" if lines else place
        if text[position : position + 1] == "]":
            another = _LOGLINES.search(text, position)
            if another is None:
                return
            position = another.end()
            continue
        try:
            record, end = DECODER.raw_decode(text, position)
            refuse_depth(record)
        except (Unreadable, ValueError, RecursionError) as error:
            reason = error.reason if isinstance(error, Unreadable) else "not JSON"
            raw = text[position:].encode("utf-8", "surrogatepass")
            yield conversations.damaged(where, reason, raw)
            return
        raw = text[position:end].encode("utf-8", "surrogatepass")
        if type(record) is dict:
            yield from conversations.take(Line(where, raw, record))
        else:
            yield conversations.damaged(where, "not an object", raw)
        position = end


def _after_separator(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def read_agent_note(source: Input) -> Iterator[ImportEvent]:
    source.records_read += 1
    yield set_aside(source.place, "a subagent's description", damaged=False, raw=source.read(MAX_LINE_BYTES))


LINES = Format(name="claude-code", recognises=recognises_lines, read=read_transcript)
CONTAINER = Format(name="claude-code-log", recognises=recognises_container, read=read_container)
AGENT_NOTE = Format(name="claude-code-agent", recognises=recognises_agent_note, read=read_agent_note)
