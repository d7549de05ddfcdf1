"""Gemini's part of Google Takeout as a web page, `MyActivity.html`: told apart, counted, and not read.

Takeout asks which of both it should write. In the page the times are in the account's language and the prompts' ends
are not marked, so what would be made of it could only be guessed; the same export as JSON has everything.
"""

import re
from collections.abc import Iterator

from sessions.records import ImportEvent

from .formats import Format, Input, set_aside

SOURCE = "gemini-takeout-html"
REASON = "an activity in a web page, which is not read: ask Takeout for JSON"
_READ_BYTES = 256 * 1024
_CELL = b'class="outer-cell'
_PRODUCT = re.compile(rb"\b(?:Gemini|Bard)\b")


def recognises(head: bytes) -> bool:
    """Whether this is a page of activities, of Gemini's or Bard's among others."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:5].lower() in (b"<html", b"<!doc") and (
        _CELL in head and bool(_PRODUCT.search(head))
    )


def read(source: Input) -> Iterator[ImportEvent]:
    """Each activity is set aside, with its bytes."""
    for number, cell in enumerate(_cells(source)):
        source.records_read += 1
        yield set_aside(f"{source.place}:[{number}]", REASON, damaged=False, raw=cell)


def _cells(source: Input) -> Iterator[bytes]:
    """The activities; of one that is longer than what is kept of it, the beginning."""
    buffer, is_begun = b"", False
    while data := source.read_some(_READ_BYTES):
        *cells, buffer = (buffer + data).split(_CELL)
        for cell in cells:
            if is_begun:
                yield cell
            is_begun = True
        if len(buffer) > _READ_BYTES:
            # Whatever this is, it is not held; the beginning of the next cell may lie across the cut.
            buffer = buffer[: _READ_BYTES // 2] + buffer[-len(_CELL) :]
    if is_begun:
        yield buffer


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
