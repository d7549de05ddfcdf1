"""What waits, on the disk: files of JSON Lines that outlive the process.

One folder for each server and token holds the files of all processes that write to it. A process appends to a file
of its own, which it holds locked; a file whose lock is free was left behind, and is sent by whoever takes it over.
Beside each file `.sent` holds how far it was sent. A write has arrived once the system call returns: a killed process
loses nothing, and with `fsync` a machine without power neither.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from ..errors import NotSpooled
from ..transport import Site
from .items import Rejected
from .segment import SEGMENTS, Segment, remove_unfinished
from .stores import Stretch

REJECTED = "rejected.jsonl"
ROTATE_BYTES = 8 * 1024 * 1024


def default_root() -> Path:
    """SESSIONSITE_SPOOL_DIR, or where the system keeps what programs remember."""
    if given := os.environ.get("SESSIONSITE_SPOOL_DIR"):
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "sessionsite" / "spool"


def folder_of(root: Path, site: Site) -> Path:
    """Where what waits for a server is kept, apart for each token: each may write for another user."""
    return root / f"{server_name(site)}-{hashlib.sha256(site.token.encode()).hexdigest()[:8]}"


def server_name(site: Site) -> str:
    return hashlib.sha256(site.url.encode()).hexdigest()[:12]


class Spool:
    """The files of one server and token, as one queue: what others left behind first, then one's own."""

    def __init__(self, folder: Path, site: Site, *, fsync: bool = False) -> None:
        """Raises NotSpooled where the folder cannot be made."""
        self.folder = folder
        self._site = site
        self._fsync = fsync
        self._segments: deque[Segment] = deque()
        self._current: Segment | None = None
        self.pending = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            told = f"{folder} cannot be made: {error.strerror}. Name another, or none: `spool=False`."
            raise NotSpooled(told) from error

    def adopt(self) -> int:
        """Take over what processes that are gone left behind; how many items that are."""
        before = self.pending
        remove_unfinished(self.folder)
        held = {one.path for one in self._segments}
        for path in sorted(self.folder.glob(SEGMENTS)):
            if path not in held and (segment := Segment.take_over(path)) is not None:
                self._adopt(segment)
        return self.pending - before

    def _adopt(self, segment: Segment) -> None:
        if segment.url() != self._site.url:
            segment.release()
            return
        if torn := segment.cut_torn_tail():
            self.set_aside([Rejected(torn, "torn", "The write broke off.")])
        if segment.is_sent:
            segment.remove()
            return
        # Ahead of what this process has written itself, which is younger.
        place = sum(not one.own for one in self._segments)
        self._segments.insert(place, segment)
        self.pending += segment.lines_left()

    def append(self, line: bytes) -> None:
        """Keep a line; when this returns, it outlives this process. Raises NotSpooled."""
        current = self._current
        if current is None or current.size > ROTATE_BYTES:
            try:
                current = self._current = Segment.create(self.folder, self._site)
            except OSError as error:
                raise NotSpooled(f"{self.folder} cannot be written: {error.strerror}.") from error
            self._segments.append(current)
        current.append(line, fsync=self._fsync)
        self.pending += 1

    def read(self, most: int, most_bytes: int) -> Stretch | None:
        """The next lines to send, at most so many; None where nothing waits."""
        for segment in self._segments:
            if not segment.is_sent:
                lines, end = segment.read(most, most_bytes)
                if lines:
                    return Stretch(lines, (segment, end))
        # Whatever was counted, there is nothing to read: somebody else emptied a file.
        self.pending = 0
        return None

    def confirm(self, stretch: Stretch) -> None:
        """What was read is sent, or set aside."""
        segment, end = cast("tuple[Segment, int]", stretch.place)
        segment.confirm(end)
        self.pending -= len(stretch.lines)
        if not segment.is_sent:
            return
        if segment is self._current:
            if segment.size <= ROTATE_BYTES:
                return
            self._current = None
        self._segments.remove(segment)
        segment.remove()

    def set_aside(self, rejected: Sequence[Rejected]) -> None:
        """Keep what will never be stored as it is, with the reason, in a file that nobody sends."""
        handle = os.open(self.folder / REJECTED, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            for one in rejected:
                os.write(handle, one.encoded())
            os.fdatasync(handle)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Remove what is sent, and leave the rest to whoever comes next."""
        while self._segments:
            segment = self._segments.popleft()
            if segment.is_sent:
                segment.remove()
            else:
                segment.release()
        self._current = None

    def forget(self) -> None:
        """After a fork: what stands here is the parent's."""
        for segment in self._segments:
            segment.release()
        self._segments.clear()
        self._current = None
        self.pending = 0


def folders_of_server(root: Path, site: Site) -> Iterator[Path]:
    """The folders of a server, whatever the token."""
    yield from sorted(path for path in root.glob(f"{server_name(site)}-*") if path.is_dir())
