"""Sending in the background, by a thread."""

import threading
import time
from types import TracebackType
from typing import Self

from ..errors import ClientError
from ..sync.core import Core
from ..transport import NO_RETRY, site_of
from . import endings
from .base import LINGER_SECONDS, Recording, SpoolChoice, Trouble, deadline, open_store
from .delivery import Delivery
from .stores import Stretch


class Recorder(Recording):
    """Logs interactions in the background, in batches across sessions, and loses none.

    Each is on the disk, in the spool, before `record` returns; so it outlives the process, whoever ends it and
    however, and is sent by the next recorder for the same server and token, or by `python -m sessionsite_client flush`.
    With `fsync` it outlives a loss of power too. With `spool=False` up to 10,000 wait in memory alone.

    At `close`, at the end of a `with` block, at the interpreter's exit, and at SIGTERM where the program has no handler
    of its own, it sends what it can within `exit_seconds`. `on_trouble` hears why nothing can be sent, once for each
    kind of reason. May be shared by threads; a forked child has a queue of its own.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        spool: SpoolChoice = None,
        fsync: bool = False,
        linger_seconds: float = LINGER_SECONDS,
        exit_seconds: float = 5.0,
        on_trouble: Trouble | None = None,
        handle_sigterm: bool = True,
    ) -> None:
        """Raises NotConfigured, and NotSpooled where the spool's folder cannot be made."""
        site = site_of(url, token)
        super().__init__(
            site, open_store(spool, site, fsync=fsync), linger_seconds=linger_seconds, on_trouble=on_trouble
        )
        self._exit_seconds = exit_seconds
        self._closed = False
        self._begin()
        endings.watch(self, handle_sigterm=handle_sigterm)

    def _begin(self) -> None:
        """Everything that a fork does not take along."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._stop_at: float | None = None
        self._hurried = False
        self._given_up = False
        self._client = Core(self.site.url, self.site.token, retry=NO_RETRY)
        with self._lock:
            self._store.adopt()
        self._thread: threading.Thread | None = None
        if self.pending:
            self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="sessionsite-recorder", daemon=True)
        self._thread.start()

    def _keep(self, line: bytes) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("The recorder is closed.")
            self._store.append(line)
            if self._thread is None or not self._thread.is_alive():
                self._start()
            if self.pending == 1 or self._is_full():
                self._changed.notify_all()

    def flush(self, within: float | None = None) -> bool:
        """Wait until nothing waits, at most so many seconds; whether that is so."""
        end = deadline(within)
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            while self.pending and self._thread is not None and self._thread.is_alive():
                if (left := end - time.monotonic()) <= 0:
                    break
                self._changed.wait(min(left, 3600))
            self._hurried = False
            return not self.pending

    def close(self, within: float | None = None) -> int:
        """Send what can be sent within `within` or `exit_seconds`, and stop; how many stay in the spool.

        Without a spool, NotSpooled is raised where any are left.
        """
        with self._changed:
            if self._closed:
                return self.pending
            self._closed = True
            self._stop_at = deadline(self._exit_seconds if within is None else within)
            self._changed.notify_all()
        if self._thread is not None:
            # A request that hangs is not waited for: what it carries is in the spool.
            self._thread.join(max(0.0, self._stop_at - time.monotonic()) + 1.0)
        endings.forget(self)
        with self._lock:
            # A thread whose request still hangs must not touch the store any more: somebody else may have it by then.
            self._given_up = True
            left = self.pending
            self._client.close()
            self._store.close()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the thread -----------------------------------------------------------------------------------------

    def _work(self) -> None:
        while self._wait_for_work():
            with self._changed:
                stretch = self._next()
                if stretch is None:
                    self._changed.notify_all()
                    continue
            delivery = Delivery(stretch.lines)
            while not self._is_delivered(stretch, delivery):
                if self._given_up:
                    return

    def _is_delivered(self, stretch: Stretch, delivery: Delivery) -> bool:
        """Send a stretch, as far as it goes; waits after a failure."""
        try:
            if not delivery.is_done:
                self._client.run(delivery.steps())
            with self._changed:
                if not self._given_up:
                    self._finish(stretch, delivery)
                    self._changed.notify_all()
        except ClientError as trouble:
            if not self._pause(self._note(trouble)):
                self._given_up = True
            return False
        return not self._given_up

    def _wait_for_work(self) -> bool:
        """Until a batch is full or has waited long enough; False at the end."""
        with self._changed:
            while not self.pending:
                if self._stop_at is not None:
                    return False
                self._changed.wait()
            end = deadline(self._linger_seconds)
            while not (self._is_full() or self._hurried or self._stop_at is not None):
                if (left := end - time.monotonic()) <= 0:
                    break
                self._changed.wait(left)
            return self._stop_at is None or time.monotonic() < self._stop_at

    def _pause(self, seconds: float) -> bool:
        """Wait after a failure; False where there is no time for another attempt."""
        end = deadline(seconds)
        with self._changed:
            while (left := end - time.monotonic()) > 0:
                if self._stop_at is not None and self._stop_at < end:
                    # One more attempt at the very end would only keep the process waiting.
                    return False
                self._changed.wait(left)
            return True

    def _after_fork(self) -> None:
        self._store.forget()
        self._inherit()
        self._begin()
