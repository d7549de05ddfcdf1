"""One file of a spool: a header, then what waits, a line each."""

import fcntl
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import NotSpooled
from ..requests import encoded
from ..transport import Site

SEGMENTS = "[0-9]*.jsonl"
"""How they are named, so that the oldest comes first."""

_FORMAT = 1
_PIECE_BYTES = 1024 * 1024
_NEW = ".new-"
_UNFINISHED_SECONDS = 3600


@dataclass
class Segment:
    """One file, open and locked: where it is, and how far it was sent."""

    path: Path
    handle: int
    size: int
    sent: int
    own: bool

    @classmethod
    def create(cls, folder: Path, site: Site) -> "Segment":
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        hidden = folder / (_NEW + name)
        handle = os.open(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        # Locked before it has its name: nobody may take it for one that was left behind.
        fcntl.flock(handle, fcntl.LOCK_EX)
        header = encoded({"sessionsite_spool": _FORMAT, "url": site.url}) + b"\n"
        segment = cls(folder / name, handle, 0, len(header), own=True)
        segment.append(header, fsync=False)
        hidden.rename(segment.path)
        return segment

    @classmethod
    def take_over(cls, path: Path) -> "Segment | None":
        """A file that was left behind; None where somebody holds it, or has just finished it."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            opened, named = os.fstat(handle), path.stat()
        except OSError:
            os.close(handle)
            return None
        if opened.st_ino != named.st_ino:
            os.close(handle)
            return None
        segment = cls(path, handle, opened.st_size, 0, own=False)
        segment.sent = segment._read_sent()
        return segment

    @property
    def is_sent(self) -> bool:
        return self.sent >= self.size

    @property
    def _sent_path(self) -> Path:
        return self.path.with_suffix(".sent")

    def append(self, line: bytes, *, fsync: bool) -> None:
        """Raises NotSpooled where the disk does not take all of it; nothing of it is left then."""
        try:
            written = os.write(self.handle, line)
            if written == len(line) and fsync:
                os.fdatasync(self.handle)
        except OSError as error:
            self._undo_append()
            raise NotSpooled(f"{self.path.parent} cannot be written: {error.strerror}.") from error
        if written != len(line):
            self._undo_append()
            raise NotSpooled(f"{self.path.parent} has no room.")
        self.size += len(line)

    def _undo_append(self) -> None:
        with suppress(OSError):
            os.ftruncate(self.handle, self.size)

    def read(self, most: int, most_bytes: int) -> tuple[list[bytes], int]:
        """Whole lines from where it was sent to, at least one where there is any, and where they end."""
        data = b""
        while self.sent + len(data) < self.size:
            position = self.sent + len(data)
            piece = os.pread(self.handle, min(_PIECE_BYTES, self.size - position), position)
            data += piece
            if not piece or (len(data) >= most_bytes and b"\n" in data):
                break
        lines: list[bytes] = []
        length = 0
        # What stands behind the last newline is no whole line.
        for line in data.split(b"\n")[:-1][:most]:
            if lines and length + len(line) > most_bytes:
                break
            lines.append(line)
            length += len(line) + 1
        return lines, self.sent + length

    def confirm(self, end: int) -> None:
        self.sent = end
        # Not synced: what is sent again is not stored twice.
        handle = os.open(self._sent_path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.pwrite(handle, b"%020d\n" % end, 0)
        finally:
            os.close(handle)

    def _read_sent(self) -> int:
        """How far it was sent, at least past its header."""
        first = os.pread(self.handle, _PIECE_BYTES, 0)
        header = first.find(b"\n") + 1
        try:
            return min(max(header, int(self._sent_path.read_bytes())), self.size)
        except (OSError, ValueError):
            return header

    def cut_torn_tail(self) -> bytes:
        """Leave off what no newline ends: a write that broke off with the machine. Returns it."""
        position, tail = self.size, b""
        while position > self.sent:
            start = max(self.sent, position - _PIECE_BYTES)
            tail = os.pread(self.handle, position - start, start) + tail
            position = start
            if b"\n" in tail:
                break
        torn = tail[tail.rfind(b"\n") + 1 :]
        self.size -= len(torn)
        return torn

    def url(self) -> str:
        """The server that it is for, "" where it does not say so."""
        try:
            header = json.loads(os.pread(self.handle, _PIECE_BYTES, 0).split(b"\n", 1)[0])
            return str(header["url"]) if header["sessionsite_spool"] == _FORMAT else ""
        except (KeyError, TypeError, ValueError):
            return ""

    def lines_left(self) -> int:
        position, count = self.sent, 0
        while piece := os.pread(self.handle, min(_PIECE_BYTES, self.size - position), position):
            count += piece.count(b"\n")
            position += len(piece)
        return count

    def remove(self) -> None:
        # In this order: the file without its mark would be sent again, the mark without its file means nothing.
        self.path.unlink(missing_ok=True)
        self._sent_path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Give the lock back; what is left is for whoever comes next."""
        os.close(self.handle)


def remove_unfinished(folder: Path) -> None:
    """Remove files that a process began and never named; nothing was ever written to them."""
    for path in folder.glob(f"{_NEW}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                path.unlink()
