"""Small files of every format that the importers read, for the fuzzer to begin with.

They are made of the tests' fixtures, and of a folder of samples where one is given: each file is cut down to a few
short records, because what is small is tried a thousand times a second. Formats without a fixture have an example here.
"""

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sessions.exporters import document
from sessions.exporters.formats import Conversation
from sessions.importers.formats import HEAD_BYTES, Format
from sessions.importers.jsonl import Unreadable, parse_part
from sessions.importers.sources import FORMATS
from sessions.records import InteractionRecord, SessionRecord

SEED_BYTES = 3_000
FILES = "files"
"""Not a format: files of any of them as they come, in archives, packed, in UTF-16, in arrays and objects."""

_FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "fixtures"
_LARGEST_FILE_BYTES = 4 * 1024 * 1024
_WINDOWS = 6
# How many items of a list, members of an object of objects and characters of a text are left, ever less.
_MEASURES = ((12, 400), (8, 120), (5, 60), (3, 40), (2, 24), (1, 12))

_SAID = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
_TIME = "2025-06-01T10:00:00Z"
_PAGE = b'<html><title>My Activity</title><div class="outer-cell x">Gemini Apps<br>Prompted hello</div></html>'
_RECORD = {"type": "user", "uuid": "u1", "parentUuid": None, "sessionId": "s1", "timestamp": _TIME}
_JUDGED = {"language": "English", "openai_moderation": [{"flagged": True}, {"flagged": False}], "redacted": False}
_ARENA = {"question_id": "q", "model_a": "a", "model_b": "b", "winner": "model_a", "tstamp": 1.6e9}
_TURN = {"timestamp": _TIME, "toxic": False, "turn_identifier": 1}
_EXAMPLES: Mapping[str, Any] = {
    "claude-code-log": {"loglines": [_RECORD | {"message": {"role": "user", "content": "hello"}}]},
    "claude-code-agent": {"agentType": "Explore", "description": "d"},
    "legacy": {
        "session_id": "00ff00ff00ff00ff",
        "user_id": "alice",
        "created_at": _TIME,
        "last_activity": _TIME,
        "total_interactions": 3,
        "context_summary": "s",
        "active_topics": ["a"],
        "user_preferences": {"l": "p"},
        "metadata": {"e": "p"},
        "session_file_path": "/elsewhere",
        "tags": ["t"],
        "project_context": {},
    },
    "lmsys": [
        {"conversation_id": "c1", "model": "m", "conversation": _SAID, "turn": 1} | _JUDGED,
        _ARENA | {"conversation_a": _SAID, "conversation_b": _SAID},
    ],
    "wildchat": [{"conversation_hash": "h", "model": "m", "conversation": [one | _TURN for one in _SAID]}],
    "sessionsite-manifest": {"manifest_version": 1, "exported_at": _TIME, "sessions": 1},
}
_LOGS = """
CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, response TEXT, conversation_id TEXT,
  duration_ms INTEGER, datetime_utc TEXT, input_tokens INTEGER);
CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, name TEXT, arguments TEXT, tool_call_id TEXT);
CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, name TEXT, output TEXT, tool_call_id TEXT);
CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT);
CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT, model TEXT,
  datetime_utc TEXT);
CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT, text TEXT,
  payload TEXT);
INSERT INTO conversations VALUES ('c1', 'n', 'm');
INSERT INTO responses VALUES ('r1', 'm', 'hello', 's', 'hi', 'c1', 5, '2025-06-01T10:00:00', 1);
INSERT INTO responses VALUES ('r2', 'm', '', '', 'done', 'c1', 5, '2025-06-01T10:00:01', 1);
INSERT INTO tool_calls VALUES (1, 'r1', 'f', '{"a": 1}', 't1');
INSERT INTO tool_results VALUES (1, 'r2', 'f', 'o', 't1');
INSERT INTO threads VALUES ('t1', 'n', 'h2', NULL, '2025-06-01T10:00:00');
INSERT INTO turns VALUES ('u1', 't1', NULL, 'h2', 'm', '2025-06-01T10:00:00');
INSERT INTO messages VALUES ('h1', NULL, 'user', NULL), ('h2', 'h1', 'assistant', NULL);
INSERT INTO parts VALUES (1, 'h1', 0, 'text', NULL, 'hello', NULL), (2, 'h2', 0, 'text', NULL, 'hi', NULL),
  (3, 'h2', 1, 'tool_call', 'f', NULL, '{"tool_call_id": "x", "arguments": {"a": 1}}');
"""


