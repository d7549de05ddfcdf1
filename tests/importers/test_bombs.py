"""No format, and no way in, gives a bomb more than two seconds and a hundred megabytes."""

import gzip
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.importer_seeds import FILES, seeds_by_format
from sessions.importers import open_sources

MOST_SECONDS = 2
MOST_BYTES = 100 * 1024 * 1024
SEEDS = {name: seeds[0] for name, seeds in seeds_by_format().items() if name not in (FILES, "llm")}

BOMBS = {
    "a giant text": b'"' + b"x" * 60_000_000,
    "arrays in arrays": b"[" * 10_000_000,
    "objects in objects": b'{"a":' * 5_000_000,
    "numbers": b"[0," + b"0," * 15_000_000,
    "empty arrays": b"[]," * 10_000_000,
    "empty objects": b"{}," * 10_000_000,
}


def zipped(path: Path, data: bytes) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.json", data)
    return path.read_bytes()


def beheaded(archive: bytes) -> bytes:
    return archive[: archive.rindex(b"PK\x01\x02")]


WAYS: dict[str, Callable[[Path, bytes], object]] = {
    "as it is": lambda path, data: path.write_bytes(data),
    "packed by gzip": lambda path, data: path.write_bytes(gzip.compress(data, 1)),
    "in an archive": zipped,
    "in an archive without its end": lambda path, data: path.write_bytes(beheaded(zipped(path, data))),
    "in UTF-16": lambda path, data: path.write_bytes(
        b"\xff\xfe" + data[:20_000_000].decode("latin1").encode("utf-16-le")
    ),
}


def read_all(path: Path) -> int:
    return sum(1 for source in open_sources(path) for _ in source.read())


def assert_harmless(path: Path) -> None:
    began = time.process_time()
    read_all(path)
    elapsed = time.process_time() - began
    assert elapsed < MOST_SECONDS, elapsed


@pytest.mark.thorough
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", SEEDS)
def test_a_bomb_behind_records_of_a_format_takes_little_time(tmp_path: Path, name: str, bomb: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(SEEDS[name].rstrip() + b"\n" + BOMBS[bomb])
    assert_harmless(path)


@pytest.mark.thorough
@pytest.mark.parametrize("bomb", ["a giant text", "arrays in arrays", "numbers", "empty arrays"])
@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_takes_little_time_and_memory_whichever_way_it_comes(tmp_path: Path, way: str, bomb: str) -> None:
    path = tmp_path / "bomb"
    WAYS[way](path, b"[" + SEEDS["chatgpt"] + b"," + BOMBS[bomb])
    assert_harmless(path)
    tracemalloc.start()
    read_all(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_BYTES, peak
