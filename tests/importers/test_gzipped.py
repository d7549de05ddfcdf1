"""Files packed by gzip: read as what is in them, and no bomb goes off."""

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest

from sessions.importers import open_sources

from .builders import asides, events_of, line_of, only, record, said
from .telling import told


def packed(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data))
    return path


def transcript(texts: int = 3) -> bytes:
    return b"".join(line_of(record("user", f"u{n}", said(f"hello {n}"))) + b"\n" for n in range(texts))


def test_it_reads_what_is_in_it(tmp_path: Path) -> None:
    source = only(packed(tmp_path / "t.jsonl.gz", transcript()))
    assert (source.format_name, source.path.name, source.size_bytes) == ("claude-code", "t.jsonl", len(transcript()))
    assert told(list(source.read())) == [("user", "hello 0"), ("user", "hello 1"), ("user", "hello 2")]
    assert source.bytes_read == source.size_bytes


def test_several_packed_one_after_the_other_are_one(tmp_path: Path) -> None:
    path = tmp_path / "t.gz"
    first, second = (line_of(record("user", uuid, said(uuid))) + b"\n" for uuid in ("u1", "u2"))
    path.write_bytes(gzip.compress(first) + gzip.compress(second) + b"\0" * 100)
    assert told(events_of(path)) == [("user", "u1"), ("user", "u2")]


def test_what_stands_before_damage_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.gz"
    whole = gzip.compress(transcript(2000))
    path.write_bytes(whole[: len(whole) * 3 // 4])
    events = events_of(path)
    assert len(told(events)) > 500
    assert asides(events)[-1].reason == "a damaged archive"


@pytest.mark.parametrize(
    "data",
    [b"\x1f\x8b\x08", b"\x1f\x8b\x08" + os.urandom(500), gzip.compress(b"")],
    # Names that every process of a run agrees on: the bytes differ from one to the next.
    ids=["torn", "random", "empty"],
)
def test_it_sets_aside_what_cannot_be_unpacked(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.gz"
    path.write_bytes(data)
    assert [aside.reason for aside in asides(events_of(path))] in (["a damaged archive"], ["an empty file"])


def test_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(transcript(1))
        for _ in range(300):
            file.write(b" " * 2**20)
    tracemalloc.start()
    try:
        events = events_of(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert asides(events)[-1].reason in ("packed more tightly than any text", "a line too long")
    assert peak < 100 * 2**20


def test_an_archive_within_is_not_opened(tmp_path: Path) -> None:
    path = packed(tmp_path / "twice.gz", gzip.compress(transcript()))
    assert [aside.reason for aside in asides(events_of(path))] == ["an archive within an archive"]
    assert len(list(open_sources(tmp_path))) == 1
