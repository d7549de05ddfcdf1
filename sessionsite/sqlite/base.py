"""Django's SQLite backend, set up for durable commits and for one checkpoint at a time.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when a checkpoint overlaps a commit that resets the WAL
(https://sqlite.org/wal.html#walresetbug). Automatic checkpoints are therefore off on every connection, and
`checkpoint` runs one while it holds the write lock, so that no commit can overlap it, whatever the library's
version. docs/decisions/0002-sqlite-checkpoints.md tells why this was chosen.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base, operations

from .turns import Turns, turns_at

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

# Four times SQLite's own default: a checkpoint copies a page once however often it was written in between.
CHECKPOINT_BYTES = 16 * 1024 * 1024
# The WAL's size is looked at once in so many commits; a stat on each would cost more than it tells.
COMMITS_BETWEEN_LOOKS = 16
BUSY_SECONDS = 30


class DatabaseOperations(operations.DatabaseOperations):
    """Django's, its way of times cut short for UTC, all that the store keeps."""

    def adapt_datetimefield_value(self, value: Any) -> Any:
        if type(value) is datetime and value.tzinfo is UTC and self.connection.timezone is UTC:
            return str(value.replace(tzinfo=None))
        return super().adapt_datetimefield_value(value)

    def convert_datetimefield_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if self.connection.timezone is UTC and value is not None:
            # What comes from a column's own type has been read by the driver.
            moment = datetime.fromisoformat(value) if type(value) is str else value
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return super().convert_datetimefield_value(value, expression, connection)


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite in WAL mode with `synchronous=FULL`: a commit that returned is on the disk."""

    ops_class = DatabaseOperations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commits = 0
        self._turns: Turns | None = None
        self._turn: Turns | None = None
        self._patience_seconds = float(self.settings_dict["OPTIONS"].get("timeout", BUSY_SECONDS))

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        # The write lock is taken when a transaction begins: an upgrade in its middle could only fail.
        self.transaction_mode = "IMMEDIATE"
        params.setdefault("timeout", BUSY_SECONDS)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        _make_private(Path(conn_params["database"]))
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # A WAL that starts over is cut back to this size, so a larger one always means work for a checkpoint.
        connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_BYTES}")
        return connection

    def run_directly(self, sql: str, parameters: "Sequence[Any]") -> list[Any]:
        """Run one statement (places marked `%s`) and return its rows, past the cursor layers that log and convert.

        Five of them stand in the way of every logged interaction, 6 µs each. Where somebody listens to the
        statements, they are taken after all.
        """
        if self.execute_wrappers or self.queries_logged:
            with self.cursor() as cursor:
                return list(cursor.execute(sql, parameters))
        if self.connection is None:
            self.ensure_connection()
        try:
            rows: list[Any] = self.connection.execute(_question_marks(sql), parameters).fetchall()
        except sqlite3.Error:
            with self.wrap_database_errors:
                raise
        return rows

    @contextmanager
    def waiting_at_most(self, seconds: float) -> Iterator[None]:
        """A block whose writes wait no longer than this for others; they fail with OperationalError then."""
        self.ensure_connection()
        usual, self._patience_seconds = self._patience_seconds, seconds
        self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1_000)}")
        try:
            yield
        finally:
            self._patience_seconds = usual
            if self.connection is not None:
                self.connection.execute(f"PRAGMA busy_timeout = {int(usual * 1_000)}")

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            self.run_directly(f"BEGIN {self.transaction_mode}", ())
        except BaseException:
            self._end_turn()
            raise

    def _take_turn(self) -> None:
        if self._turn is None:
            turns = self._turns
            # A forked process has turns of its own.
            if turns is None or turns.process != os.getpid():
                turns = self._turns = turns_at(Path(self.settings_dict["NAME"]))
            if not turns.take(self._patience_seconds):
                raise OperationalError("database is locked")
            self._turn = turns

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.give_back()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._end_turn()

    def _commit(self) -> None:
        try:
            if self.queries_logged or self.connection is None:
                super()._commit()  # type: ignore[misc]  # the stubs leave out private methods
            else:
                with self.wrap_database_errors:
                    self.connection.commit()
        finally:
            # Ctrl-C may come right behind it; nobody rolls back then what is over. What failed is rolled back.
            if self.connection is None or not self.connection.in_transaction:
                self._end_turn()
        self._commits += 1
        if self._commits % COMMITS_BETWEEN_LOOKS == 0:
            self.checkpoint_when_due()

    def checkpoint_when_due(self) -> None:
        """Checkpoint when the WAL has outgrown `CHECKPOINT_BYTES`; a busy database is left for the next look.

        Never raises for what the database says: the commit before it has succeeded, and its caller must hear so.
        """
        path = Path(self.settings_dict["NAME"])
        with suppress(OSError):
            if path.with_name(f"{path.name}-wal").stat().st_size <= CHECKPOINT_BYTES:
                return
            try:
                checkpoint(path)
            except sqlite3.Error as error:
                log.debug("checkpoint_postponed", extra={"reason": str(error)})

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        """A block whose transactions do not wait for the disk when they commit: for what can be found out anew.

        The next durable commit makes them durable too. A connection that does not come back to `synchronous=FULL` is
        closed, for the next one starts with it. A second connection, always relaxed, would cost more: its writes make
        this one forget its pages (19 reads in every transaction). Inside a transaction it is that which decides.
        """
        if self.in_atomic_block:
            yield
            return
        self.run_directly("PRAGMA synchronous = NORMAL", ())
        try:
            yield
        finally:
            # A connection that was opened anew within the block is durable from the start.
            if self.connection is not None and not _make_durable(self.connection):
                self.close()

    def run_relaxed(self, statements: "Sequence[tuple[str, Sequence[Any]]]") -> None:
        """Run statements in one relaxed transaction; inside a transaction they become part of that."""
        if self.in_atomic_block:
            for sql, parameters in statements:
                self.run_directly(sql, parameters)
            return
        with self.relaxed():
            self._take_turn()
            try:
                with self.wrap_database_errors:
                    _run_together(self.connection, statements)
            finally:
                self._end_turn()


def _run_together(connection: sqlite3.Connection, statements: "Sequence[tuple[str, Sequence[Any]]]") -> None:
    """All of the statements or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, parameters in statements:
            connection.execute(_question_marks(sql), parameters)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_durable(connection: sqlite3.Connection) -> bool:
    """Whether the connection, told to, now syncs every commit; inside a transaction SQLite refuses with an error."""
    try:
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        return False
    return True


@cache
def _question_marks(sql: str) -> str:
    """The driver's own places; our statements hold no other percent sign."""
    return sql.replace("%s", "?")


def _make_private(path: Path) -> None:
    """Make a database that does not exist yet as an empty file of its owner's; SQLite would ask the umask.

    The WAL and its index get the database's permissions. A failure is left for the connection to report.
    """
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def checkpoint(path: Path) -> None:
    """Copy the WAL's committed pages into the database at `path`, with every writer held off meanwhile.

    What a reader still needs is left in the WAL for the next time. Raises sqlite3.OperationalError when the
    write lock cannot be had within a second.
    """
    with (
        closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as gate,
        closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as worker,
    ):
        for connection in (gate, worker):
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        gate.execute("BEGIN IMMEDIATE")
        try:
            # PASSIVE needs no write lock of its own, which is why it can run behind the gate.
            worker.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            gate.execute("ROLLBACK")
