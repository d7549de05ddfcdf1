"""What the two databases do differently, said once."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction


@contextmanager
def relaxed_transaction() -> Iterator[None]:
    """A transaction whose commit does not wait for the disk. Only for what can be found out anew.

    Within another transaction it is a part of that. Nothing in it may ring a bell: what runs on its commit may not be
    on the disk either.
    """
    using = connections[DEFAULT_DB_ALIAS]
    if using.vendor == "sqlite":
        with using.relaxed(), transaction.atomic():  # type: ignore[attr-defined]  # sessionsite.sqlite
            yield
        return
    outermost = not using.in_atomic_block
    with transaction.atomic():
        if outermost:
            with using.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
        yield


type Statement = tuple[str, Sequence[Any]]


def run_relaxed(*statements: Statement, patience_seconds: float | None = None) -> None:
    """Run statements that write a row each, without waiting for the disk; within a transaction as a part of that.

    Elsewhere SQLite takes them in one transaction, all or none. PostgreSQL takes each in its own: one that holds a row
    while it waits for the next could wait for somebody who waits for it. Raises OperationalError where somebody else's
    lock is not given up within `patience_seconds`.
    """
    using = connections[DEFAULT_DB_ALIAS]
    if using.vendor == "sqlite":
        patient = nullcontext() if patience_seconds is None else using.waiting_at_most(patience_seconds)  # type: ignore[attr-defined]
        with patient:
            using.run_relaxed(statements)  # type: ignore[attr-defined]  # sessionsite.sqlite
        return
    for sql, parameters in statements:
        with relaxed_transaction(), using.cursor() as cursor:
            if patience_seconds is not None:
                cursor.execute(f"SET LOCAL lock_timeout = {max(1, int(patience_seconds * 1_000))}")
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


def locks_rows() -> bool:
    """Whether a transaction holds single rows. One of SQLite's that writes excludes all others that do."""
    return bool(connections[DEFAULT_DB_ALIAS].features.has_select_for_update)


class LedElsewhere(Exception):
    """What was locked is not what its ID leads to any more."""


def releasing_locks() -> AbstractContextManager[object]:
    """A block whose locks are given back when it ends with an exception.

    A transaction that waits for one row while it holds another may wait for itself. SQLite knows one lock only, which
    the transaction has from its beginning.
    """
    return transaction.atomic() if locks_rows() else nullcontext()


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
