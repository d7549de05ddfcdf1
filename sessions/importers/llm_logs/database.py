"""A stranger's SQLite file as tables to read, which can neither write, nor run what its schema says, nor take forever.

Only real tables of known names are read, a row at a time, by their row IDs. Views, triggers, virtual tables, generated
columns that call functions, and values beyond bounds are errors, never work. What belongs together is found by an
index of our own in a scratch file, because the file's own indexes may be missing or lie.
"""

import math
import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ..formats import Input

MAX_FILE_BYTES = 4 * 1024 * 1024 * 1024
MAX_VALUE_BYTES = 32 * 1024 * 1024
"""A row that holds more cannot be read."""

MAX_QUERY_SECONDS = 1.5
"""How long one row may take, and a walk over a table for every megabyte of the file beyond that."""

_COPY_BYTES = 1024 * 1024
_STEPS = 20_000
_WAL = 2

READ_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError)
"""What a damaged file or a hostile schema makes of a query."""


class TooLarge(OSError):
    """A file that is not copied."""


class Database:
    """The tables of a file that is being read; a context manager.

    Works on a copy, so that nobody writes into what is read, links are not followed, and a member of an archive is
    as good as a file. Raises OSError where there is no room for that, and `READ_ERRORS` where the copy is no database.
    """

    def __init__(self, source: Input) -> None:
        with ExitStack() as open_things:
            folder = open_things.enter_context(tempfile.TemporaryDirectory(prefix="sessionsite-import-"))
            path = Path(folder) / "logs.db"
            # First the log: what is in it stands over the pages of the database, whichever moment these are of.
            logged_bytes = _copy_log(source, path.with_name("logs.db-wal"))
            self._size_bytes = _copy(source, path) + logged_bytes
            self.has_log = logged_bytes > 0
            self._connection = open_things.enter_context(closing(_connected(path, has_log=self.has_log)))
            self._scratch = open_things.enter_context(closing(sqlite3.connect("", isolation_level=None)))
            self._scratch.execute("CREATE TABLE links (kind TEXT, owner TEXT, target, place)")
            _restrain(self._connection)
            self._tables = self._real_tables()
            self._open_things = open_things.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open_things.close()

    @property
    def tables(self) -> frozenset[str]:
        """The names of the real tables."""
        return frozenset(self._tables)

    def columns(self, table: str) -> frozenset[str]:
        """The names of a table's columns; none where there is no such table."""
        if table not in self._tables:
            return frozenset()
        self._begin(seconds=MAX_QUERY_SECONDS)
        cursor = self._connection.execute(f"SELECT * FROM {_quoted(table)} LIMIT 0")  # noqa: S608
        return frozenset(column[0] for column in cursor.description)

    def walk(self, table: str, columns: Sequence[str], order: Sequence[str] = ()) -> Iterator[tuple[Any, ...]]:
        """The row ID and some columns of every row. What a table lacks is None; a table that is not there is empty."""
        present = self.columns(table)
        if not present:
            return
        wanted = ", ".join(_quoted(name) if name in present else "NULL" for name in columns)
        by = ", ".join(_quoted(name) for name in order if name in present)
        query = f"SELECT rowid, {wanted} FROM {_quoted(table)} ORDER BY {by or 'rowid'}"  # noqa: S608
        self._begin(seconds=MAX_QUERY_SECONDS * (1 + self._size_bytes / 2**20))
        cursor = self._connection.execute(query)
        while rows := cursor.fetchmany(200):
            yield from rows
            self._begin(seconds=MAX_QUERY_SECONDS)

    def row(self, table: str, rowid: int, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """One row as a JSON object; blobs as their sizes. Of the columns in `without` only the lengths are read."""
        names = sorted(self.columns(table))
        wanted = ", ".join(f"length({_quoted(name)})" if name in without else _quoted(name) for name in names)
        self._begin(seconds=MAX_QUERY_SECONDS)
        query = f"SELECT {wanted} FROM {_quoted(table)} WHERE rowid = ?"  # noqa: S608
        found = self._connection.execute(query, (rowid,)).fetchone()
        return {name: _plain(value) for name, value in zip(names, found or (), strict=False)}

    def link(self, table: str, owner: str, target: str, place: str) -> None:
        """Remember which `target`s, in order of `place`, belong to each `owner`: columns of the table, or `rowid`."""
        columns = [name for name in (owner, target, place) if name != "rowid"]
        for name in columns[:2]:
            if name not in self.columns(table):
                return
        made = (
            (table, str(values[owner]), values[target], values[place])
            for rowid, *row in self.walk(table, columns)
            for values in [{"rowid": rowid, **dict(zip(columns, row, strict=True))}]
        )
        self._scratch.execute("BEGIN")
        self._scratch.executemany("INSERT INTO links VALUES (?, ?, ?, ?)", made)
        self._scratch.execute("COMMIT")

    def finish_links(self) -> None:
        self._scratch.execute("CREATE INDEX by_owner ON links (kind, owner, place)")

    def linked(self, table: str, owner: str) -> list[Any]:
        """The targets that belong to an owner, in order; at most 100,000."""
        query = "SELECT target FROM links WHERE kind = ? AND owner = ? ORDER BY place LIMIT 100000"
        return [target for (target,) in self._scratch.execute(query, (table, owner))]

    def first_linked(self, table: str, owner: str) -> Any:
        """The first target that belongs to an owner, None without one."""
        found = self._scratch.execute("SELECT target FROM links WHERE kind = ? AND owner = ?", (table, owner))
        return next(iter(found), (None,))[0]

    def _real_tables(self) -> dict[str, None]:
        self._begin(seconds=MAX_QUERY_SECONDS)
        # A virtual table has no root page; its module is never asked for anything.
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT 1000"
        return {name: None for (name,) in self._connection.execute(query) if isinstance(name, str)}

    def _begin(self, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)


def is_in_wal_mode(head: bytes) -> bool:
    """Whether what was written last may stand in a file beside the database."""
    return len(head) > 19 and head[18] == _WAL


def _copy(source: Input, path: Path) -> int:
    size_bytes = 0
    with path.open("xb") as copy:
        while data := source.read(_COPY_BYTES):
            size_bytes += len(data)
            if size_bytes > MAX_FILE_BYTES:
                raise TooLarge("a database too large")
            copy.write(data)
    return size_bytes


def _copy_log(source: Input, path: Path) -> int:
    """Copy the log that stands beside a database in WAL mode, as long as it is a file and of bearable size."""
    if not source.is_file or not is_in_wal_mode(source.head):
        return 0
    beside = source.path.with_name(f"{source.path.name}-wal")
    try:
        descriptor = os.open(beside, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0  # a database that was closed has none
    with os.fdopen(descriptor, "rb") as log:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            return 0
        with path.open("xb") as copy:
            shutil.copyfileobj(log, copy, _COPY_BYTES)
            return copy.tell()


def _connected(path: Path, *, has_log: bool) -> sqlite3.Connection:
    """The copy. With a log SQLite must be allowed to write its index of that, into our own folder."""
    mode = "rw" if has_log else "ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None)


def _restrain(connection: sqlite3.Connection) -> None:
    connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    for never in ("ENABLE_TRIGGER", "ENABLE_VIEW", "TRUSTED_SCHEMA", "ENABLE_LOAD_EXTENSION", "ENABLE_FTS3_TOKENIZER"):
        connection.setconfig(getattr(sqlite3, f"SQLITE_DBCONFIG_{never}"), False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    for pragma in ("query_only = ON", "cell_size_check = ON", "mmap_size = 0", "cache_size = -8000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.set_authorizer(_allows)


def _allows(action: int, first: str | None, second: str | None, database: str | None, cause: str | None) -> int:
    """Nothing but reading columns and measuring them, and nothing that a view or a trigger asks for."""
    is_reading = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ) and cause is None
    is_measuring = action == sqlite3.SQLITE_FUNCTION and second == "length"
    return sqlite3.SQLITE_OK if is_reading or is_measuring else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"size_bytes": len(value)}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
