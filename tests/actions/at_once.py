"""Acts done at once, each by a thread of its own with a connection of its own."""

import threading
import time
from collections.abc import Callable

from django.db import connection

from sessions.records import ImportedInteraction, ImportEvent, SessionDraft
from tests.builders import draft

PATIENCE = 20.0


def together(*acts: Callable[[], object]) -> list[BaseException]:
    """Do these at once; what went wrong."""
    errors: list[BaseException] = []

    def work(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(act,)) for act in acts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return errors


def await_a_waiter() -> None:
    """Return once somebody waits for a lock of PostgreSQL's."""
    until = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


def names_in(session_id: str, place: int, *, user_id: str | None = None) -> list[ImportEvent]:
    """What an import finds in a file that says one thing of a session."""
    one = draft(prompt=f"{session_id}{place}", idempotency_key=f"k{place}")
    said = ImportedInteraction(session_id=session_id, draft=one, place=f"{place}")
    return [SessionDraft(session_id=session_id, user_id=user_id, source="test"), said]
