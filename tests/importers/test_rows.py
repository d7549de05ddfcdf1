"""Rows in whichever container: lines, arrays, one object, lists of lists."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from sessions.importers.formats import Input
from sessions.importers.rows import first_rows, read_rows
from sessions.records import SetAside

ONE, TWO = {"n": 1}, {"n": 2, "text": "a\nb"}


def rows_of(data: bytes) -> list[Any]:
    found = read_rows(Input(Path("r"), io.BytesIO(data), data))
    return [row.reason if isinstance(row, SetAside) else row.record for row in found]


CONTAINERS = {
    "lines": b"\n".join(json.dumps(row).encode() for row in (ONE, TWO)),
    "lines with blanks": b"\xef\xbb\xbf\n" + json.dumps(ONE).encode() + b"\r\n\n" + json.dumps(TWO).encode() + b"\n",
    "an array": json.dumps([ONE, TWO]).encode(),
    "an indented array": json.dumps([ONE, TWO], indent=2).encode(),
    "an array on lines": b"[\n" + json.dumps(ONE).encode() + b",\n" + json.dumps(TWO).encode() + b"\n]\n",
    "objects, indented": json.dumps(ONE, indent=2).encode() + b"\n" + json.dumps(TWO, indent=2).encode(),
}


@pytest.mark.parametrize("data", CONTAINERS.values(), ids=CONTAINERS)
def test_it_reads_rows_in_any_container(data: bytes) -> None:
    assert rows_of(data) == [ONE, TWO]
    assert list(first_rows(data)) == [ONE, TWO]


@pytest.mark.parametrize("data", [b"[[1]]", b"7", b"", b"[", b"null\nnull\n", b"\x00" * 100, b"[" * 5000])
def test_what_holds_no_rows_gives_none(data: bytes) -> None:
    assert first_rows(data) == ()
    assert not any(isinstance(row, dict) for row in rows_of(data))


@pytest.mark.parametrize(
    "data", [b'[{"n": 1}]\n[{"n": 2}]\n', b'[[{"n": 1}], [{"n": 2}]]', b'[\n [{"n": 1}],\n [{"n": 2}]\n]']
)
def test_a_list_of_objects_is_the_row_of_its_messages(data: bytes) -> None:
    assert rows_of(data) == [{"messages": [{"n": 1}]}, {"messages": [{"n": 2}]}]


def test_a_damaged_first_line_does_not_make_lines_a_document() -> None:
    lines = b"\n".join(json.dumps({"n": n}).encode() for n in range(4))
    assert rows_of(b'{"n": \n' + lines) == ["not JSON", *({"n": n} for n in range(4))]
