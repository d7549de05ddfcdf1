"""What the worker does for Home and Health, and what they ask about the store as a whole."""

import logging
import os
import shutil
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from sessions import conf
from sessions.analytics import tally
from sessions.mirror.verify import Finding
from sessions.models import Schedule
from sessions.records import JSON, Actor

from .copies import Progress, verify_mirror

log = logging.getLogger(__name__)

WORKER = "worker"
VERIFY = "verify"
# Beats come every 15 seconds; a long job may hold one back.
WORKER_SILENT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes; `database` is None where nobody can tell. `disk_free` is what the data directory's disk has left."""

    database: int | None
    disk_free: int
    disk_total: int

    @property
    def is_short(self) -> bool:
        """Whether the disk is nearly full: a store that cannot write acknowledges nothing."""
        return self.disk_free < max(self.disk_total // 20, 1024**3)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The rows of what runs by the clock or is noted with it, by name, and how long ago the worker was heard of."""

    jobs: Mapping[str, Schedule]
    now: datetime

    @property
    def worker_seen_at(self) -> datetime | None:
        worker = self.jobs.get(WORKER)
        return worker.last_finished_at if worker else None

    @property
    def worker_is_alive(self) -> bool:
        seen = self.worker_seen_at
        return seen is not None and self.now - seen < timedelta(seconds=WORKER_SILENT_SECONDS)


def clockwork() -> Clockwork:
    # A handful of rows; the bound is for a table that somebody else filled.
    return Clockwork({job.name: job for job in Schedule.objects.order_by("name")[:50]}, timezone.now())


def note_worker() -> None:
    """Say that a worker lives."""
    note_outcome(WORKER)


def note_outcome(name: str, **result: JSON) -> None:
    """Remember when something that has no schedule was done last, and how it went."""
    values = {"last_finished_at": timezone.now(), "last_result": result}
    Schedule.objects.update_or_create(name=name, defaults=values)


def inspect_mirror(*, actor: Actor, progress: Progress | None = None) -> list[Finding]:
    """Compare both copies as `verify_mirror` does, and note when that was, by whom, and how it ended: nothing else."""
    began = time.monotonic()
    findings = list(verify_mirror(progress=progress))
    note_outcome(VERIFY, findings=len(findings), seconds=round(time.monotonic() - began, 1), by=actor.name)
    return findings


def count_activity(*, limit: int = 500) -> int:
    """Count interactions for Home that nobody counted yet; return how many."""
    return tally.count_more(limit)


def check_activity() -> bool:
    """Whether Home's counts were right; where they were not, they are made anew by and by."""
    if tally.is_exact():
        return True
    tally.forget()
    return False


def data_dir_name() -> str:
    """Where the files are, with the home directory as `~`."""
    folder, home = str(conf.data_dir()), str(Path.home())
    return folder.replace(home, "~", 1) if folder.startswith(f"{home}/") else folder


def sizes() -> Sizes:
    disk = shutil.disk_usage(_existing(conf.data_dir()))
    return Sizes(_database_bytes(), disk.free, disk.total)


def missing_parts() -> list[str]:
    """What the store cannot do without and does not have at this moment: nothing, where all is well."""
    missing = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        log.warning("database_missing", extra={"reason": type(error).__name__})
        missing.append("the database")
    folder = conf.data_dir()
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)):
        log.warning("data_directory_missing")
        missing.append("the data directory")
    return missing


def database_version() -> str:
    """The database's name and version, for people."""
    if connection.vendor == "sqlite":
        import sqlite3

        return f"SQLite {sqlite3.sqlite_version}"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


@cache
def version() -> str:
    """Sessionsite's own version, as its project file has it."""
    return str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])


def _database_bytes() -> int | None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    path = str(connection.settings_dict["NAME"])
    try:
        return os.stat(path).st_size + sum(_file_bytes(Path(f"{path}-{part}")) for part in ("wal", "shm"))  # noqa: PTH116
    except OSError:
        return None


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _existing(path: Path) -> Path:
    return next(candidate for candidate in (path, *path.parents) if candidate.exists())
