"""How far something has come, noted so that nobody waits for the note: not for the disk, and no answer for its writing.

What is noted can be found out anew, so it may be late or be lost: how far a journal is, when a token was used last. A
program leaves such notes behind with every request, each saying all that the one before said. So a thread that answers
programs keeps them back (`putting_off`), for all threads together and of each value only the latest; they are written
in one transaction when the answer is on its way. A server that can tell when nobody waits for a thread
(`wait_for_quiet`) is not asked to do so after each answer, but then, or when the oldest has lain for `LONGEST_SECONDS`.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connections

from . import database

log = logging.getLogger(__name__)

LONGEST_SECONDS = 0.02


class _Here(threading.local):
    """Whether this thread keeps its notes back."""

    keeping = False


class _Kept:
    """The latest value by the statement that writes it and the row's key, and when the oldest is to be written."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: dict[tuple[str, Any], Any] = {}
        self.due_at = 0.0


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
    if not _here.keeping or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        database.run_relaxed((sql, (value, key, value)))
        return
    with _kept.lock:
        if not _kept.values:
            _kept.due_at = time.monotonic() + (LONGEST_SECONDS if _quiet_is_told else 0.0)
        known = _kept.values.get((sql, key))
        if known is None or known < value:
            _kept.values[sql, key] = value


def write_due(**_: Any) -> None:
    """Write what is kept, if it is time: an answer is on its way."""
    if _kept.values and time.monotonic() >= _kept.due_at:
        write_kept()


def write_kept() -> None:
    """Write what is kept, whoever noted it. What the database refuses then is found out anew by somebody else."""
    if not _kept.values:
        return
    with _kept.lock:
        values, _kept.values = _kept.values, {}
    statements = [(sql, (value, key, value)) for (sql, key), value in values.items()]
    try:
        database.run_relaxed(*statements)
    except Error as error:
        log.warning("bookkeeping_failed", extra={"reason": type(error).__name__})
