import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks as framework
from django.db import connection
from pytest_django import Settings

from sessions import checks

ROOT = Path(__file__).resolve().parents[1]


def ids(messages: list[framework.CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


def test_a_data_directory_that_can_be_made_is_fine(data_dir: Path) -> None:
    assert not data_dir.exists()
    assert checks.data_directory_is_writable(None) == []
    assert not data_dir.exists()


def test_a_data_directory_behind_a_file_is_an_error(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings.DATA_DIR = tmp_path / "file" / "data"
    assert ids(checks.data_directory_is_writable(None)) == ["sessionsite.E001"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_data_directory_is_an_error(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o500)
    assert ids(checks.data_directory_is_writable(None)) == ["sessionsite.E001"]


def test_a_short_signing_key_is_a_warning(settings: Settings) -> None:
    assert checks.signing_key_is_long_enough(None) == []
    settings.SECRET_KEY = "short"
    assert ids(checks.signing_key_is_long_enough(None)) == ["sessionsite.W002"]


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_it_knows_the_libraries_with_the_wal_reset_race(version: checks.Version, affected: bool) -> None:
    assert checks.has_wal_reset_race(version) is affected


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
def test_an_affected_library_is_told_of_but_fails_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    [message] = checks.sqlite_library_is_sound(None)
    assert message.level < framework.WARNING
    assert "3.51.3" in str(message.hint)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert checks.sqlite_library_is_sound(None) == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
def test_a_postgresql_that_may_lose_commits_is_a_warning() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    found = " ".join(message.msg for message in checks.postgresql_is_durable(None, databases=["default"]))
    assert "synchronous_commit = off" in found
    # The suite's own cluster runs without fsync.
    assert "fsync = off" in found


def test_the_database_is_left_alone_unless_asked_for() -> None:
    assert checks.postgresql_is_durable(None, databases=None) == []


def test_the_deployment_check_is_clean_in_production_settings(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "SESSIONSITE_ENV_FILE": os.devnull,
        "SESSIONSITE_DATA_DIR": str(tmp_path),
        "SESSIONSITE_HTTPS": "true",
        "SESSIONSITE_ALLOWED_HOSTS": "sessions.example.org",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", "--database", "default"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "WARNINGS" not in result.stderr
