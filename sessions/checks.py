"""System checks: what an operator should know before the store is trusted with conversations."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import Error as DatabaseError
from django.db import connections

from . import conf

# Django makes keys of 50 characters and warns below that number.
SECRET_KEY_CHARACTERS = 50

type Version = tuple[int, int, int]


@register(Tags.files)
def data_directory_is_writable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001: neither the journals nor (with SQLite) the database could be written."""
    directory = conf.data_dir()
    nearest = _nearest_existing(directory)
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"The data directory {directory} cannot be written to.",
            hint=f"Give the account that runs Sessionsite a writable folder at {nearest}, or set SESSIONSITE_DATA_DIR.",
            id="sessionsite.E001",
        )
    ]


def _nearest_existing(path: Path) -> Path:
    return next(candidate for candidate in (path, *path.parents) if os.path.lexists(candidate))


@register(Tags.security)
def signing_key_is_long_enough(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W002: a key that can be guessed lets anybody forge a sign-in. (Django itself refuses an empty one.)"""
    if len(settings.SECRET_KEY) >= SECRET_KEY_CHARACTERS:
        return []
    return [
        Warning(
            f"The signing key has fewer than {SECRET_KEY_CHARACTERS} characters.",
            hint="Remove SESSIONSITE_SECRET_KEY to have a good one made and kept in the data directory, or set a "
            "long random text. Everybody will have to sign in again.",
            id="sessionsite.W002",
        )
    ]


@register(Tags.compatibility)
def sqlite_library_is_sound(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """I003: the SQLite library has the WAL-reset race, which the store's own backend keeps from happening."""
    if connections["default"].vendor != "sqlite" or not has_wal_reset_race(sqlite3.sqlite_version_info):
        return []
    return [
        Info(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset race (fixed in 3.51.3, 3.50.7 and 3.44.6), which can "
            "corrupt a database. Sessionsite's own connections cannot run into it.",
            hint="Open the live database with no other program that writes or checkpoints. For good, use a Python "
            "whose SQLite is 3.51.3 or newer, or PostgreSQL through DATABASE_URL. "
            "See docs/decisions/0002-sqlite-checkpoints.md.",
            id="sessionsite.I003",
        )
    ]


def has_wal_reset_race(version: Version) -> bool:
    """Whether a SQLite of this version is affected; source: https://sqlite.org/wal.html#walresetbug."""
    repaired_branches: Sequence[tuple[Version, Version]] = (((3, 44, 6), (3, 45, 0)), ((3, 50, 7), (3, 51, 0)))
    if any(first <= version < end for first, end in repaired_branches):
        return False
    return (3, 7, 0) <= version < (3, 51, 3)


@register(Tags.database)
def postgresql_is_durable(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """W004: the server acknowledges what a power cut could still take away."""
    lax = [
        name
        for alias in databases or ()
        if connections[alias].vendor == "postgresql"
        for name, value in _durability_settings(alias).items()
        if value == "off"
    ]
    return [
        Warning(
            f"PostgreSQL runs with {name} = off: an acknowledged interaction may be lost in a crash.",
            hint=f"Set {name} = on in postgresql.conf; synchronous_commit may also be set for a database or a role.",
            id="sessionsite.W004",
        )
        for name in lax
    ]


def _durability_settings(alias: str) -> dict[str, str]:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')")
            return dict(cursor.fetchall())
    except DatabaseError:
        # A server that cannot be reached is reported by whatever needs it next, in its own words.
        return {}
