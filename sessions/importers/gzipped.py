"""A file packed by gzip (RFC 1952) as the one that is in it, inflated as a stream, never onto the disk."""

import io
import os
import zlib
from collections.abc import Buffer
from typing import BinaryIO

from .archives import MAX_RATIO, UNSUSPECTED_BYTES, NotReadable

_MAGIC = b"\x1f\x8b\x08"
_READ_BYTES = 64 * 1024
_GZIP_BITS = 16 + zlib.MAX_WBITS


def is_gzipped(head: bytes) -> bool:
    """Whether a file that begins like this is packed by gzip."""
    return head.startswith(_MAGIC)


def stated_size(file: BinaryIO) -> int:
    """How large the content is by the file's own word, modulo 2^32: for showing progress, and for nothing else."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(0, size_bytes - 4))
    return max(size_bytes, int.from_bytes(file.read(4), "little"))


def open_gzipped(file: BinaryIO) -> io.BufferedReader:
    """The content as a stream, which closes the file when it is closed.

    Several packed one after the other are one content. Reading raises NotReadable where the content is damaged or is
    more than any text packs into so little; what was unpacked before is given first. Holds some 64 KB.
    """
    file.seek(0)
    return io.BufferedReader(_Content(file), 1024 * 1024)


class _Content(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._inflater = zlib.decompressobj(_GZIP_BITS)
        self._waiting = b""
        self._packed_bytes = 0
        self._given_bytes = 0
        self._is_over = False
        self._failed: NotReadable | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fills the buffer unless the content ends or is damaged."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and not self._failed and not self._is_over:
            try:
                data = self._next(len(view) - filled)
            except NotReadable as error:
                self._failed = error
                break
            except (zlib.error, OSError):
                self._failed = NotReadable("a damaged archive")
                break
            view[filled : filled + len(data)] = data
            filled += len(data)
        if not filled and self._failed:
            raise self._failed
        return filled

    def _next(self, limit: int) -> bytes:
        if self._inflater.eof:
            self._begin_another()
        packed = self._waiting or self._read()
        if not packed and not self._is_over:
            raise NotReadable("a damaged archive")
        data = self._inflater.decompress(packed, limit) if packed else b""
        self._waiting = self._inflater.unconsumed_tail
        self._given_bytes += len(data)
        if self._given_bytes > max(UNSUSPECTED_BYTES, MAX_RATIO * self._packed_bytes):
            raise NotReadable("packed more tightly than any text")
        return data

    def _begin_another(self) -> None:
        """Zeros may fill up the end of a file; whatever else is behind a content is another one."""
        rest = (self._inflater.unused_data or self._read()).lstrip(b"\0")
        self._inflater = zlib.decompressobj(_GZIP_BITS)
        self._waiting = rest
        self._is_over = not rest

    def _read(self) -> bytes:
        data = self._file.read(_READ_BYTES)
        self._packed_bytes += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
