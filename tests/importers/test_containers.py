"""The same records in another container or encoding, or with other ends of line: the same interactions and keys."""

import codecs
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessions.importers import open_sources
from sessions.importers.formats import HEAD_BYTES
from sessions.importers.sources import FORMATS

from .builders import asides, events_of, line_of, only, record, said, texts
from .exports import chatgpt, node
from .telling import FIXTURES, keys, told

RECORDS = [record("user", "u1", said("hello")), record("assistant", "a1", said("hi"), "u1")]
LINES = b"".join(line_of(one) + b"\n" for one in RECORDS)
TEXTS = [path for path in sorted(FIXTURES.rglob("*.json*")) if "hostile" not in path.parts and path.stem != "README"]
NAMED = [path for path in TEXTS if not path.name.endswith(".meta.json") and "subagents" not in path.parts]
# Records that have no ID of their own are known by their bytes, which another writer writes otherwise.
WITHOUT_IDS = {"ccusage__project-alpha.jsonl", "jazzyalex__small.jsonl"}


def values_of(data: bytes) -> list[Any]:
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except ValueError:
        return [json.loads(line) for line in data.splitlines() if line.strip()]
    return value if isinstance(value, list) else [value]


REWRITINGS: dict[str, Callable[[bytes], bytes]] = {
    "as an array": lambda data: json.dumps(values_of(data)).encode(),
    "as an array over many lines": lambda data: json.dumps(values_of(data), indent=2).encode(),
    "one after the other over many lines": lambda data: "\n".join(
        json.dumps(one, indent=2) for one in values_of(data)
    ).encode(),
    "in an object": lambda data: json.dumps({"version": 1, "conversations": values_of(data)}).encode(),
    "on lines": lambda data: b"".join(json.dumps(one).encode() + b"\n" for one in values_of(data)),
}
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "carriage returns": lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "a mark of the byte order": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode("utf-8-sig").encode("utf-16"),
    "UTF-16 the other way round": lambda data: codecs.BOM_UTF16_BE + data.decode("utf-8-sig").encode("utf-16-be"),
    "blank lines ahead": lambda data: b"\n\r\n" + data,
}


def written(folder: Path, like: Path, data: bytes) -> Path:
    path = folder / like.name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ENCODINGS)
@pytest.mark.parametrize("path", NAMED, ids=lambda path: path.name)
def test_another_encoding_changes_nothing(path: Path, how: str, tmp_path: Path) -> None:
    events = events_of(written(tmp_path, path, ENCODINGS[how](path.read_bytes())))
    assert told(events) == told(events_of(path)) != []
    assert keys(events) == keys(events_of(path))


@pytest.mark.parametrize("how", REWRITINGS)
@pytest.mark.parametrize("path", NAMED, ids=lambda path: path.name)
def test_another_container_changes_nothing(path: Path, how: str, tmp_path: Path) -> None:
    events = events_of(written(tmp_path, path, REWRITINGS[how](path.read_bytes())))
    assert sorted(told(events)) == sorted(told(events_of(path)))
    if path.name not in WITHOUT_IDS and path.parent.name != "codex-cli":
        assert keys(events) == keys(events_of(path))


def test_what_stands_beside_the_wrapped_records_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"exported": 1, "conversations": [chatgpt(node("u1", None, "user", "q"))], "é": [2]}))
    events = events_of(path)
    assert texts(events) == ["q"]
    assert [(aside.reason, aside.raw) for aside in asides(events)] == [
        ("members around the records", b'"exported": 1\n"\\u00e9": [2]\n')
    ]


def test_a_torn_array_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(b"[" + LINES.replace(b"\n", b",")[:-20])
    events = list(only(path).read())
    assert texts(events) == ["hello"]
    assert any(aside.damaged for aside in asides(events))


def test_progress_ends_at_the_files_size(tmp_path: Path) -> None:
    for data in (json.dumps(RECORDS).encode(), LINES.decode().encode("utf-16")):
        path = tmp_path / "t.json"
        path.write_bytes(data)
        source = only(path)
        list(source.read())
        assert source.bytes_read == source.size_bytes == len(data)


def test_half_a_character_at_the_end_costs_its_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes((LINES + LINES[:30]).decode().encode("utf-16")[:-1])
    events = list(only(path).read())
    assert texts(events) == ["hello", "hi"]
    assert [aside.reason for aside in asides(events)] == ["a torn last line"]


def test_a_format_that_is_known_as_it_is_stays_what_it_is(tmp_path: Path) -> None:
    for path in TEXTS:
        head = path.read_bytes()[:HEAD_BYTES]
        direct = [format.name for format in FORMATS if format.recognises(head)]
        assert [source.format_name for source in open_sources(path)] == direct, path


@pytest.mark.thorough
@pytest.mark.parametrize(
    "data",
    [
        b"[" * 3_000_000,
        b'{"conversations": [' * 200_000,
        b"[" + b'{"a": 1}, ' * 2_000_000,
        b'["' + b"x" * 60_000_000,
        b"\xff\xfe" + b"[\0" * 3_000_000,
        b"\xff\xfe" + b"{\0" + b'"\0' * 10_000_000,
    ],
    ids=["brackets", "objects", "items", "a text", "brackets in UTF-16", "quotes in UTF-16"],
)
def test_a_bomb_costs_little_time_and_memory(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(data)
    del data
    began = time.process_time()
    assert not any(source.format_name for source in open_sources(path))
    assert time.process_time() - began < 2
    tracemalloc.start()
    events_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 1024 * 1024


def test_a_bomb_behind_a_record_costs_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(b"[" + line_of(RECORDS[0]) + b',"' + b"x" * 80_000_000)
    tracemalloc.start()
    began = time.process_time()
    events = events_of(path)
    elapsed = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert texts(events) == ["hello"]
    assert (elapsed < 2, peak < 100 * 1024 * 1024) == (True, True), (elapsed, peak)
