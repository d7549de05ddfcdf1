"""What the two databases do differently, said once."""

import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connections, models, transaction

log = logging.getLogger(__name__)


class _PutOff(threading.local):
    """A thread's relaxed statements that wait until somebody has their answer."""

    def __init__(self) -> None:
        self.collecting = False
        self.waiting: list[tuple[str, Sequence[Any]]] = []


_put_off = _PutOff()


@contextmanager
def putting_off() -> Iterator[None]:
    """A block whose relaxed statements wait for `run_put_off`, so that no answer waits for them."""
    # What an answer left behind that nobody took.
    run_put_off()
    _put_off.collecting = True
    try:
        yield
    finally:
        _put_off.collecting = False


def run_put_off(**_: Any) -> None:
    """Run what this thread put off. What the database refuses then is found out anew by somebody else."""
    waiting, _put_off.waiting = _put_off.waiting, []
    for sql, parameters in waiting:
        try:
            run_relaxed(sql, parameters)
        except Error as error:
            log.warning("bookkeeping_failed", extra={"reason": type(error).__name__})


def run_relaxed(sql: str, parameters: Sequence[Any]) -> None:
    """Run one statement whose commit does not wait for the disk. Only for what can be found out anew.

    Inside a transaction it becomes part of that. Elsewhere it may be put off, and a failure is then not the caller's.
    """
    using = connections[DEFAULT_DB_ALIAS]
    if _put_off.collecting and not using.in_atomic_block:
        _put_off.waiting.append((sql, parameters))
        return
    if using.vendor == "sqlite":
        using.run_relaxed(sql, parameters)  # type: ignore[attr-defined]  # sessionsite.sqlite
        return
    with transaction.atomic(), using.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(sql, parameters)


class UtcDay(models.Func):
    """The day that a time lies in, in UTC, as text such as "2026-03-01"."""

    arity = 1
    output_field = models.CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="SUBSTR(%(expressions)s, 1, 10)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD')", **extra
        )


def hold_shared(name: str) -> None:
    """Hold a name until the transaction ends, together with others who do; see `hold_alone`."""
    _hold(name, "pg_advisory_xact_lock_shared")


def hold_alone(name: str) -> None:
    """Hold a name until the transaction ends, once nobody else holds it: for what has no row yet that could be locked.

    SQLite's write transaction excludes all others already.
    """
    _hold(name, "pg_advisory_xact_lock")


def _hold(name: str, function: str) -> None:
    using = connections[DEFAULT_DB_ALIAS]
    if using.vendor == "postgresql":
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with using.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [key])
