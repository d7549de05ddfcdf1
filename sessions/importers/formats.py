"""What a format module offers, and what it is given to read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from sessions.records import ImportEvent, SetAside

HEAD_BYTES = 256 * 1024
"""How much of a file's beginning a format may look at to recognise it."""

MAX_RAW_BYTES = 1024 * 1024
"""How much of something that is set aside is kept in the event."""


class Input:
    """A file being read: its bytes, and how far the reading has come.

    `path` is its name: of a member of an archive it is the archive's path and the member's, and no file stands
    there, which `is_file` says. `place` is the name in reports, printable whatever its bytes. `head` is the file's
    beginning. `records_noted` counts records that became a session's information (a title, say) and so gave no
    event.
    """

    def __init__(self, path: Path, stream: BufferedIOBase, head: bytes, *, is_file: bool = True) -> None:
        self.path = path
        self.is_file = is_file
        self.place = printable(path)
        self.head = head
        self.bytes_read = 0
        self.records_read = 0
        self.records_noted = 0
        self._stream = stream

    def readline(self, limit_bytes: int) -> bytes:
        """The next line with its newline, or its first `limit_bytes`; b"" at the end."""
        line = self._stream.readline(limit_bytes)
        self.bytes_read += len(line)
        return line

    def read(self, limit_bytes: int) -> bytes:
        """The next bytes, at most `limit_bytes` of them."""
        data = self._stream.read(limit_bytes)
        self.bytes_read += len(data)
        return data

    def read_some(self, limit_bytes: int) -> bytes:
        """The next bytes, as many as there are at once; b"" only at the end.

        A file whose reading fails half-way gives all before that, which `read` may lose.
        """
        data = self._stream.read1(limit_bytes)
        self.bytes_read += len(data)
        return data


@dataclass(frozen=True, slots=True)
class Format:
    """One foreign format.

    `recognises` is told a file's first `HEAD_BYTES` and says whether the content is of this format; `read` turns
    the file into events. Neither raises on any content; `read` may let an OSError of the disk through.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Input], Iterator[ImportEvent]]


def set_aside(place: str, reason: str, *, damaged: bool, raw: bytes = b"") -> SetAside:
    """A `SetAside` whose bytes are bounded."""
    return SetAside(place=place, reason=reason, damaged=damaged, raw=raw[:MAX_RAW_BYTES])


def printable(path: Path) -> str:
    """A path's name for reports: what is not printable is escaped, so that a line stays one and reads as it stands."""
    name = str(path)
    if name.isprintable():
        return name
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in name)
