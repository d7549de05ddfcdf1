"""llm's logs.db: both generations, merged; and a stranger's database that does nothing but be read."""

import random
import sqlite3
import time
import zipfile
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessions.records import ImportEvent

from .builders import asides, drafts, events_of, only, sessions
from .telling import branches, keys, told

OLD = """
CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT, prompt_json TEXT, options_json TEXT,
  response TEXT, response_json TEXT, conversation_id TEXT, duration_ms INTEGER, datetime_utc TEXT, input_tokens INTEGER,
  output_tokens INTEGER, token_details TEXT, schema_id TEXT, resolved_model TEXT);
CREATE TABLE attachments (id TEXT PRIMARY KEY, type TEXT, path TEXT, url TEXT, content BLOB);
CREATE TABLE prompt_attachments (response_id TEXT, attachment_id TEXT, "order" INTEGER);
CREATE TABLE fragments (id INTEGER PRIMARY KEY, hash TEXT, content TEXT, datetime_utc TEXT, source TEXT);
CREATE TABLE prompt_fragments (response_id TEXT, fragment_id INTEGER, "order" INTEGER);
CREATE TABLE tools (id INTEGER PRIMARY KEY, hash TEXT, name TEXT);
CREATE TABLE tool_calls (id INTEGER PRIMARY KEY, response_id TEXT, name TEXT, arguments TEXT, tool_call_id TEXT);
CREATE TABLE tool_results (id INTEGER PRIMARY KEY, response_id TEXT, name TEXT, output TEXT, tool_call_id TEXT,
  exception TEXT);
"""
NEW = """
CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT, tip_message_hash TEXT, forked_from TEXT, datetime_utc TEXT);
CREATE TABLE turns (id TEXT PRIMARY KEY, thread_id TEXT, parent_message_hash TEXT, tip_message_hash TEXT, model TEXT,
  resolved_model TEXT, options_json TEXT, input_tokens INTEGER, output_tokens INTEGER, duration_ms INTEGER,
  datetime_utc TEXT);
CREATE TABLE messages (hash TEXT PRIMARY KEY, parent_hash TEXT, role TEXT, provider_metadata TEXT);
CREATE TABLE parts (id INTEGER PRIMARY KEY, message_hash TEXT, position INTEGER, type TEXT, tool_name TEXT, text TEXT,
  payload TEXT);
CREATE TABLE part_attachments (part_id INTEGER, attachment_id TEXT, "order" INTEGER);
"""


def database(path: Path, schema: str, **rows: Iterable[dict[str, Any]]) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(schema)
        for table, values in rows.items():
            for row in values:
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" for _ in row)
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
    connection.close()
    return path


def response(number: int, prompt: Any, answer: Any, **more: Any) -> dict[str, Any]:
    time = f"2025-06-01T10:00:{number:02}"
    return {
        "id": f"r{number}",
        "conversation_id": "c" * 26,
        "prompt": prompt,
        "response": answer,
        "datetime_utc": time,
    } | more


def old(path: Path, *responses: dict[str, Any], **more: Any) -> Path:
    conversation = {"id": "c" * 26, "name": "A greeting", "model": "m"}
    return database(path / "logs.db", OLD, conversations=[conversation], responses=responses, **more)


def message(key: str, parent: str | None, role: str) -> dict[str, Any]:
    return {"hash": key, "parent_hash": parent, "role": role}


def part(number: int, key: str, text: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"id": number, "message_hash": key, "position": number, "type": kind, "text": text} | more


def new(path: Path, schema: str = OLD + NEW, **more: Any) -> Path:
    """A thread of two turns, the second of which was made again."""
    chain = [("s", None, "system"), ("u1", "s", "user"), ("a1", "u1", "assistant"), ("u2", "a1", "user")]
    messages = [message(*one) for one in [*chain, ("a2", "u2", "assistant"), ("a3", "u2", "assistant")]]
    words = ["Be brief.", "hello", "hi", "more", "one way", "another"]
    parts = [part(n, one["hash"], words[n]) for n, one in enumerate(messages)]
    turns = [
        {"id": f"t{n}", "thread_id": "d" * 26, "parent_message_hash": asked, "tip_message_hash": tip, "model": "m",
         "input_tokens": n, "datetime_utc": f"2025-06-01T10:00:0{n}"}
        for n, (asked, tip) in enumerate([("u1", "a1"), ("u2", "a2"), ("u2", "a3")], 1)
    ]  # fmt: skip
    thread = {"id": "d" * 26, "name": "Newer", "tip_message_hash": "a3"}
    return database(path / "logs.db", schema, threads=[thread], turns=turns, messages=messages, parts=parts, **more)


