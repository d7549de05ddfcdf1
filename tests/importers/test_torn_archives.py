"""Archives whose directory is missing: what is whole in them is read, the rest is named, and no bomb goes off."""

import io
import json
import random
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from sessions.importers import open_sources

from .builders import events_of, line_of, record, said, texts
from .exports import chatgpt, node
from .test_archives import packed, reasons

WITHOUT_END = ("an archive without its end", True)


def line(number: int) -> bytes:
    return line_of(record("user", f"u{number}", said(f"hello {number}"))) + b"\n"


def members(count: int = 3) -> list[tuple[str | zipfile.ZipInfo, bytes]]:
    return [(f"{number}.jsonl", line(number)) for number in range(count)]


def streamed(*named: tuple[str, bytes]) -> bytes:
    """An archive whose writer could not go back, so that each member's sizes stand behind it."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in named:
            archive.writestr(name, content)
    return pipe.getvalue()


def torn(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_all_members_are_read_where_only_the_directory_is_missing(tmp_path: Path, method: int) -> None:
    data = packed(tmp_path / "whole.zip", *members(), method=method).read_bytes()
    path = torn(tmp_path / "torn.zip", data[: data.index(b"PK\x01\x02")])
    events = events_of(path)
    assert texts(events) == ["hello 0", "hello 1", "hello 2"]
    assert reasons(events) == [WITHOUT_END]


def test_members_whose_sizes_stand_behind_them_are_read(tmp_path: Path) -> None:
    data = streamed(*((f"{number}.jsonl", line(number)) for number in range(3)))
    events = events_of(torn(tmp_path / "torn.zip", data[: data.index(b"PK\x01\x02")]))
    assert texts(events) == ["hello 0", "hello 1", "hello 2"]
    assert reasons(events) == [WITHOUT_END]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_of_a_member_that_is_torn_what_is_whole_is_read(tmp_path: Path, is_streamed: bool) -> None:
    chance = random.Random(1)
    said_by = [node(f"n{number}", None, "user", chance.randbytes(500).hex()) for number in range(50)]
    export = json.dumps([chatgpt(one, id=f"c-{one['id']}") for one in said_by])
    data = packed(tmp_path / "whole.zip", ("conversations.json", export.encode())).read_bytes()
    if is_streamed:
        data = streamed(("conversations.json", export.encode()))
    events = events_of(torn(tmp_path / "torn.zip", data[: len(data) // 2]))
    assert 15 < len(texts(events)) < 30
    assert WITHOUT_END in reasons(events)
    assert ("a damaged archive", True) in reasons(events)


def test_no_cut_raises_or_loses_a_member_that_is_whole(tmp_path: Path) -> None:
    data = packed(tmp_path / "whole.zip", *members(2)).read_bytes()
    second, directory = data.index(b"PK\x03\x04", 1), data.index(b"PK\x01\x02")
    for cut in range(4, len(data) - 22):
        found = texts(events_of(torn(tmp_path / "torn.zip", data[:cut])))
        assert found == ["hello 0", "hello 1"][: len(found)], cut
        assert len(found) >= (cut >= second) + (cut >= directory), cut


def test_damage_between_members_costs_only_what_is_damaged(tmp_path: Path) -> None:
    data = packed(tmp_path / "whole.zip", *members(), method=zipfile.ZIP_STORED).read_bytes()
    second, third = data.index(b"PK\x03\x04", 1), data.rindex(b"PK\x03\x04")
    data = data[:second] + b"\0" * 30 + data[second + 30 : data.index(b"PK\x01\x02")]
    assert texts(events_of(torn(tmp_path / "torn.zip", data))) == ["hello 0", "hello 2"]
    assert third > second


def test_tricks_are_refused_as_ever(tmp_path: Path) -> None:
    names = ["../up.jsonl", "a.jsonl", "a.jsonl", "good.jsonl"]
    with pytest.warns(UserWarning, match="Duplicate"):
        data = packed(tmp_path / "whole.zip", *((name, line(1)) for name in names)).read_bytes()
    events = events_of(torn(tmp_path / "torn.zip", data[: data.index(b"PK\x01\x02")]))
    assert texts(events) == ["hello 1", "hello 1"]
    assert {reason for reason, _ in reasons(events)} == {
        "an archive without its end", "a path that leads out of its archive", "a name that stands twice in its archive"
    }  # fmt: skip


@pytest.mark.thorough
def test_a_bomb_without_a_directory_is_refused_at_once(tmp_path: Path) -> None:
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeezed.compress(b"\0" * 200_000_000) + squeezed.flush()
    head = b"PK\x03\x04\x14\0\x08\0\x08\0" + b"\0" * 16 + b"\x01\0\0\0x"
    path = torn(tmp_path / "bomb.zip", (head + bomb) * 40)
    began = time.process_time()
    tracemalloc.start()
    found = {reason for source in open_sources(path) for reason, _ in reasons(list(source.read()))}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 2
    assert peak < 100 * 1024 * 1024
    assert found & {"an archive that unpacks to absurdly much", "packed more tightly than any text"}
