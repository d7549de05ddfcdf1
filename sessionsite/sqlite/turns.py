"""Writers of one SQLite file wait for one another here, before they ask SQLite for its write lock.

SQLite's own waiting sleeps and looks again, ever more rarely, up to 100 ms at a time: with eight writers the unluckiest
percent waited 110 to 140 ms for locks that were held for one. Threads of one process hand a turn on without sleeping;
between processes a file is locked, looked at every millisecond. Whoever dies gives its turn back with it.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

_FIRST_SLEEP_SECONDS = 0.0001
_LONGEST_SLEEP_SECONDS = 0.001


class Turns:
    """The turns of one process at one database file."""

    def __init__(self, path: Path) -> None:
        self.process = os.getpid()
        self._threads = threading.Lock()
        self._path = path.with_name(f"{path.name}-turn")
        self._descriptor: int | None = None

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False when none came in time."""
        # Nearly always nobody is there: then neither the clock is asked nor anything kept.
        if self._threads.acquire(blocking=False):
            if self._lock_file_now():
                return True
            deadline = time.monotonic() + seconds
        else:
            deadline = time.monotonic() + seconds
            if not self._threads.acquire(timeout=max(0.0, seconds)):
                return False
        try:
            taken = self._lock_file(deadline)
        except BaseException:
            self._threads.release()
            raise
        if not taken:
            self._threads.release()
        return taken

    def give_back(self) -> None:
        """End a turn that was taken."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._threads.release()

    def _lock_file(self, deadline: float) -> bool:
        sleep = _FIRST_SLEEP_SECONDS
        while not self._lock_file_now():
            if time.monotonic() >= deadline:
                return False
            time.sleep(sleep)
            sleep = min(2 * sleep, _LONGEST_SLEEP_SECONDS)
        return True

    def _lock_file_now(self) -> bool:
        descriptor = self._opened()
        if descriptor is None:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _opened(self) -> int | None:
        """The file that stands for the turn; None where none can be made, and SQLite's own waiting has to do."""
        if self._descriptor is None:
            with suppress(OSError):
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        return self._descriptor


_known: dict[tuple[int, Path], Turns] = {}
_knowing = threading.Lock()


def turns_at(path: Path) -> Turns:
    """The turns of this process at a database file. A forked process has its own: a lock belongs to an open file."""
    key = (os.getpid(), path)
    with _knowing:
        if key not in _known:
            _known[key] = Turns(path)
        return _known[key]
