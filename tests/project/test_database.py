from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sessionsite.database import database_config


def test_it_keeps_a_sqlite_file_in_the_data_directory() -> None:
    config = database_config("", data_dir=Path("/srv/data"))
    assert (config["ENGINE"], config["NAME"]) == ("sessionsite.sqlite", "/srv/data/sessionsite.sqlite3")


def test_it_makes_a_relative_sqlite_path_absolute() -> None:
    config = database_config("sqlite:///some/where.sqlite3", data_dir=Path("/srv/data"))
    assert config["NAME"] == str(Path.cwd() / "some" / "where.sqlite3")


def test_it_reads_a_postgresql_url() -> None:
    config = database_config("postgresql://al%40ice:p%2F%23w@db:5433/store?sslmode=require", data_dir=Path("/srv"))
    assert config["ENGINE"] == "django.db.backends.postgresql"
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"]) == ("al@ice", "p/#w", "db", 5433)
    assert config["OPTIONS"] == {"sslmode": "require", "connect_timeout": 10, "application_name": "sessionsite"}


def test_it_lets_the_url_choose_the_connection_timeout() -> None:
    config = database_config("postgres://u@db/store?connect_timeout=3", data_dir=Path("/srv"))
    assert config["OPTIONS"]["connect_timeout"] == 3


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://alice:hidden/pass@db/store",
        "postgresql://alice:hidden#pass@db/store",
        "postgresql://alice:hidden@[db/store",
        "postgresql://alice:hidden@db",
        "mysql://alice:hidden@db/store",
        "hidden",
        "sqlite://:memory:",
        "sqlite://",
    ],
)
def test_it_refuses_a_url_that_it_cannot_use_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refusal:
        database_config(url, data_dir=Path("/srv"))
    assert "hidden" not in str(refusal.value)
    assert refusal.value.__cause__ is None
