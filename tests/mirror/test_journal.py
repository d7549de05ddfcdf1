"""Operations on journal files."""

import errno
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessions.errors import DamagedLine
from sessions.mirror import journal, replay
from sessions.mirror.codec import Entry
from sessions.mirror.journal import NotAFolder, NotARegularFile, SyncFailed, Tail
from sessions.mirror.layout import Layout
from sessions.records import ProfileRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entries(*revisions: int, text: str = "x") -> list[Entry]:
    return [
        Entry(number, ProfileRecord(user_id="u", preferences={"n": text}, created_at=NOON, updated_at=NOON))
        for number in revisions
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "ab" / "abc.jsonl"
    journal.replace(path, entries(1, 2))
    return path


def append(path: Path, new: Sequence[Entry]) -> Tail:
    descriptor = journal.open_journal(path, os.O_RDWR)
    try:
        return journal.append(descriptor, journal.read_tail(descriptor), new)
    finally:
        os.close(descriptor)


def revisions(path: Path) -> int:
    image = replay.read_image(path)
    assert image.sound, image.damages
    return image.revision


def failing(error: int = errno.EIO) -> Any:
    def fail(*_: Any) -> None:
        raise OSError(error, os.strerror(error))

    return fail


def test_it_appends_at_the_tail(path: Path) -> None:
    before = path.read_bytes()
    append(path, entries(3, 4))
    assert path.read_bytes().startswith(before)
    assert revisions(path) == 4


def test_it_says_where_the_file_ends(path: Path) -> None:
    assert append(path, entries(3)) == replay.read_tail(path)
    assert replay.read_tail(path).size_bytes == path.stat().st_size


def test_it_reads_the_tail_of_long_lines(path: Path) -> None:
    append(path, entries(3, text="w" * 300_000))
    assert replay.read_tail(path).revision == 3


@pytest.mark.parametrize("cut", [1, 2, 30, 100, 200])
def test_it_never_glues_to_a_torn_tail(path: Path, cut: int) -> None:
    os.truncate(path, path.stat().st_size - cut)
    with pytest.raises(DamagedLine):
        append(path, entries(3))


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 4096, b"{}\n", b"no json at all"])
def test_it_refuses_a_file_that_is_no_journal(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DamagedLine):
        append(path, entries(3))
    assert path.read_bytes() == content


def test_it_makes_private_files_in_private_folders(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_it_leaves_no_temporary_file(path: Path) -> None:
    assert [entry.name for entry in path.parent.iterdir()] == ["abc.jsonl"]


def test_it_cuts_back_what_was_written_in_part(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = path.read_bytes(), os.pwrite

    def run_full(descriptor: int, data: Any, offset: int) -> int:
        if offset > len(before):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, bytes(data[:10]), offset)

    monkeypatch.setattr(os, "pwrite", run_full)
    with pytest.raises(OSError, match="No space"):
        append(path, entries(3))
    assert path.read_bytes() == before


def test_it_finishes_short_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, offset: write(descriptor, bytes(data[:7]), offset))
    append(path, entries(3))
    assert revisions(path) == 3


def test_it_cuts_back_what_the_disk_did_not_confirm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(os, "fdatasync", failing())
    with pytest.raises(SyncFailed):
        append(path, entries(3))
    assert path.read_bytes() == before


def test_it_replaces_all_or_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", failing())
    with pytest.raises(SyncFailed):
        journal.replace(path, entries(9))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["abc.jsonl"]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_it_follows_no_link(path: Path, flags: int) -> None:
    target = path.rename(path.with_name("elsewhere"))
    path.symlink_to(target)
    with pytest.raises(NotARegularFile):
        journal.open_journal(path, flags)


def test_it_follows_no_linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to(path.parent.with_name("elsewhere"))
    with pytest.raises(NotAFolder):
        journal.open_journal(path, os.O_RDONLY)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_it_opens_nothing_but_regular_files(path: Path, make: Any, flags: int) -> None:
    path.unlink()
    make(path)
    with pytest.raises(NotARegularFile):
        journal.open_journal(path, flags)


@pytest.mark.parametrize("mode", [0o000, 0o200])
def test_it_refuses_a_file_that_shuts_its_owner_out_even_to_root(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises((NotARegularFile, PermissionError)):
        journal.open_journal(path, os.O_RDONLY)


def test_it_says_when_there_is_no_file(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        journal.open_journal(path.with_name("other.jsonl"), os.O_RDONLY)
    with pytest.raises(FileNotFoundError):
        journal.open_journal(path.parent.parent / "zz" / "zz.jsonl", os.O_RDONLY)


def test_it_holds_a_lock_against_other_holders(tmp_path: Path) -> None:
    import fcntl

    places = Layout(tmp_path / "data")
    with journal.hold(places, "k"), places.lock("k").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with places.lock("k").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_it_finds_a_line_that_is_missing(path: Path) -> None:
    append(path, entries(3))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    assert not replay.read_image(path).sound


def test_it_finds_lines_that_changed_places(path: Path) -> None:
    append(path, entries(3))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2] + lines[1])
    assert not replay.read_image(path).sound
