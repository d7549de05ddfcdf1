import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from sessions.errors import NotFound
from sessions.importers import open_sources

from .builders import asides, events_of, interactions, only, record, said, sessions, write


def test_it_walks_a_tree_in_order_with_files_before_folders(tmp_path: Path) -> None:
    for name in ("b/z.jsonl", "b/a.jsonl", "b/a/subagents/agent-1.jsonl", "a.jsonl", "c.txt"):
        write(tmp_path / name, record("user", "u1", said("hello")))
    paths = [str(source.path.relative_to(tmp_path)) for source in open_sources(tmp_path)]
    assert paths == ["a.jsonl", "c.txt", "b/a.jsonl", "b/z.jsonl", "b/a/subagents/agent-1.jsonl"]


def test_it_recognises_by_content_and_never_by_name(tmp_path: Path) -> None:
    source = only(write(tmp_path / "holiday.png", record("user", "u1", said("hello"))))
    assert source.format_name == "claude-code"
    (aside,) = events_of(write(tmp_path / "s1.jsonl", {"type": "message", "text": "of some other program"}))
    assert (aside.reason, aside.damaged) == ("not a known format", False)  # type: ignore[union-attr]


def test_it_recognises_a_file_whose_first_line_is_longer_than_its_head(tmp_path: Path) -> None:
    long = {"parentUuid": None, "isSidechain": False, "type": "user", "message": {"content": "x" * 2**20}}
    source = only(write(tmp_path / "t.jsonl", long | {"uuid": "u1", "sessionId": "s1"}))
    assert source.format_name == "claude-code"
    assert len(interactions(list(source.read()))) == 1


def test_it_says_that_a_file_is_empty(tmp_path: Path) -> None:
    assert [aside.reason for aside in asides(events_of(write(tmp_path / "empty.jsonl")))] == ["an empty file"]


def test_it_knows_sizes_before_and_progress_while_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", *(record("user", f"u{n}", said("x" * 200)) for n in range(5)))
    source = only(path)
    assert (source.size_bytes, source.bytes_read) == (path.stat().st_size, 0)
    seen = [source.bytes_read for _ in source.read()]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] == source.bytes_read == source.size_bytes
    assert source.records_read == 5


def test_a_source_that_was_read_holds_only_numbers(tmp_path: Path) -> None:
    write(tmp_path / "big.jsonl", record("user", "u1", said("x" * 2**18)))
    sources = list(open_sources(tmp_path))
    tracemalloc.start()
    try:
        count = sum(1 for source in sources for _ in source.read())
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert count == 2
    assert held < 2**17


def test_it_never_opens_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(write(tmp_path.parent / "outside.jsonl", record("user", "u1", said("hello"))))
    (tmp_path / "loop").symlink_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        found = asides(events_of(tmp_path))
    assert {(Path(aside.place).name, aside.reason) for aside in found} == {
        ("fifo", "not a regular file"),
        ("socket", "not a regular file"),
        ("link", "a symbolic link"),
        ("loop", "a symbolic link"),
    }
    assert [aside.reason for aside in asides(events_of(Path("/dev/null")))] == ["not a regular file"]


def test_it_does_not_wait_on_a_fifo_that_took_a_files_place(tmp_path: Path) -> None:
    source = only(write(tmp_path / "t.jsonl", record("user", "u1", said("hello"))))
    source.path.unlink()
    os.mkfifo(source.path)
    (aside,) = asides(list(source.read()))
    assert (aside.reason, aside.damaged) == ("cannot be read: not a regular file", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_it_sets_aside_what_it_may_not_read(tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl", record("user", "u1", said("hello"))).chmod(0)
    (aside,) = asides(events_of(tmp_path))
    assert (aside.reason, aside.damaged) == ("cannot be read: Permission denied", True)


def test_it_sets_aside_what_vanishes_before_it_is_read(tmp_path: Path) -> None:
    source = only(write(tmp_path / "t.jsonl", record("user", "u1", said("hello"))))
    source.path.unlink()
    assert [aside.damaged for aside in asides(list(source.read()))] == [True]


def test_it_refuses_a_path_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_sources(tmp_path / "nowhere")


def test_it_names_places_in_one_printable_line(tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xffname\n.jsonl")
    (aside,) = asides(events_of(write(tmp_path / name, record("user", "u1", said("hello")), b"{")))
    assert aside.place.endswith("bad\\udcffname\\n.jsonl:2")


def test_one_bad_file_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", record("user", "u1", said("first"), sessionId="a"))
    (tmp_path / "b.jsonl").write_bytes(os.urandom(4096))
    write(tmp_path / "c.jsonl", record("user", "u1", said("last"), sessionId="c"))
    events = events_of(tmp_path)
    assert [session.session_id for session in sessions(events)] == ["a", "c"]
    assert len(interactions(events)) == 2
