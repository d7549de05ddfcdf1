"""How far something has come, noted so that nobody waits for the note: not for the disk, and no answer for its writing.

What is noted may be late or be lost: how far a journal is, which the drain finds out anew, and when a token was used
last, roughly. A program leaves such notes behind with every request, each saying all that the one before said. So a
thread that answers programs keeps them back (`putting_off`), for all threads together and of each value only the
latest; they are written together when an answer is on its way. A server that can tell when nobody waits for a thread
(`wait_for_quiet`) is not made to do so after each answer, but then, or with the first answer after the oldest note has
lain for `LONGEST_SECONDS`. Where the database is busy they are kept on: nobody's thread is held up for them.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections

from . import database

log = logging.getLogger(__name__)

LONGEST_SECONDS = 0.02
# How long somebody else's lock is waited for.
PATIENCE_SECONDS = 0.02


class _Here(threading.local):
    """Whether this thread keeps its notes back."""

    keeping = False


class _Kept:
    """The latest value by the statement that writes it and the row's key, and when the oldest is to be written."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: dict[tuple[str, Any], Any] = {}
        self.due_at = 0.0

    def keep(self, values: Mapping[tuple[str, Any], Any]) -> None:
        with self.lock:
            if not self.values:
                self.due_at = time.monotonic() + (LONGEST_SECONDS if _quiet_is_told else 0.0)
            for place, value in values.items():
                known = self.values.get(place)
                if known is None or known < value:
                    self.values[place] = value

    def take(self) -> Mapping[tuple[str, Any], Any]:
        with self.lock:
            values, self.values = self.values, {}
        return values


_here = _Here()
_kept = _Kept()
_quiet_is_told = False


@contextmanager
def putting_off() -> Iterator[None]:
    """A block whose notes wait for `write_due` or `write_kept`, but for those that are part of a transaction."""
    _here.keeping = True
    try:
        yield
    finally:
        _here.keeping = False


def wait_for_quiet() -> None:
    """From now on somebody calls `write_kept` whenever a thread of this process has nothing to do."""
    global _quiet_is_told  # noqa: PLW0603  (a process has one server)
    _quiet_is_told = True


def note(sql: str, value: Any, key: Any) -> None:
    """Run a statement of three places that raises a column to `value` in the row of `key`: value, key, value."""
    if _here.keeping and not connections[DEFAULT_DB_ALIAS].in_atomic_block:
        _kept.keep({(sql, key): value})
    else:
        database.run_relaxed((sql, (value, key, value)))


def write_due(**_: Any) -> None:
    """Write what is kept, if it is time: an answer is on its way."""
    if _kept.values and time.monotonic() >= _kept.due_at:
        write_kept()


def write_kept() -> None:
    """Write what is kept, whoever noted it. What the database is too busy for is kept for the next time."""
    values = _kept.take()
    if not values:
        return
    try:
        _write(values)
    except OperationalError:
        _kept.keep(values)
    except Error:
        # One that is refused for good must not keep the others back.
        for place, value in values.items():
            try:
                _write({place: value})
            except Error as error:
                log.warning("bookkeeping_failed", extra={"reason": type(error).__name__})


def _write(values: Mapping[tuple[str, Any], Any]) -> None:
    statements = [(sql, (value, key, value)) for (sql, key), value in values.items()]
    database.run_relaxed(*statements, patience_seconds=PATIENCE_SECONDS)
