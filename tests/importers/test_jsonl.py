import io
from pathlib import Path

import pytest

from sessions.importers import jsonl
from sessions.importers.formats import Input
from sessions.importers.jsonl import Line, Unreadable, parse, read_lines
from sessions.records import SetAside

DAMAGE = {
    b'{"a": "\xff"}': "not UTF-8",
    b'{"a": "\xed\xa0\x80"}': "not UTF-8",
    b'{"a": "\x00"}': "NUL bytes",
    b"\x00" * 50: "NUL bytes",
    b'{"a": 1': "not JSON",
    b'{"a": "\x07"}': "not JSON",
    b'{"a": 1}{"b": 2}': "more than one value on a line",
    b'{"a": 1, "a": 2}': "a key stands twice in an object",
    b'{"a": NaN}': "NaN or Infinity",
    b'{"a": -Infinity}': "NaN or Infinity",
    b'{"a": 1e999}': "a number out of range",
    b'{"a": ' + b"9" * 400 + b"}": "a number out of range",
    b'{"a": ' + b"9" * 10_000 + b"}": "a number out of range",
    b'{"a": ' + b"[" * 61 + b"]" * 61 + b"}": "nested too deeply",
    b"[" * 1_000_000 + b"]" * 1_000_000: "nested too deeply",
    b"[1]": "not an object",
    b'"text"': "not an object",
    b"null": "not an object",
}


def lines_of(data: bytes) -> list[Line | SetAside]:
    return list(read_lines(Input(Path("t.jsonl"), io.BytesIO(data), data)))


@pytest.mark.parametrize(("raw", "reason"), DAMAGE.items(), ids=range(len(DAMAGE)))
def test_it_sets_damaged_lines_aside_with_place_and_bytes(raw: bytes, reason: str) -> None:
    before, damaged, after = lines_of(b'{"n": 1}\n' + raw + b'\n{"n": 3}\n')
    assert isinstance(before, Line)
    assert isinstance(after, Line)
    assert after.place == "t.jsonl:3"
    assert damaged == SetAside(place="t.jsonl:2", reason=reason, damaged=True, raw=raw[: 1024 * 1024])


def test_it_takes_a_last_line_without_newline_and_sets_a_torn_one_aside() -> None:
    assert [type(line) for line in lines_of(b'{"n": 1}\n{"n": 2}')] == [Line, Line]
    _, torn = lines_of(b'{"n": 1}\n{"n": 2, "te')
    assert torn == SetAside(place="t.jsonl:2", reason="a torn last line", damaged=True, raw=b'{"n": 2, "te')


def test_it_passes_blank_lines_and_takes_carriage_returns_and_a_byte_order_mark() -> None:
    lines = lines_of(b'\xef\xbb\xbf{"n": 1}\r\n\n  \n{"n": "\xe2\x80\xa8"}\n')
    assert [(line.place, line.raw) for line in lines] == [
        ("t.jsonl:1", b'{"n": 1}'),
        ("t.jsonl:4", b'{"n": "\xe2\x80\xa8"}'),
    ]


def test_it_keeps_nul_and_lone_surrogates_that_stand_as_escapes() -> None:
    assert parse(b'{"a": "\\u0000 \\ud800"}') == {"a": "\0 \ud800"}


def test_it_takes_sixty_levels() -> None:
    assert parse(b"[" * 60 + b"]" * 60)
    with pytest.raises(Unreadable):
        parse(b"[" * 61 + b"]" * 61)


def test_it_never_holds_a_line_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(jsonl, "_SKIP_BYTES", 10)
    read: list[int] = []

    class Watched(Input):
        def readline(self, limit_bytes: int) -> bytes:
            line = super().readline(limit_bytes)
            read.append(len(line))
            return line

    data = b'{"a": "' + b"x" * 5_000 + b'"}\n{"n": 2}\n'
    long, after = read_lines(Watched(Path("t.jsonl"), io.BytesIO(data), data))
    assert max(read) == 101
    assert (long.place, after.place) == ("t.jsonl:1", "t.jsonl:2")
    assert isinstance(long, SetAside)
    assert (long.reason, len(long.raw)) == ("a line too long", 101)


def test_it_takes_a_line_exactly_as_long_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 8)
    assert [type(line) for line in lines_of(b'{"n": 1}\n{"n": 22}\n{"n": 1}')] == [Line, SetAside, Line]