def test_it_reads_responses(tmp_path: Path) -> None:
    path = old(
        tmp_path,
        response(1, "hello", "hi", system="Be brief.", input_tokens=5, output_tokens=2, duration_ms=40, model="m"),
        response(2, "more", "there", system="Be brief.", options_json='{"temperature": 0}'),
    )
    events = events_of(path)
    assert told(events) == [
        ("turn", "Be brief."), ("user", "hello"), ("agent", "hi"), ("user", "more"), ("agent", "there"),
    ]  # fmt: skip
    first = drafts(events)[2]
    assert (first.model, first.input_tokens, first.output_tokens, first.execution_time_ms) == ("m", 5, 2, 40.0)
    assert drafts(events)[4].metadata["options"] == {"temperature": 0}
    (session,) = sessions(events)
    assert (session.session_id, session.title) == ("c" * 26, "A greeting")
    assert session.created_at == datetime(2025, 6, 1, 10, 0, 1, tzinfo=UTC)


def test_calls_follow_their_answer_and_results_precede_theirs(tmp_path: Path) -> None:
    path = old(
        tmp_path,
        response(1, "list", ""),
        response(2, "", "There."),
        tool_calls=[{"response_id": "r1", "name": "ls", "arguments": '{"p": "."}', "tool_call_id": "k1"}],
        tool_results=[{"response_id": "r2", "name": "ls", "output": "a.py", "tool_call_id": "k1", "exception": "Oops"}],
    )
    events = events_of(path)
    assert told(events) == [("user", "list"), ("agent", ""), ("call", "ls"), ("result", "a.py"), ("agent", "There.")]
    call, result = drafts(events)[2:4]
    assert (call.tool_parameters, result.status, result.error_message) == ({"p": "."}, "error", "Oops")


def test_it_notes_attachments_without_their_content_and_tells_fragments(tmp_path: Path) -> None:
    path = old(
        tmp_path,
        response(1, "look", "I see."),
        attachments=[{"id": "f1", "type": "image/png", "path": "a.png", "content": b"\x89PNG"}],
        prompt_attachments=[{"response_id": "r1", "attachment_id": "f1", "order": 0}],
        fragments=[{"id": 1, "hash": "h", "content": "A long text", "source": "notes.txt"}],
        prompt_fragments=[{"response_id": "r1", "fragment_id": 1, "order": 0}],
        tools=[{"id": 1, "name": "ls"}],
    )
    events = events_of(path)
    fragment, prompt, _ = drafts(events)
    assert (fragment.prompt, fragment.metadata["fragment"]) == ("A long text", "notes.txt")
    (file,) = prompt.metadata["attachments"]
    assert (file["media_type"], file["path"], file["size_bytes"]) == ("image/png", "a.png", 4)
    assert [aside.reason for aside in asides(events)] == ["table: tools"]


def test_it_reads_threads_as_trees(tmp_path: Path) -> None:
    events = events_of(new(tmp_path))
    assert told(events) == [
        ("turn", "Be brief."), ("user", "hello"), ("agent", "hi"), ("user", "more"),
        ("agent", "one way"), ("agent", "another"),
    ]  # fmt: skip
    assert branches(events) == [("one way", "another")]
    assert [draft.input_tokens for draft in drafts(events)] == [None, None, 1, None, 2, 3]
    assert sessions(events)[0].title == "Newer"


