"""The SQLite backend, on files of its own: the suite may be running on PostgreSQL."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from pytest_django import DjangoDbBlocker

from sessionsite.database import database_config
from sessionsite.sqlite import base
from sessionsite.sqlite.base import DatabaseWrapper, checkpoint
from sessionsite.sqlite.turns import Turns

PAGE_BYTES = 4096


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the real one, so that the tests need not write so much to reach it."""
    monkeypatch.setattr(base, "CHECKPOINT_BYTES", 4 * 1024 * 1024)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.sqlite3"


@pytest.fixture
def wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@pytest.fixture
def connect(path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[[], DatabaseWrapper]]:
    """Opens connections to one database; closes them in the end."""
    opened: list[DatabaseWrapper] = []

    def open_one() -> DatabaseWrapper:
        settings = database_config(f"sqlite:///{path}", data_dir=path.parent)
        defaults = {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "TIME_ZONE": None, "CONN_HEALTH_CHECKS": False}
        wrapper = DatabaseWrapper({**defaults, **settings}, alias=f"sqlite-{len(opened)}")
        opened.append(wrapper)
        return wrapper

    with django_db_blocker.unblock():
        yield open_one
        for wrapper in opened:
            wrapper.close()


@pytest.fixture
def database(connect: Callable[[], DatabaseWrapper]) -> DatabaseWrapper:
    wrapper = connect()
    run(wrapper, "CREATE TABLE line (id INTEGER PRIMARY KEY, text TEXT)")
    return wrapper


