"""An archive of ours that was cut off, member by member. Knows no database.

`archive` writes each with its checksum and sizes behind it (APPNOTE 6.3, 4.3.9), in 64 bits. Archives of strangers are
for `importers.torn_archives`.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_HEADER = struct.Struct("<4s2xHH16xHH")
_DESCRIPTOR = struct.Struct("<4sIQQ")
_MAGIC, _BEHIND = b"PK\x03\x04", b"PK\x07\x08"
_SIZES_BEHIND, _DEFLATED = 0x8, 8
_PIECE = 64 * 1024
_MOST_AT_ONCE = 1024 * 1024


class _End(Exception):
    """The file ends, or something stands there that is no member of ours."""


def whole_members(path: Path) -> Iterator[tuple[str, int]]:
    """Names and sizes of the members that are whole, in their order, up to the first that is not."""
    with path.open("rb") as file:
        reader = _Reader(file)
        try:
            while True:
                yield reader.member()
        except _End:
            return


class _Reader:
    """Reads ahead, since only the inflater knows where a member ends."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ahead = b""

    def member(self) -> tuple[str, int]:
        magic, flags, method, name_bytes, extra_bytes = _HEADER.unpack(self._take(_HEADER.size))
        if magic != _MAGIC or not flags & _SIZES_BEHIND or method != _DEFLATED:
            raise _End
        name = self._take(name_bytes).decode("utf-8", "replace")
        self._take(extra_bytes)
        packed, size, checksum = self._inflate()
        if _DESCRIPTOR.unpack(self._take(_DESCRIPTOR.size)) != (_BEHIND, checksum, packed, size):
            raise _End
        return name, size

    def _inflate(self) -> tuple[int, int, int]:
        """The member's packed and unpacked size, and its checksum."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        packed = size = checksum = 0
        while not inflater.eof:
            data = inflater.unconsumed_tail or self._more()
            try:
                made = inflater.decompress(data, _MOST_AT_ONCE)
            except zlib.error:
                raise _End from None
            packed += len(data) - len(inflater.unconsumed_tail)
            size += len(made)
            checksum = zlib.crc32(made, checksum)
        self._ahead = inflater.unused_data
        return packed - len(self._ahead), size, checksum

    def _more(self) -> bytes:
        data, self._ahead = self._ahead or self._file.read(_PIECE), b""
        if not data:
            raise _End
        return data

    def _take(self, count: int) -> bytes:
        while len(self._ahead) < count:
            more = self._file.read(_PIECE)
            if not more:
                raise _End
            self._ahead += more
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken
