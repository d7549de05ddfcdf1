"""What the site's processes share: noticing a stop signal, and noticing that the supervisor is gone."""

import ctypes
import os
import select
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Self

SUPERVISOR_VARIABLE = "_SESSIONSITE_SUPERVISOR"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_WAKE = b"\0"


class StopSignals:
    """Within the block, SIGINT, SIGTERM and SIGHUP set `asked` and end `wait` instead of the process.

    The wake-up pipe makes a signal felt that another thread receives, or that arrives just before the wait: a
    lock or a queue would sleep through both. After the block the signals are ignored: the process is ending, and
    a late second one (a terminal, make and a service manager may each send theirs) must not make that a failure.
    Must be entered in the main thread.
    """

    asked = False

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)
        self._previous_pipe = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, _note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(self._previous_pipe)
        os.close(self._read_end)
        os.close(self._write_end)

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until a signal, a `wake` or the end of `seconds`; `asked` then says whether to stop."""
        select.select([self._read_end], [], [], seconds)
        with suppress(BlockingIOError):
            # The pipe holds each signal's number, and zeros for the wakes.
            self.asked = any(os.read(self._read_end, 4096)) or self.asked

    def wake(self) -> None:
        """End the `wait` under way or the next one; for other threads, which must end before the block does."""
        with suppress(BlockingIOError):
            os.write(self._write_end, _WAKE)


def _note(number: int, frame: FrameType | None) -> None:
    """Python writes the number into the wake-up pipe; there is nothing else to do."""


def orphaned() -> bool:
    """Whether this process was started by a supervisor that no longer lives (it cannot stop us any more)."""
    supervisor = os.environ.get(SUPERVISOR_VARIABLE)
    return bool(supervisor) and os.getppid() != int(supervisor or 0)


def stop_with_supervisor() -> None:
    """Have Linux send this process SIGTERM when its supervisor dies; elsewhere this does nothing.

    For a process whose main loop is not ours to put `orphaned` into.
    """
    if not os.environ.get(SUPERVISOR_VARIABLE) or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The supervisor may have died before the request; no signal would ever come.
    if orphaned():
        os.kill(os.getpid(), signal.SIGTERM)
