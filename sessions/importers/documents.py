"""Whole JSON documents read as a stream: the objects in them, each with its place, in bounded memory.

An array of conversations may take gigabytes, so nothing larger than one of its items is ever held. An item that is
damaged costs none of its neighbours; a document that breaks off gives all that is whole before the break.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby, islice
from typing import Any

from sessions.records import JSON, SetAside

from .formats import Input, set_aside
from .jsonl import MAX_DEPTH, Line, Unreadable, parse_part
from .slicing import MAX_PIECE_BYTES, Piece, Slicer

__all__ = [
    "Piece",
    "first_members",
    "first_objects",
    "members_of",
    "object_of",
    "read_documents",
    "read_members",
    "read_objects",
]

_MOST_LOOKED_AT = 100


def read_objects(source: Input) -> Iterator[Line | SetAside]:
    """Every object of a document: the items of a top-level array, a lone object, or several one after the other.

    Each comes with its own bytes and its place, "file:[12]" for an item of an array and "file:1" for a value that
    stands for itself. What is no object, or none that the store could hold, is set aside with the reason, by the
    rules of `jsonl.parse_part`. Holds one item at a time.
    """
    for piece in read_pieces(source):
        yield piece if isinstance(piece, SetAside) else object_of(piece)


def read_pieces(source: Input) -> Iterator[Piece | SetAside]:
    """The same, not parsed yet, for formats whose objects are large: `members_of` looks into them."""
    return Slicer(source.read_some, source.place).items()


def read_members(
    source: Input, opened: frozenset[str], largest_bytes: int = MAX_PIECE_BYTES
) -> Iterator[Piece | SetAside]:
    """The members of a lone object, one at a time, in the file's order; of `opened` ones what is in them.

    Places are "file:name", "file:name[12]" and "file:name.key". So an object that does not fit into memory can be read.
    """
    return Slicer(source.read_some, source.place, largest_bytes).items(opened)


def read_documents(
    source: Input, opened: frozenset[str], largest_bytes: int = MAX_PIECE_BYTES
) -> Iterator[Iterator[Piece | SetAside]]:
    """The same for a file of several objects, one after the other: the members of each, before those of the next."""
    slicer = Slicer(source.read_some, source.place, largest_bytes)
    for _, members in groupby(slicer.items(opened), key=lambda _: slicer.document):
        yield members


def members_of(piece: Piece, opened: frozenset[str] = frozenset()) -> Iterator[Piece | SetAside]:
    """The members of an object that is held already, each with its own bytes: one that is damaged costs no other."""
    # The place ends as a path within the document would: "file:[12]" and "title" give "file:[12].title".
    for found in Slicer.of(piece.raw).items(opened):
        place = f"{piece.place}.{found.place[1:]}"
        if isinstance(found, SetAside):
            yield set_aside(place, found.reason, damaged=True, raw=found.raw)
        else:
            yield replace(found, place=place)


def object_of(piece: Piece, parsed: Callable[[bytes], JSON] = parse_part) -> Line | SetAside:
    """A piece as an object, or set aside with the reason."""
    try:
        record = parsed(piece.raw)
    except Unreadable as error:
        return set_aside(piece.place, error.reason, damaged=True, raw=piece.raw)
    if type(record) is not dict:
        return set_aside(piece.place, "not an object", damaged=True, raw=piece.raw)
    return Line(piece.place, piece.raw, record)


# --- recognising ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def first_objects(head: bytes) -> tuple[dict[str, Any], ...]:
    """The objects of a document as far as its beginning holds them, the last closed where the beginning is cut.

    Those of a top-level array, or those that stand for themselves (the lines of JSON Lines as well); what is no
    object is passed. For recognising a format: every format asks, so the last answer is remembered; it must not be
    changed.
    """
    found: list[dict[str, Any]] = []
    for piece in islice(Slicer.of(head).items(), _MOST_LOOKED_AT):
        line = piece if isinstance(piece, SetAside) else object_of(piece)
        # Damage somewhere inside, or the cut, does not hide what it is the inside of.
        value: JSON = line.record if isinstance(line, Line) else _closed(line.raw)
        if type(value) is dict:
            found.append(value)
    return tuple(found)


def first_members(head: bytes) -> dict[str, Any]:
    """The first object of `first_objects`, or an empty one."""
    objects = first_objects(head)
    return objects[0] if objects else {}


_JOINT = re.compile(rb'[\[\]{},]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_CLOSING = {b"[": b"]", b"{": b"}"}


def _closed(raw: bytes) -> JSON:
    """The beginning of a value, without what is not whole or too deep and with its brackets closed; None for none."""
    open_brackets: list[bytes] = []
    end = 0
    for found in _JOINT.finditer(raw):
        sign = found[0]
        if sign in _CLOSING:
            if len(open_brackets) == MAX_DEPTH:
                break
            open_brackets.append(_CLOSING[sign])
        elif sign in (b"]", b"}"):
            if not open_brackets or open_brackets.pop() != sign:
                return None
        elif sign != b",":
            continue
        # Ahead of a comma, and next to a bracket, all that was begun is whole.
        end = found.start() if sign == b"," else found.end()
    try:
        return json.loads(raw[:end] + b"".join(reversed(open_brackets)))
    except (ValueError, RecursionError):
        return None
