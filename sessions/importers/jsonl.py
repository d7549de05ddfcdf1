"""JSON as strict as the store needs it, and JSON Lines read as a stream in which no line can do harm."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sessions.records import JSON, SetAside

from .formats import Input, set_aside

MAX_LINE_BYTES = 32 * 1024 * 1024
"""A longer line is set aside without being held.

Pictures and PDFs stand in lines as base64, so they are long; 32 MB is what the largest vendors' APIs take in a
request. A line is held up to four times while it is read, and in the store it must fit into a journal's line.
"""

MAX_DEPTH = 60
"""Beyond it no value of a record could be stored."""

MAX_VALUES = 500_000
"""So many values in one line or item. A value of three bytes may take a hundred in memory."""

MAX_DIGITS = 308
"""An integer beyond the range of a double is no quantity that anybody wrote into a conversation."""

_SKIP_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class Unreadable(ValueError):
    """Bytes that are not JSON as the store can hold it; `reason` is a constant phrase for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Line:
    """One object of a file, its place ("file:line") and its bytes as they stood there."""

    place: str
    raw: bytes
    record: dict[str, Any]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("a key stands twice in an object")
    return members


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Unreadable("a number out of range")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unreadable("a number out of range")
    return number


def _constant(name: str) -> float:
    raise Unreadable("NaN or Infinity")


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant)
_LAST_WINS = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant)


def parse(raw: bytes, *, decoder: json.JSONDecoder = DECODER, refuse_deep: bool = True) -> JSON:
    """The one JSON value in these bytes. Raises Unreadable, and nothing else, for anything it cannot take."""
    if b"\0" in raw:
        raise Unreadable("NUL bytes")
    if len(raw) > MAX_VALUES and _may_hold(raw) > MAX_VALUES and _values(raw, refuse_deep) > MAX_VALUES:
        raise Unreadable("too many values")
    try:
        value = decoder.decode(raw.decode())
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    except json.JSONDecodeError as error:
        glued = error.msg.startswith("Extra data")
        raise Unreadable("more than one value on a line" if glued else "not JSON") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    # Counting the brackets is cheap and spares most lines the walk.
    if refuse_deep and raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        refuse_depth(value)
    return value


def parse_part(raw: bytes, *, refuse_deep: bool = True) -> JSON:
    """A part of a document, as `parse` reads it; but of a key that stands twice in an object the last counts.

    So it does for the programs that such documents are made for, and people do hand them files that hold it. With
    `refuse_deep` off the caller looks at the depth of what it takes out. Raises Unreadable.
    """
    return parse(raw, decoder=_LAST_WINS, refuse_deep=refuse_deep)


def _may_hold(raw: bytes) -> int:
    """At most how many values these bytes hold: the signs that may stand before one, in texts too."""
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


_SIGN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[,\[\]{}]', re.DOTALL)
_CHANGE = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def _values(raw: bytes, refuse_deep: bool) -> int:
    """How many values these bytes hold, as far as that matters. Raises Unreadable where they are nested too deeply."""
    values = depth = 0
    for found in _SIGN.finditer(raw):
        if (change := _CHANGE.get(found[0])) is not None:
            depth += change
            if refuse_deep and depth > MAX_DEPTH + 1:
                raise Unreadable("nested too deeply")
        values += change == 1 or found[0] == b","
        if values > MAX_VALUES:
            break
    return values


def refuse_depth(value: JSON) -> None:
    """Raise Unreadable where containers are nested more than `MAX_DEPTH` deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[JSON] = []
        for item in level:
            if type(item) is dict:
                below.extend(item.values())
            elif type(item) is list:
                below.extend(item)
        if not below:
            return
        level = below
    if any(isinstance(item, dict | list) for item in level):
        raise Unreadable("nested too deeply")


def read_lines(
    source: Input, longest_bytes: int = 0, parsed: Callable[[bytes], JSON] = parse
) -> Iterator[Line | SetAside]:
    """Every line that is not blank: as an object, or set aside with the reason. Holds one line at a time.

    A line of more than `longest_bytes`, by default `MAX_LINE_BYTES`, is set aside without being held.
    """
    number, longest_bytes = 0, longest_bytes or MAX_LINE_BYTES
    while line := source.readline(longest_bytes + 1):
        number += 1
        whole = line.endswith(b"\n")
        if len(line) > longest_bytes and not whole:
            _skip_line(source)
            yield set_aside(f"{source.place}:{number}", "a line too long", damaged=True, raw=line)
            continue
        # A file that was on another system has another end of line, and its records are the same.
        raw = line[:-1].removesuffix(b"\r") if whole else line
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if raw and not raw.isspace():
            yield _read_line(f"{source.place}:{number}", raw, whole, parsed)


def _read_line(place: str, raw: bytes, whole: bool, parsed: Callable[[bytes], JSON]) -> Line | SetAside:
    try:
        record = parsed(raw)
    except Unreadable as error:
        # A writer that is still at work, or was killed, leaves a last line without its newline.
        reason = error.reason if whole else "a torn last line"
        return set_aside(place, reason, damaged=True, raw=raw)
    if type(record) is not dict:
        return set_aside(place, "not an object", damaged=True, raw=raw)
    return Line(place, raw, record)


def _skip_line(source: Input) -> None:
    while (rest := source.readline(_SKIP_BYTES)) and not rest.endswith(b"\n"):
        pass


def head_records(head: bytes, limit: int = 100) -> Iterator[dict[str, Any]]:
    """The objects among the first lines of a file's beginning, for recognising a format; damaged lines are passed."""
    for raw in head.removeprefix(_BOM).split(b"\n", limit)[:limit]:
        try:
            record = parse(raw)
        except Unreadable:
            continue
        if type(record) is dict:
            yield record