def run(database: DatabaseWrapper, sql: str, *parameters: str) -> list[tuple[object, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def pragma(database: DatabaseWrapper, name: str) -> object:
    return run(database, f"PRAGMA {name}")[0][0]


def begin(database: DatabaseWrapper) -> None:
    """Begin a transaction as `atomic` does, which only knows the databases of the settings."""
    database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def write(database: DatabaseWrapper, *, pages: int = 1) -> None:
    """One transaction that fills about so many pages."""
    begin(database)
    for _ in range(pages):
        run(database, "INSERT INTO line (text) VALUES (%s)", "x" * PAGE_BYTES)
    database.commit()
    database.set_autocommit(True)


def test_it_syncs_every_commit_and_never_checkpoints_by_itself(database: DatabaseWrapper) -> None:
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2
    assert pragma(database, "wal_autocheckpoint") == 0
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "busy_timeout") == base.BUSY_SECONDS * 1000


def test_it_makes_the_database_its_owners_alone(database: DatabaseWrapper, path: Path, wal: Path) -> None:
    assert [file.stat().st_mode & 0o777 for file in (path.parent, path, wal)] == [0o700, 0o600, 0o600]


def test_it_takes_the_write_lock_when_a_transaction_begins(
    connect: Callable[[], DatabaseWrapper], database: DatabaseWrapper
) -> None:
    second = connect()
    begin(database)
    with second.waiting_at_most(0), pytest.raises(OperationalError, match="locked"):
        begin(second)
    database.rollback()
    database.set_autocommit(True)


def test_it_gives_its_turn_back_however_a_transaction_ends(
    connect: Callable[[], DatabaseWrapper], database: DatabaseWrapper
) -> None:
    second = connect()
    for end in (database.commit, database.rollback, database.close):
        begin(database)
        end()
        with second.waiting_at_most(0):
            write(second)
        if database.connection is not None:
            database.set_autocommit(True)


def test_it_gives_its_turn_back_when_it_is_interrupted_behind_a_commit(
    connect: Callable[[], DatabaseWrapper], database: DatabaseWrapper
) -> None:
    class Interrupted:
        """A driver's connection, and Ctrl-C as soon as it has committed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def commit(self) -> None:
            real.commit()
            raise KeyboardInterrupt

    begin(database)
    real, database.connection = database.connection, Interrupted()
    with pytest.raises(KeyboardInterrupt):
        database.commit()
    database.connection = real
    second = connect()
    with second.waiting_at_most(0):
        write(second)


def test_it_keeps_its_turn_while_a_commit_that_failed_can_be_tried_again(database: DatabaseWrapper, path: Path) -> None:
    class Failing:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def commit(self) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    begin(database)
    real, database.connection = database.connection, Failing()
    with pytest.raises(OperationalError, match="disk"):
        database.commit()
    database.connection = real
    other = Turns(path)
    assert not other.take(0)
    database.rollback()
    assert other.take(0)
    other.give_back()


def test_it_gives_its_turn_back_when_a_transaction_cannot_begin(
    connect: Callable[[], DatabaseWrapper], database: DatabaseWrapper, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with database.waiting_at_most(0), pytest.raises(OperationalError):
            begin(database)
    with connect().waiting_at_most(0):
        pass
    write(connect())


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2)), timezone(timedelta(0))])
def test_it_keeps_a_time_in_utc_and_gives_it_back(database: DatabaseWrapper, zone: timezone) -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC)
    kept = database.ops.adapt_datetimefield_value(moment.astimezone(zone))
    assert kept == "2026-03-01 12:00:00.000007"
    assert repr(database.ops.convert_datetimefield_value(kept, None, database)) == repr(moment)


def test_its_patience_lasts_for_a_block_alone(database: DatabaseWrapper) -> None:
    with database.waiting_at_most(0.05):
        assert pragma(database, "busy_timeout") == 50
    assert pragma(database, "busy_timeout") == base.BUSY_SECONDS * 1000


def test_it_leaves_the_wal_alone_below_the_limit(
    database: DatabaseWrapper, wal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "checkpoint", lambda path: pytest.fail("a checkpoint ran"))
    for _ in range(base.COMMITS_BETWEEN_LOOKS * 2):
        write(database)
    assert wal.stat().st_size > PAGE_BYTES * base.COMMITS_BETWEEN_LOOKS


def test_it_keeps_the_wal_of_a_long_run_small(database: DatabaseWrapper, path: Path, wal: Path) -> None:
    largest = 0
    for _ in range(base.COMMITS_BETWEEN_LOOKS * 4):
        write(database, pages=40)
        largest = max(largest, wal.stat().st_size)
    slack = base.COMMITS_BETWEEN_LOOKS * 42 * PAGE_BYTES
    assert largest < base.CHECKPOINT_BYTES + 2 * slack
    assert path.stat().st_size > 2 * base.CHECKPOINT_BYTES


def test_it_cuts_a_wal_that_starts_over_back_to_the_limit(database: DatabaseWrapper, path: Path, wal: Path) -> None:
    write(database, pages=2000)
    assert wal.stat().st_size > base.CHECKPOINT_BYTES
    database.checkpoint_when_due()
    write(database)
    assert wal.stat().st_size <= base.CHECKPOINT_BYTES


def test_a_checkpoint_brings_every_page_into_the_database(database: DatabaseWrapper, path: Path, wal: Path) -> None:
    write(database, pages=100)
    checkpoint(path)
    wal.rename(wal.with_suffix(".away"))
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as reader:
        assert reader.execute("SELECT count(*) FROM line").fetchone() == (100,)
    wal.with_suffix(".away").rename(wal)


def test_a_checkpoint_waits_for_a_writer(database: DatabaseWrapper, path: Path) -> None:
    write(database)
    events: list[str] = []
    begin(database)
    run(database, "INSERT INTO line (text) VALUES ('open')")

    def check() -> None:
        checkpoint(path)
        events.append("checkpoint")

    thread = threading.Thread(target=check)
    thread.start()
    time.sleep(0.3)
    events.append("commit")
    database.commit()
    thread.join()
    database.set_autocommit(True)
    assert events == ["commit", "checkpoint"]


def test_a_checkpoint_holds_writers_off(path: Path, database: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    """While pages are copied, no other connection may begin to write."""
    refusals: list[str] = []

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, /, *parameters: object) -> sqlite3.Cursor:
            if "wal_checkpoint" in sql:
                with closing(real_connect(path, timeout=0, isolation_level=None)) as writer:
                    try:
                        writer.execute("BEGIN IMMEDIATE")
                    except sqlite3.OperationalError as error:
                        refusals.append(str(error))
            return super().execute(sql)

    real_connect = sqlite3.connect
    write(database)
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: real_connect(*args, factory=Watched, **kwargs))
    checkpoint(path)
    assert refusals == ["database is locked"]


def test_a_checkpoint_that_cannot_have_the_lock_does_not_fail_the_commit(
    connect: Callable[[], DatabaseWrapper], database: DatabaseWrapper, wal: Path
) -> None:
    write(database, pages=1500)
    writer = connect()
    begin(writer)
    run(writer, "INSERT INTO line (text) VALUES ('open')")
    database.checkpoint_when_due()
    writer.rollback()
    writer.set_autocommit(True)
    assert wal.stat().st_size > base.CHECKPOINT_BYTES


def test_a_relaxed_statement_is_committed_and_seen(database: DatabaseWrapper) -> None:
    database.run_relaxed([("INSERT INTO line (id) VALUES (%s)", [7])])
    assert database.run_directly("SELECT id FROM line WHERE id = %s", [7]) == [(7,)]


def test_a_relaxed_statement_does_not_sync_and_leaves_the_connection_durable(database: DatabaseWrapper) -> None:
    seen: list[str] = []
    database.ensure_connection()
    database.connection.set_trace_callback(seen.append)
    database.run_relaxed([("INSERT INTO line (id) VALUES (%s)", [7])])
    assert seen[0].endswith("synchronous = NORMAL")
    assert [one.split()[0] for one in seen[1:4]] == ["BEGIN", "INSERT", "COMMIT"]
    assert pragma(database, "synchronous") == 2


def test_a_relaxed_statement_inside_a_transaction_is_part_of_it(database: DatabaseWrapper) -> None:
    run(database, "BEGIN IMMEDIATE")
    database.in_atomic_block = True
    database.run_relaxed([("INSERT INTO line (id) VALUES (%s)", [7])])
    database.in_atomic_block = False
    run(database, "ROLLBACK")
    assert database.run_directly("SELECT id FROM line WHERE id = 7", []) == []


def test_a_refused_relaxed_statement_raises_djangos_error(database: DatabaseWrapper) -> None:
    database.run_relaxed([("INSERT INTO line (id) VALUES (%s)", [7])])
    with pytest.raises(IntegrityError):
        database.run_relaxed([("INSERT INTO line (id) VALUES (%s)", [7])])


def test_a_refused_relaxed_statement_leaves_the_connection_durable(database: DatabaseWrapper) -> None:
    with pytest.raises(OperationalError):
        database.run_relaxed([("INSERT INTO nowhere (id) VALUES (%s)", [7])])
    assert pragma(database, "synchronous") == 2
