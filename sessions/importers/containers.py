"""The same records in another container: text in UTF-16, and lines that somebody's tool made a document of.

Programs on Windows write what they are given as UTF-16. Converters and APIs put the records of a format that has one on
each line into an array, print them over several lines, or wrap a list of conversations into an object. All of these are
given on as the lines, in UTF-8, that they were or might have been.
"""

import codecs
import io
import json
import re
from collections.abc import Buffer, Callable, Iterator, Sequence

from sessions.records import SetAside

from .archives import NotReadable
from .formats import MAX_RAW_BYTES
from .slicing import MAX_DAMAGED, TOO_MUCH_DAMAGE, TORN, Piece, Slicer

_READ_BYTES = 64 * 1024
_BREAKS = re.compile(rb"[\r\n]+")
_LISTS = frozenset({
    "activities", "chats", "conversations", "data", "entries", "events", "export", "history", "items", "lines", "logs",
    "messages", "records", "results", "rows", "sessions", "threads", "traces",
})  # fmt: skip
_UTF_16 = {
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    # Without a mark a document shows it by its bracket.
    b"{\0": "utf-16-le",
    b"[\0": "utf-16-le",
    b"\0{": "utf-16-be",
    b"\0[": "utf-16-be",
}


type Opened = frozenset[str] | None
WAYS: Sequence[Opened] = (None, _LISTS)
"""How a document may be taken for lines: its items and top-level values, or what is in the lists of an object."""


def is_utf_16(head: bytes) -> bool:
    """Whether a file that begins like this is text in UTF-16."""
    return head[:2] in _UTF_16 and b"\0\0" not in head[:64]


class Counted(io.RawIOBase):
    """A stream as it is, and how much of it was read: for showing progress."""

    def __init__(self, source: io.BufferedReader) -> None:
        super().__init__()
        self._source = source
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        length = self._source.readinto1(buffer)
        self.bytes_read += length
        return length

    def close(self) -> None:
        self._source.close()
        super().close()


class Rewritten(io.RawIOBase):
    """A stream whose bytes are made of another's, which it closes along with itself."""

    def __init__(self, source: io.BufferedReader, made: Callable[[io.BufferedReader], Iterator[bytes]]) -> None:
        super().__init__()
        self._source = source
        self._made = made(source)
        self._waiting = memoryview(b"")
        self._failed: OSError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fills the buffer unless the content ends or cannot be read; then what was made before is given first."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._has_more():
            length = min(len(view) - filled, len(self._waiting))
            view[filled : filled + length] = self._waiting[:length]
            self._waiting = self._waiting[length:]
            filled += length
        if not filled and self._failed:
            raise self._failed
        return filled

    def _has_more(self) -> bool:
        try:
            while not self._waiting and not self._failed and (made := next(self._made, None)) is not None:
                self._waiting = memoryview(made)
        except OSError as error:
            self._failed = error
        return bool(self._waiting)

    def close(self) -> None:
        self._source.close()
        super().close()


def transcoded(source: io.BufferedReader) -> Iterator[bytes]:
    """Text in UTF-16 as UTF-8. Half of a surrogate pair damages the line that it stands in, as ever."""
    decoder = codecs.getincrementaldecoder(_UTF_16[source.peek(2)[:2]])("surrogatepass")
    while data := source.read1(_READ_BYTES):
        yield decoder.decode(data).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield "\ufffd".encode()  # half a character, at the end of a file that was cut off


def as_lines(source: io.BufferedReader, opened: Opened, beside: bytearray) -> Iterator[bytes]:
    """The records of a JSON document, each on a line. What stands around them in an object is put `beside`, and cut."""
    beside.clear()
    strange = 0
    for piece in Slicer(source.read1, "").items(opened):
        if isinstance(piece, SetAside) or not _is_beside(piece):
            strange += piece.raw[:1] != b"{"
            if strange > MAX_DAMAGED:
                raise NotReadable(TOO_MUCH_DAMAGE)
            yield _line(piece.raw)
        elif len(beside) < MAX_RAW_BYTES:
            beside += b"%s: %s\n" % (json.dumps(piece.name).encode(), piece.held[:MAX_RAW_BYTES])


def _is_beside(piece: Piece) -> bool:
    return bool(piece.name) and not piece.place.endswith("]") and not piece.key


def _line(raw: bytes) -> bytes:
    """A record on one line: between its parts a break is a blank as any other, and within a text there is none."""
    return _BREAKS.sub(b" ", raw).strip() + b"\n"


def head_as_lines(head: bytes, opened: Opened) -> bytes:
    """The beginning of a document as the beginning of those lines."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"[", b"{"):
        return b""
    lines = []
    for piece in Slicer(io.BytesIO(head).read, "").items(opened):
        if isinstance(piece, Piece) and not _is_beside(piece):
            lines.append(_line(piece.raw))
        elif isinstance(piece, SetAside) and piece.reason == TORN and piece.place.endswith("]"):
            lines.append(_line(piece.raw).removesuffix(b"\n"))
    return b"".join(lines)
