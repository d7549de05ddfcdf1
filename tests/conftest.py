"""What every test gets: its own data directory, and a database like the real one."""

import gc
import signal
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import Style
from django.core.management.commands import flush
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure() -> None:
    """What is started in the background may ignore Ctrl-C, and what it starts does too: tests could not press it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite is tested in a file: WAL, locks between connections and syncs are what the store is about."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """The test's own data directory, not made yet."""
    folder = tmp_path / "data"
    settings.DATA_DIR = folder
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real conversations beside the checkout, for those who have them; without them the test is skipped."""
    if not SHARED_DATA.is_dir():
        pytest.skip("there is no folder of sample conversations beside the checkout")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes to a test's store, so what verify finds need not be looked at again after a pause."""
    monkeypatch.setattr("sessions.actions.copies.SECOND_LOOK_SECONDS", 0)


@pytest.fixture(autouse=True)
def thorough(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loaded machine too a search settles all that a test has written."""
    # The package gives the name of this module to its verb.
    monkeypatch.setattr(import_module("sessions.actions.search"), "SEARCH_SETTLES_SECONDS", 60.0)


@pytest.fixture(autouse=True, scope="session")
def flushed_quickly() -> Iterator[None]:
    """What a test leaves is taken away, but for the content types and permissions, which follow from the code.

    Django would make those anew after every test, which takes longer than most tests do; and emptying a table of a
    few rows takes PostgreSQL a fraction of the time that truncating it does.
    """

    def without_what_follows_from_code(style: Style, connection: BaseDatabaseWrapper, **options: Any) -> Sequence[str]:
        kept = {model._meta.db_table for model in (ContentType, Permission)}
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - kept
        if options["reset_sequences"]:
            return connection.ops.sql_flush(style, sorted(tables), **options)
        # Foreign keys are looked at when the transaction ends, so any order will do.
        emptied = [f"DELETE FROM {connection.ops.quote_name(name)}" for name in sorted(tables)]
        return ["; ".join(emptied)] if connection.vendor == "postgresql" else emptied

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", without_what_follows_from_code)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield
