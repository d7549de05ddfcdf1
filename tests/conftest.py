"""What every test gets: its own data directory, and a database like the real one."""

from importlib import import_module
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import Settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