def test_it_reads_parts_of_all_types(tmp_path: Path) -> None:
    call = '{"name": "ls", "arguments": {"p": "."}, "tool_call_id": "k1"}'
    result = '{"name": "ls", "output": "a.py", "tool_call_id": "k1", "exception": "Oops"}'
    path = database(
        tmp_path / "logs.db",
        OLD + NEW,
        threads=[{"id": "d" * 26, "tip_message_hash": "r"}],
        messages=[message("a", None, "assistant"), message("r", "a", "tool")],
        parts=[part(1, "a", "Hm.", "reasoning"), part(2, "a", "hi"), part(3, "a", "", "tool_call", payload=call),
               part(4, "r", "", "tool_result", payload=result), part(5, "a", "", "novelty", payload="{}")],
    )  # fmt: skip
    answer, made, got = drafts(events_of(path))
    assert (answer.response, answer.reasoning, made.tool_parameters) == ("hi", "Hm.", {"p": "."})
    assert (got.response, got.status, got.tool_name) == ("a.py", "error", "ls")


def test_it_merges_both_generations_and_tells_nothing_twice(tmp_path: Path) -> None:
    repeated = response(7, "hello", "hi") | {"id": "t1"}
    path = new(tmp_path, responses=[response(1, "long ago", "indeed"), repeated], conversations=[{"id": "c" * 26}])
    events = events_of(path)
    assert told(events)[:2] == [("user", "long ago"), ("agent", "indeed")]
    assert len({session.session_id for session in sessions(events)}) == 2
    assert [aside.reason for aside in asides(events)] == ["a response that stands among the turns"]


def test_a_later_copy_adds_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    earlier = events_of(old(tmp_path, response(1, "hello", "hi")))
    later = events_of(old(tmp_path / "later", response(1, "hello", "hi"), response(2, "more", "there")))
    assert keys(earlier) < keys(later)


def test_an_empty_conversation_is_an_empty_session(tmp_path: Path) -> None:
    events = events_of(old(tmp_path))
    assert ([session.title for session in sessions(events)], drafts(events)) == (["A greeting"], [])


def test_it_reads_a_database_in_an_archive(tmp_path: Path) -> None:
    path = old(tmp_path, response(1, "hello", "hi"))
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.write(path, "logs.db")
    path.unlink()
    assert told(events_of(tmp_path)) == [("user", "hello"), ("agent", "hi")]


# --- strangers --------------------------------------------------------------------------------------------------


def hostile(path: Path, *statements: str) -> list[ImportEvent]:
    """A log whose schema was tampered with; what SQLite would not let through goes in by its back door."""
    old(path, response(1, "hello", "hi"))
    with closing(sqlite3.connect(path / "logs.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    began = time.process_time()
    events = events_of(path / "logs.db")
    assert time.process_time() - began < 5
    return events


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i"
LIKE_RESPONSES = f"{ENDLESS} AS id, 'x' AS conversation_id, 'x' AS prompt, 'x' AS response, 'x' AS datetime_utc FROM n"


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE responses", f"CREATE VIEW responses AS {LIKE_RESPONSES}"],
        ["ALTER TABLE responses ADD COLUMN evil GENERATED ALWAYS AS (hex(zeroblob(100000000))) VIRTUAL"],
        ["DROP TABLE responses", "CREATE VIRTUAL TABLE responses USING fts5(id, prompt, response)"],
        ["CREATE TRIGGER t AFTER INSERT ON responses BEGIN SELECT 1; END"],
        [f"CREATE VIEW threads AS {ENDLESS} AS id, 'x' AS tip_message_hash FROM n"],
        [
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE TABLE responses (id' WHERE name = 'responses'",
        ],
        ["PRAGMA writable_schema = ON", "UPDATE sqlite_master SET rootpage = 3"],
        ["PRAGMA writable_schema = ON", "UPDATE sqlite_master SET sql = NULL, name = 7"],
    ],
)
def test_a_hostile_schema_does_nothing(tmp_path: Path, statements: list[str]) -> None:
    for event in asides(hostile(tmp_path, *statements)):
        assert "hello" not in event.reason


def test_it_never_writes_and_never_touches_what_lies_beside(tmp_path: Path) -> None:
    path = old(tmp_path, response(1, "hello", "hi"))
    beside = tmp_path / "logs.db-journal"
    beside.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 600)
    before = (path.read_bytes(), beside.read_bytes())
    assert told(events_of(path)) == [("user", "hello"), ("agent", "hi")]
    assert (path.read_bytes(), beside.read_bytes()) == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["logs.db", "logs.db-journal"]


