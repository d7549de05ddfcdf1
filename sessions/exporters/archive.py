"""A ZIP archive as a stream: nothing is ever written to the disk, and memory holds one piece of one member.

What grows with the archive is its directory at the end, about a kilobyte a member until it is written.
"""

import io
import zipfile
from collections.abc import Buffer, Iterable, Iterator

_PIECE_BYTES = 64 * 1024
# Readable by the owner alone once unpacked: these are conversations.
_MODE = 0o600 << 16


class _Outlet(io.RawIOBase):
    """What ZipFile writes to: it cannot be rewound, so sizes come behind each member."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self.waiting = 0

    def write(self, data: Buffer, /) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self.waiting += len(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces, self.waiting = [], 0
        return taken


def stream(members: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """The archive's bytes. Members are names and contents, both drawn only when their turn comes."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _MODE
            with archive.open(entry, "w", force_zip64=True) as member:
                for piece in content:
                    member.write(piece)
                    if outlet.waiting >= _PIECE_BYTES:
                        yield outlet.take()
    yield outlet.take()
