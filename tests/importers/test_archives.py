"""ZIP archives are folders of files that are streamed; what only a bomb or a trick would hold is refused."""

import io
import stat
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.importers import archives, open_sources
from sessions.records import ImportEvent

from .builders import asides, events_of, line_of, record, said, texts, write

LINE = line_of(record("user", "u1", said("hello"))) + b"\n"


def packed(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def reasons(events: list[ImportEvent]) -> list[tuple[str, bool]]:
    return [(aside.reason, aside.damaged) for aside in asides(events)]


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_is_a_folder_of_files(tmp_path: Path, method: int) -> None:
    names = ["b/z.jsonl", "b/a/subagents/agent-1.jsonl", "b/a.jsonl", "a.jsonl", "c.txt"]
    path = packed(tmp_path / "export.dat", ("b/", b""), *((name, LINE) for name in names), method=method)
    sources = list(open_sources(tmp_path))
    assert [str(source.path.relative_to(path)) for source in sources] == [
        "a.jsonl", "c.txt", "b/a.jsonl", "b/z.jsonl", "b/a/subagents/agent-1.jsonl",
    ]  # fmt: skip
    assert {source.format_name for source in sources} == {"claude-code"}
    for source in sources:
        assert texts(list(source.read())) == ["hello"]
        assert source.bytes_read == source.size_bytes == len(LINE)


@pytest.mark.thorough
def test_it_reads_large_archives_with_sizes_in_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(66_000):
            archive.writestr(f"{number:06}.txt", b"")
        with archive.open("last.jsonl", "w", force_zip64=True) as member:
            member.write(LINE)
    sources = list(open_sources(path))
    assert len(sources) == 66_001
    assert texts(list(sources[-1].read())) == ["hello"]


def test_it_reads_an_archive_written_as_a_stream(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", LINE)
    path = tmp_path / "streamed.zip"
    path.write_bytes(pipe.getvalue())
    assert texts(events_of(path)) == ["hello"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/cron.d/x", "a path that leads out of its archive"),
        ("/etc/passwd", "a path that leads out of its archive"),
        ("a/../../b", "a path that leads out of its archive"),
        ("..\\x", "a path that leads out of its archive"),
        ("C:\\x", "a path that leads out of its archive"),
        (link("shadow"), "a symbolic link"),
        ("x" * 1_001, "a name too long"),
    ],
)
def test_tricks_are_refused_and_the_rest_is_read(tmp_path: Path, name: Any, reason: str) -> None:
    path = packed(tmp_path / "a.zip", (name, LINE), ("good.jsonl", LINE))
    events = events_of(path)
    assert (texts(events), reasons(events)) == (["hello"], [(reason, True)])


def test_an_archive_within_one_is_not_opened(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner", ("a.jsonl", LINE)).read_bytes()
    path = packed(tmp_path / "outer.zip", ("inner.zip", inner))
    assert reasons(events_of(path)) == [("an archive within an archive", False)]


def test_a_name_that_stands_twice_is_read_once(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        path = packed(tmp_path / "a.zip", ("a.jsonl", LINE), ("a.jsonl", LINE))
    events = events_of(path)
    assert texts(events) == ["hello"]
    assert reasons(events) == [("a name that stands twice in its archive", True)]


def test_what_is_encrypted_or_packed_otherwise_is_named(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("a.jsonl", LINE), method=zipfile.ZIP_LZMA)
    assert reasons(events_of(path)) == [("packed in a way that is not known", True)]
    data = bytearray(packed(tmp_path / "b.zip", ("a.jsonl", LINE)).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    assert reasons(events_of(tmp_path / "b.zip")) == [("encrypted", True)]


def test_a_damaged_member_gives_what_is_whole_and_costs_no_neighbour(tmp_path: Path) -> None:
    lines = b"".join(line_of(record("user", f"u{n}", said(f"text {n}"))) + b"\n" for n in range(20_000))
    path = packed(tmp_path / "a.zip", ("a.jsonl", lines), ("b.jsonl", LINE))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    events = events_of(path)
    assert ("a damaged archive", True) in reasons(events)
    assert texts(events)[-1] == "hello"
    assert len(texts(events)) > 1_000


@pytest.mark.parametrize("cut", [5, 40, 100])
def test_a_torn_archive_is_named(tmp_path: Path, cut: int) -> None:
    path = packed(tmp_path / "a.zip", ("a.jsonl", LINE * 10))
    path.write_bytes(path.read_bytes()[:-cut])
    assert reasons(events_of(path))[0] == ("an archive without its end", True)


def test_a_member_packed_too_tightly_is_refused_unread(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("zeros", b"\0" * 20_000_000), ("a.jsonl", LINE * 2))
    events = events_of(path)
    assert ("packed more tightly than any text", True) in reasons(events)
    assert texts(events)[0] == "hello"


# --- bombs ------------------------------------------------------------------------------------------------------


def overlapping(size_bytes: int) -> bytes:
    """An archive whose directory names one member's bytes many times over."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("000000", b"\0" * size_bytes)
    data = buffer.getvalue()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[at:end]
    directory = b"".join(entry.replace(b"000000", b"%06d" % number) for number in range(1_000))
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 1_000, 1_000, len(directory))
    return data[:at] + directory + tail


def lying(members: int, stated: int) -> bytes:
    """An archive whose directory holds more entries than its end says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}", b"")
    data = bytearray(buffer.getvalue())
    struct.pack_into("<HH", data, data.rindex(b"PK\x05\x06") + 8, stated, stated)
    return bytes(data)


def too_many() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(archives.MAX_MEMBERS + 1):
            archive.writestr(f"{number}", b"")
    return buffer.getvalue()


def huge_in_all() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(300):
            archive.writestr(f"{number}", b"\0" * archives.UNSUSPECTED_BYTES)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: overlapping(1_000_000), "an archive whose files overlap"),
        (lambda: overlapping(1_000_000_0), "an archive that unpacks to absurdly much"),
        (lambda: lying(10_000, 10), "an archive of more files than it says"),
        (too_many, "an archive of too many files"),
        pytest.param(huge_in_all, "an archive that unpacks to absurdly much", marks=pytest.mark.thorough),
    ],
)
def test_bombs_are_refused_at_once(tmp_path: Path, make: Any, reason: str) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(make())
    start = time.process_time()
    tracemalloc.start()
    try:
        found = reasons(events_of(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [(reason, True)]
    assert peak < 100 * 2**20
    assert time.process_time() - start < 2


def test_a_member_larger_than_its_directory_says_is_cut(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path / "a.zip", ("a.jsonl", LINE * 1000)).read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, len(LINE))
    (tmp_path / "a.zip").write_bytes(data)
    assert reasons(events_of(tmp_path / "a.zip")) == [("a damaged archive", True)]


def test_nothing_is_written_to_the_disk(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("deep/a.jsonl", LINE))
    events_of(path)
    assert list(tmp_path.rglob("*")) == [path]


SMALL = ("a.jsonl", LINE), ("b/c.jsonl", LINE * 3), (link("l"), b"x")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
@given(st.data())
def test_no_damage_ever_raises(tmp_path: Path, data: st.DataObject) -> None:
    path = packed(tmp_path / "a.zip", *SMALL)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path.write_bytes(content)
    assert events_of(path)


def test_plain_files_beside_archives_are_read_as_ever(tmp_path: Path) -> None:
    write(tmp_path / "z.jsonl", record("user", "u2", said("plain")))
    packed(tmp_path / "a.zip", ("a.jsonl", LINE))
    assert texts(events_of(tmp_path)) == ["hello", "plain"]


def test_an_empty_archive_is_named(tmp_path: Path) -> None:
    assert reasons(events_of(packed(tmp_path / "a.zip", ("folder/", b"")))) == [("an empty archive", False)]