def seeds_by_format(samples: Path | None = None) -> dict[str, list[bytes]]:
    """Some small files of each format, by its name."""
    found: dict[str, list[bytes]] = {format.name: [] for format in FORMATS}
    for folder in (_FIXTURES, samples):
        for path in sorted(folder.rglob("*")) if folder else ():
            is_sealed = any(part.endswith(".sealed") for part in path.parts)
            if path.is_file() and not is_sealed and path.stat().st_size <= _LARGEST_FILE_BYTES:
                _add(found, path)
    for name, example in _EXAMPLES.items():
        found[name].append(json.dumps(example).encode())
    found["gemini-takeout-html"].append(_PAGE)
    _add_own(found)
    found["llm"].append(logs_database())
    found[FILES] = list(_files([seeds[0] for seeds in found.values() if seeds]))
    return {name: list(dict.fromkeys(seeds)) for name, seeds in found.items()}


def _files(contents: list[bytes]) -> Iterator[bytes]:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            for number, content in enumerate(contents[:3]):
                archive.writestr(f"a/{number}.json", content)
        whole = packed.getvalue()
        yield from (whole, whole[: whole.index(b"PK\x01\x02")], whole[: len(whole) // 2])
    for content in contents:
        yield gzip.compress(content, mtime=0)
        if (value := _parsed(content)) is not None:
            yield json.dumps({"version": 1, "conversations": [value]}).encode()
            yield json.dumps([value], indent=1).encode("utf-16")


def logs_database(script: str = _LOGS) -> bytes:
    """A small log of llm with both generations' tables."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA page_size = 512")
        connection.executescript(script)
        return connection.serialize()


def _add(found: dict[str, list[bytes]], path: Path) -> None:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)[:_LARGEST_FILE_BYTES]
    format = format_of(data)
    if format is None or format.name == "llm":
        return
    found[format.name] += [one for one in _cut_down(data) if format.recognises(one)]


def format_of(data: bytes) -> Format | None:
    return next((format for format in FORMATS if format.recognises(data[:HEAD_BYTES])), None)


def _add_own(found: dict[str, list[bytes]]) -> None:
    moment = datetime(2025, 6, 1, tzinfo=UTC)
    session = SessionRecord(
        session_id="s1", created_at=moment, last_activity_at=moment, title="t", tags=["a"], metadata={"m": 1}
    )
    records = [
        InteractionRecord(
            id=UUID(int=n), sequence=n, kind="client_request", prompt=f"p{n}", occurred_at=moment, recorded_at=moment,
            source_record=b"{}",
        )
        for n in (1, 2)
    ]  # fmt: skip
    conversation = Conversation(
        header=session,
        merges=[],
        interactions=lambda: iter(records),
        total_interactions=len(records),
        exported_at=moment,
    )
    found["sessionsite"].append("".join(document.stream(conversation)).encode())
    found["sessionsite-lines"].append("".join(document.lines(conversation)).encode())


def as_lines(values: list[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def _cut_down(data: bytes) -> Iterator[bytes]:
    """A file's records, few at a time, and shortened where they are long."""
    lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()]
    records = [value for value in map(_parsed, lines) if value is not None]
    if len(records) >= 2 and len(records) > len(lines) // 2:
        for window in _windows(records):
            yield as_lines(window)
        return
    document = _parsed(data)
    if isinstance(document, list):
        yield from (json.dumps(window).encode() for window in _windows(document))
    elif document is not None:
        yield json.dumps(_fitting(document)).encode()


def _windows(records: list[Any]) -> Iterator[list[Any]]:
    """Neighbouring records, the first of the file before them, that fit into a seed."""
    step = max(1, len(records) // _WINDOWS)
    for start in range(0, len(records), step):
        window, size = ([_fitting(records[0])] if start else []), 0
        for record in records[start : start + 12]:
            fitting = _fitting(record)
            size += len(json.dumps(fitting))
            if size > SEED_BYTES and window:
                break
            window.append(fitting)
        yield window


def _fitting(value: Any) -> Any:
    for items, characters in _MEASURES:
        if len(json.dumps(value)) <= SEED_BYTES:
            break
        value = _shortened(value, items, characters)
    return value


def _shortened(value: Any, items: int, characters: int) -> Any:
    if isinstance(value, str):
        return value[:characters]
    if isinstance(value, list):
        return [_shortened(item, items, characters) for item in value[:items]]
    if isinstance(value, dict):
        members = list(value.items())
        if len(members) > items and all(isinstance(item, dict) for _, item in members):
            members = members[:items]
        return {key: _shortened(item, items, characters) for key, item in members}
    return value


def _parsed(data: bytes) -> Any:
    try:
        return parse_part(data)
    except Unreadable:
        return None
