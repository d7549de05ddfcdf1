"""Whole documents as a stream: items with their bytes and places, damage that costs no neighbour, bounded memory."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.importers import slicing
from sessions.importers.documents import (
    Piece,
    first_objects,
    members_of,
    object_of,
    read_members,
    read_objects,
)
from sessions.importers.formats import Input
from sessions.importers.jsonl import Line
from sessions.records import SetAside

from . import bombs
from .test_jsonl import DAMAGE


class Dripping(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(3)


def input_of(data: bytes, *, drips: bool = False) -> Input:
    return Input(Path("d.json"), Dripping(data) if drips else io.BytesIO(data), data)


def objects_of(data: bytes, *, drips: bool = False) -> list[Line | SetAside]:
    return list(read_objects(input_of(data, drips=drips)))


def told(found: list[Any]) -> list[tuple[str, Any]]:
    """Places, with the record or the reason for setting aside."""
    return [(one.place, one.reason if isinstance(one, SetAside) else one.record) for one in found]


@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'[{"n": 1}, {"n": 2}]', [("d.json:[0]", {"n": 1}), ("d.json:[1]", {"n": 2})]),
        (b'\xef\xbb\xbf\n{"a": [1]}\n', [("d.json:1", {"a": [1]})]),
        (b'{"n": 1}\n{"n": 2}\n', [("d.json:1", {"n": 1}), ("d.json:2", {"n": 2})]),
        (b'[{"n": 1}]\n[{"n": 2}]', [("d.json:[0]", {"n": 1}), ("d.json:2:[0]", {"n": 2})]),
        (b'[{"a": "]}\\"\\\\"}]', [("d.json:[0]", {"a": ']}"\\'})]),
        (b"[]", []),
        (b" \n", []),
        (b'[null, "x", 1.5, [2]]', [(f"d.json:[{number}]", "not an object") for number in range(4)]),
        (b"true", [("d.json:1", "not an object")]),
        (b"<html>", [("d.json:1", "not JSON")]),
    ],
)
def test_it_gives_each_object_with_its_place(data: bytes, found: list[tuple[str, Any]], drips: bool) -> None:
    assert told(objects_of(data, drips=drips)) == found


@pytest.mark.parametrize("drips", [False, True])
def test_it_gives_objects_with_their_own_bytes(drips: bool) -> None:
    data = '[ {"a":  "é\\u00e9 \\\\"} ,\n{\t"b" : 1e3 } ]'.encode()
    lines = [one for one in objects_of(data, drips=drips) if isinstance(one, Line)]
    assert [line.raw for line in lines] == ['{"a":  "é\\u00e9 \\\\"}'.encode(), b'{\t"b" : 1e3 }']


@pytest.mark.parametrize(
    ("raw", "reason"), [(raw, reason) for raw, reason in DAMAGE.items() if raw[:1] in b'{["' and raw[-1:] in b'}]"']
)
def test_a_damaged_item_costs_no_neighbour(raw: bytes, reason: str) -> None:
    if len(raw) > 10_000 or reason in ("more than one value on a line", "a key stands twice in an object"):
        return
    found = objects_of(b'[{"n": 1}, ' + raw + b', {"n": 3}]')
    assert told(found) == [("d.json:[0]", {"n": 1}), ("d.json:[1]", reason), ("d.json:[2]", {"n": 3})]


@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.parametrize(
    ("data", "raw"),
    [
        (b'[{"n": 1}, {"n": 2, "te', b'{"n": 2, "te'),
        (b'[{"n": 1}, {"n": 2, "te\\', b'{"n": 2, "te\\'),
        (b'[{"n": 1},', b""),
        (b'[{"n": 1}', b""),
    ],
)
def test_a_torn_document_gives_all_that_is_whole(data: bytes, raw: bytes, drips: bool) -> None:
    whole, torn = objects_of(data, drips=drips)
    assert isinstance(whole, Line)
    assert torn == SetAside(place="d.json:[1]", reason="a torn document", damaged=True, raw=raw)


def test_stray_brackets_and_missing_commas_cost_nothing() -> None:
    found = objects_of(b'[{"n": 1}}, {"n": 2} {"n": 3}] ] {"n": 4}')
    assert [one.record["n"] for one in found if isinstance(one, Line)] == [1, 2, 3, 4]
    assert [one.reason for one in found if isinstance(one, SetAside)] == ["not JSON", "not JSON"]


def test_it_gives_up_on_what_is_damage_throughout() -> None:
    found = objects_of(b"[" + b"}" * 100_000)
    assert len(found) == slicing.MAX_DAMAGED + 2
    assert told(found)[-1] == ("d.json", "too much damage; the rest was not read")


@pytest.mark.parametrize("drips", [False, True])
def test_it_gives_members_and_the_items_of_those_that_are_opened(drips: bool) -> None:
    data = b'{"a": {"x": [1]}, "list": [{"n": 1}, 2], "other": [3], "b": "t"}'
    pieces = list(read_members(input_of(data, drips=drips), frozenset({"list"})))
    assert pieces == [
        Piece("d.json:a", "a", b'{"x": [1]}'),
        Piece("d.json:list[0]", "list", b'{"n": 1}'),
        Piece("d.json:list[1]", "list", b"2"),
        Piece("d.json:other", "other", b"[3]"),
        Piece("d.json:b", "b", b'"t"'),
    ]


def test_it_gives_what_is_in_opened_objects() -> None:
    data = b'{"id": 1, "mapping": {"a b": {"x": 1}, "a b": 2, "c": NaN}, "mapping": {}}'
    found = list(read_members(input_of(data), frozenset({"mapping"})))
    assert found[:2] == [Piece("d.json:id", "id", b"1"), Piece("d.json:mapping.a b", "mapping", b'{"x": 1}', "a b")]
    assert found[3] == Piece("d.json:mapping.c", "mapping", b"NaN", "c")
    repeated = [one.place for one in found if isinstance(one, SetAside)]
    assert repeated == ["d.json:mapping.a b", "d.json:mapping"]


def test_pieces_of_what_is_held_are_views_of_it() -> None:
    (piece,) = members_of(Piece("f", "", b'{"a": "xyz"}'))
    assert isinstance(piece, Piece)
    assert isinstance(piece.held, memoryview)
    assert piece.raw == b'"xyz"'


def test_members_of_a_piece_are_damaged_one_by_one() -> None:
    raw = b'{"a": NaN, "b": 2, "a": 3, 4, "c" 5, "d": [6]}'
    found = list(members_of(Piece("f:[7]", "", raw)))
    assert [(one.place, one.raw) for one in found if isinstance(one, Piece)] == [
        ("f:[7].a", b"NaN"),
        ("f:[7].b", b"2"),
        ("f:[7].d", b"[6]"),
    ]
    assert [one.reason for one in found if isinstance(one, SetAside)] == [
        "a key stands twice in an object",
        "not JSON",
        "not JSON",
        "not JSON",
    ]
    first = found[0]
    assert isinstance(first, Piece)
    assert isinstance(object_of(first), SetAside)


def test_places_stay_printable_whatever_the_names() -> None:
    (piece,) = read_members(input_of(b'{"a\\n\\u2028\\ud800' + b"x" * 100 + b'": 1}'), frozenset())
    assert piece.place.isprintable()
    assert len(piece.place) < 80


# --- recognising ------------------------------------------------------------------------------------------------


def test_it_shows_the_first_objects_of_a_head_that_is_cut() -> None:
    data = json.dumps([{"id": 1}, {"id": 2, "mapping": {"a": {"b": [1, {"c": "d"}]}, "e": "never seen"}}]).encode()
    assert first_objects(data) == tuple(json.loads(data))
    seen = {"id": 2, "mapping": {"a": {"b": [1, {"c": "d"}]}}}
    assert first_objects(data[: data.index(b"never")]) == ({"id": 1}, seen)
    for length in range(len(data)):
        assert first_objects(data[:length])[:1] in ((), ({},), ({"id": 1},))


@pytest.mark.parametrize("head", [b"", b"\x00" * 100, b"[" * 1_000, b"[1, 2", b'{"a": }', b"\x80{", b"PK\x03\x04"])
def test_it_shows_nothing_where_there_is_nothing(head: bytes) -> None:
    assert [one for one in first_objects(head) if one] == []


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.skipif(not bombs.STATUS.exists(), reason="only Linux tells what a process has held at most")
@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_bomb_is_refused_within_two_seconds_and_a_hundred_megabytes(name: str) -> None:
    cost = bombs.cost_of(name)
    for _ in range(2):
        # What else the processor's caches had to hold only adds to it.
        if cost.ordinary_seconds >= 2:
            cost = bombs.cost_of(name)
    assert cost.ordinary_seconds < 2
    assert cost.peak_bytes < 100 * 2**20


# --- laws -------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(max_size=5), values, max_size=4), max_size=5), st.sampled_from([None, 1]))
def test_all_that_json_writes_comes_back(items: list[dict[str, Any]], indent: int | None) -> None:
    for ensure_ascii in (True, False):
        data = json.dumps(items, indent=indent, ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass")
        assert [one.record for one in objects_of(data, drips=True) if isinstance(one, Line)] == items


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:\\ 0aN\n', max_size=60).map(str.encode))
def test_no_bytes_ever_raise_and_none_are_lost(data: bytes) -> None:
    found = objects_of(data)
    assert told(objects_of(data, drips=True)) == told(found)
    first_objects(data)
    list(read_members(input_of(data), frozenset({"a"})))
    if data.lstrip(b"\xef\xbb\xbf \t\r\n,[]{}"):
        assert found
