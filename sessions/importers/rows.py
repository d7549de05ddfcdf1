"""Conversations that stand one beside the other: on a line each, or as the items of one JSON array.

Data sets come in both containers, whatever their messages look like; so do files of one conversation with a message on
each line, or in each item.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sessions.records import JSON, SetAside

from .documents import first_objects, read_objects
from .formats import MAX_RAW_BYTES, Input
from .jsonl import Line, Unreadable, head_records, parse, read_lines

MESSAGES = "messages"
_BOM = b"\xef\xbb\xbf"


def read_rows(source: Input) -> Iterator[Line | SetAside]:
    """Every object of the file, whichever container it is. A list of objects is given as the object of its messages."""
    for row in read_lines(source) if _is_lines(source.head) else read_objects(source):
        if isinstance(row, SetAside) and row.reason == "not an object" and len(row.raw) < MAX_RAW_BYTES:
            yield _as_messages(row)
        else:
            yield row


@lru_cache(maxsize=1)
def first_rows(head: bytes) -> tuple[dict[str, Any], ...]:
    """The first objects of a file, as far as its beginning holds them, for recognising a format.

    Every format asks, so the last answer is remembered; it must not be changed.
    """
    lines = [row for row in head_records(head, 20) if row] if _is_lines(head) else []
    return tuple(lines or first_objects(head) or _first_lists(head))


def _as_messages(row: SetAside) -> Line | SetAside:
    value = _parsed(row.raw)
    if isinstance(value, list) and value and all(type(item) is dict for item in value):
        return Line(row.place, row.raw, {MESSAGES: value})
    return row


def _first_lists(head: bytes) -> list[dict[str, Any]]:
    """The same where each line is a list, or the document is one of lists."""
    first = _parsed(head.removeprefix(_BOM).partition(b"\n")[0]) or _parsed(head.removeprefix(_BOM))
    lists = first if isinstance(first, list) and first and type(first[0]) is list else [first]
    return [
        {MESSAGES: one} for one in lists if isinstance(one, list) and one and all(type(item) is dict for item in one)
    ]


def _is_lines(head: bytes) -> bool:
    """Whether each line stands for itself: the first is whole and more follow, or it is damaged and they are whole."""
    first, _, rest = head.removeprefix(_BOM).lstrip().partition(b"\n")
    if not first.startswith((b"{", b"[")) or not rest.strip():
        return False
    if _parsed(first) is not None:
        return True
    return first.startswith(b"{") and len(list(head_records(rest, 20))) > 2


def _parsed(raw: bytes) -> JSON:
    try:
        return parse(raw)
    except Unreadable:
        return None
