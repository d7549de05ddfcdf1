"""Faults on purpose. A proof that stays green with the defect that it is there for proves nothing.

They are put into a writer's process by name and exist nowhere else.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

# Long enough for the acknowledgement to be out, and for a kill to come, before the journal is written.
_LATE_SECONDS = 0.05


def ack_before_journal() -> None:
    """The mirror catches up in the background: a commit alone is acknowledged."""
    from django.db import connection, transaction

    from sessions.mirror import bell, drain

    def drain_later(session_id: str, known: Sequence[Any]) -> None:
        time.sleep(_LATE_SECONDS)
        try:
            drain.drain_session(session_id, known)
        finally:
            connection.close()

    def ring_for_session(session_id: str, known: Sequence[Any] = (), *, using: str | None = None) -> None:
        later = threading.Thread(target=drain_later, args=(session_id, known))
        transaction.on_commit(later.start, using)

    bell.ring_for_session = ring_for_session


def no_fdatasync() -> None:
    """Appends are left to the kernel. A killed process loses nothing by it, a power cut does."""
    os.fdatasync = lambda fd: None


DEFECTS: dict[str, Callable[[], None]] = {
    "ack-before-journal": ack_before_journal,
    "no-fdatasync": no_fdatasync,
}


def apply(name: str) -> None:
    """Put a defect into this process; an empty name puts in none."""
    if name:
        DEFECTS[name]()
