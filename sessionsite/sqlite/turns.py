"""Writers of one SQLite file wait for one another here, before they ask SQLite for its write lock.

SQLite's own waiting sleeps and looks again, ever more rarely, up to 100 ms at a time: with eight writers the unluckiest
percent waited 110 to 140 ms for locks that were held for one. Threads of one process hand a turn on without sleeping;
between processes a file is locked, and the system wakes the next. Whoever dies gives its turn back with it, but for
what it forked meanwhile: a lock lasts as long as anybody has the file open.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Turns:
    """The turns of one process at one database file."""

    def __init__(self, path: Path) -> None:
        self.process = os.getpid()
        self._threads = threading.Lock()
        self._path = path.with_name(f"{path.name}-turn")
        self._descriptor: int | None = None
        self._deputy: _Deputy | None = None

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False when none came in time."""
        # Nearly always nobody is there: then the clock is not asked.
        if not self._threads.acquire(blocking=False):
            began = time.monotonic()
            if not self._threads.acquire(timeout=max(0.0, seconds)):
                return False
            seconds -= time.monotonic() - began
        taken = False
        try:
            taken = self._lock_file_now() or self._lock_file(seconds)
        except BaseException:
            # Interrupted, perhaps with the file in hand.
            self._unlock()
            raise
        finally:
            if not taken:
                self._threads.release()
        return taken

    def give_back(self) -> None:
        """End a turn that was taken."""
        try:
            self._unlock()
        finally:
            self._threads.release()

    def _lock_file_now(self) -> bool:
        # A lock is its file's, whichever thread asked: while the deputy waits for it, it would be given to both.
        if self._deputy is not None and self._deputy.is_out:
            return False
        descriptor = self._opened()
        if descriptor is None:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A file system that knows no such locks: SQLite's own waiting has to do.
            return True
        return True

    def _lock_file(self, seconds: float) -> bool:
        if self._deputy is None:
            self._deputy = _Deputy(self._lock_at_last, self._unlock)
        return self._deputy.wait(seconds)

    def _lock_at_last(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def _unlock(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _opened(self) -> int | None:
        """The file that stands for the turn; None where none can be made, and SQLite's own waiting has to do."""
        if self._descriptor is None:
            with suppress(OSError):
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        return self._descriptor


class _Deputy:
    """A thread that waits for a lock in another's stead: `flock` waits for ever, and nobody else has that long.

    It waits for one at a time. What it gets when nobody wants it any more it gives back at once.
    """

    def __init__(self, lock: Callable[[], None], unlock: Callable[[], None]) -> None:
        self._lock, self._unlock = lock, unlock
        self._changed = threading.Condition()
        self._is_wanted = self._has_it = False
        self.is_out = False
        """Whether it waits, be it for somebody who has left meanwhile."""
        threading.Thread(target=self._serve, name="turns", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Have the lock waited for; False when it has not come in time."""
        with self._changed:
            try:
                # Who was interrupted while it waited may have left something behind.
                self._is_wanted, self._has_it = True, False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._has_it, max(0.0, seconds))
                return self._has_it
            finally:
                self._is_wanted = self._has_it = False

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_wanted and not self._has_it)
                # Here and not where it is sent: who sends it may have left before it went.
                self.is_out = True
            self._lock()
            with self._changed:
                self._has_it = self._is_wanted
                if not self._has_it:
                    self._unlock()
                self.is_out = False
                self._changed.notify_all()


_known: dict[tuple[int, Path], Turns] = {}
_knowing = threading.Lock()


def turns_at(path: Path) -> Turns:
    """The turns of this process at a database file. A forked process has its own: a lock belongs to an open file."""
    key = (os.getpid(), path)
    with _knowing:
        if key not in _known:
            _known[key] = Turns(path)
        return _known[key]