def test_values_of_any_type_anywhere_are_taken(tmp_path: Path) -> None:
    strange = [response(n, value, value, system=value, model=value, input_tokens=value, datetime_utc=value)
               for n, value in enumerate([b"\xff\x00", 7, -1.5, 9e999, None, "\x00", 2**62])]  # fmt: skip
    events = events_of(old(tmp_path, *strange))
    assert len([draft for draft in drafts(events) if draft.kind == "agent_response"]) == len(strange)


def test_a_value_too_large_costs_its_row_alone(tmp_path: Path) -> None:
    huge = "x" * (33 * 2**20)
    events = events_of(old(tmp_path, response(1, "hello", "hi"), response(2, huge, "no"), response(3, "more", "there")))
    assert told(events) == [("user", "hello"), ("agent", "hi"), ("user", "more"), ("agent", "there")]
    assert [aside.damaged for aside in asides(events)] == [True]


def test_rings_among_messages_end(tmp_path: Path) -> None:
    path = database(
        tmp_path / "logs.db",
        OLD + NEW,
        threads=[{"id": "d" * 26, "tip_message_hash": "b"}],
        messages=[message("a", "b", "user"), message("b", "a", "assistant")],
        parts=[part(1, "a", "one"), part(2, "b", "two")],
    )
    assert {words for _, words in told(events_of(path))} == {"one", "two"}


def in_use(path: Path, *responses: dict[str, Any]) -> sqlite3.Connection:
    """A connection to a database of which these responses stand in the log alone."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for row in responses:
        marks = ", ".join("?" for _ in row)
        connection.execute(f"INSERT INTO responses ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    return connection


def test_what_stands_in_the_log_beside_the_database_is_read(tmp_path: Path) -> None:
    path = old(tmp_path, response(1, "hello", "hi"))
    with closing(in_use(path, response(2, "more", "again"))):
        before = sorted((one.name, one.stat().st_size) for one in tmp_path.iterdir())
        events = events_of(tmp_path)
        assert sorted((one.name, one.stat().st_size) for one in tmp_path.iterdir()) == before
    assert told(events) == [("user", "hello"), ("agent", "hi"), ("user", "more"), ("agent", "again")]
    assert {aside.reason for aside in asides(events)} == {"a part of the database beside it"}


def test_a_log_that_is_a_link_or_damaged_costs_only_what_is_in_it(tmp_path: Path) -> None:
    path = old(tmp_path, response(1, "hello", "hi"))
    in_use(path).close()
    path.with_name("logs.db-wal").write_bytes(random.Random(1).randbytes(5_000))
    assert told(list(only(path).read())) == [("user", "hello"), ("agent", "hi")]
    path.with_name("logs.db-wal").unlink()
    path.with_name("logs.db-wal").symlink_to(path)
    assert told(list(only(path).read())) == [("user", "hello"), ("agent", "hi")]


def test_a_log_beside_a_database_in_an_archive_is_mentioned(tmp_path: Path) -> None:
    path = old(tmp_path, response(1, "hello", "hi"))
    in_use(path).close()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path)
    events = events_of(tmp_path / "a.zip")
    assert told(events) == [("user", "hello"), ("agent", "hi")]
    assert [aside.reason for aside in asides(events)] == ["a database that may have a log beside it, which is not read"]


@pytest.mark.parametrize("missing", ["b", "\0", "a\u2028b"])
def test_a_message_that_is_not_there_is_named_in_one_printable_line(tmp_path: Path, missing: str) -> None:
    path = database(
        tmp_path / "logs.db",
        OLD + NEW,
        threads=[{"id": "d" * 26, "tip_message_hash": "c"}],
        messages=[message("c", missing, "assistant")],
        parts=[part(2, "c", "two")],
    )
    events = events_of(path)
    assert [aside.reason for aside in asides(events)] == ["a message that is not there"]
    assert all(aside.place.isprintable() for aside in asides(events))
    assert told(events) == [("agent", "two")]


def test_no_damage_raises_or_hangs(tmp_path: Path) -> None:
    whole = new(tmp_path, responses=[response(n, f"prompt {n}", "x" * 2000) for n in range(20)]).read_bytes()
    chance = random.Random(5)
    path = tmp_path / "damaged.db"
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.randint(1, len(data))] if chance.random() < 0.3 else data)
        began = time.process_time()
        only(path)
        list(only(path).read())
        assert time.process_time() - began < 5
