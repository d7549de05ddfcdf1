"""How a process ends: by itself, by SIGTERM, or by becoming two."""

import atexit
import os
import signal
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Protocol

from ..errors import ClientError


class Closing(Protocol):
    def close(self, within: float | None = None) -> int: ...

    def _after_fork(self) -> None: ...


_open: weakref.WeakSet[Closing] = weakref.WeakSet()


def watch(recorder: Closing, *, handle_sigterm: bool) -> None:
    """Have a recorder closed at the end."""
    _open.add(recorder)
    # Only where a signal would end the program at once; whoever has a handler ends in a way of their own.
    if (
        handle_sigterm
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _on_sigterm)


def forget(recorder: Closing) -> None:
    _open.discard(recorder)


def close_all() -> None:
    for recorder in list(_open):
        # What is left lies in the spool; there is nobody any more who could be told.
        with suppress(ClientError, OSError):
            recorder.close()


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Close everything, then end as if nobody had looked after the signal.

    In a thread: the code that was interrupted may hold a lock that closing needs. A second signal ends at once.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_close_and_end, name="sessionsite-sigterm").start()


def _close_and_end() -> None:
    try:
        close_all()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _in_child() -> None:
    for recorder in list(_open):
        recorder._after_fork()


atexit.register(close_all)
_at_fork: Callable[..., None] | None = getattr(os, "register_at_fork", None)
if _at_fork is not None:
    _at_fork(after_in_child=_in_child)
