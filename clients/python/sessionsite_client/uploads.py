"""A file as the body of a request: read in pieces, and anew for each attempt."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO

_PIECE_BYTES = 64 * 1024
NO_NAME = "upload"


class Upload:
    """A file that is sent from where it stands to its end, whatever is written behind that meanwhile.

    `source` is a path, the bytes themselves, or an open file that can be read more than once; who opened it closes it.
    Raises OSError where it cannot be read, and ValueError for a pipe.
    """

    def __init__(self, source: str | PathLike[str] | bytes | BinaryIO) -> None:
        self._source = BytesIO(source) if isinstance(source, bytes) else source
        with self._opened() as file:
            if not file.seekable():
                raise ValueError("What is uploaded must be readable more than once; write a pipe to a file first.")
            self._start = file.tell()
            self.size_bytes = file.seek(0, os.SEEK_END) - self._start
            file.seek(self._start)

    @property
    def name(self) -> str:
        """What the file is called, without its folders."""
        path = self._source if isinstance(self._source, str | PathLike) else getattr(self._source, "name", "")
        return Path(path).name if isinstance(path, str | PathLike) and path else NO_NAME

    def pieces(self) -> Iterator[bytes]:
        """The file from its beginning. Raises OSError where it has become shorter, TypeError where it is text."""
        left = self.size_bytes
        with self._opened() as file:
            file.seek(self._start)
            while left:
                piece = file.read(min(left, _PIECE_BYTES))
                if not isinstance(piece, bytes):
                    raise TypeError("A file to upload must be open for bytes: open(path, 'rb').")
                if not piece:
                    raise OSError(f"{self.name} became shorter while it was sent.")
                left -= len(piece)
                yield piece

    async def pieces_to_await(self) -> AsyncIterator[bytes]:
        """The same for an asynchronous client."""
        for piece in self.pieces():
            yield piece

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        source = self._source
        with Path(source).open("rb") if isinstance(source, str | PathLike) else nullcontext(source) as file:
            yield file
