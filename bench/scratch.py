"""A store of its own for every run, on the disk and the database server that the caller names."""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Store:
    """A migrated, empty store; `outside` is a folder beside it for what the store must not know of.

    `database_url` is empty for SQLite in the data directory. `live` says that processes have the store open, so that
    what is committed is what they see.
    """

    data_dir: Path
    outside: Path
    database_url: str
    live: bool = False

    @property
    def sqlite(self) -> bool:
        return not self.database_url

    @property
    def database(self) -> Path:
        """The SQLite database's file."""
        return self.data_dir / "sessionsite.sqlite3"

    def environment(self) -> Mapping[str, str]:
        """What a process needs in order to work on this store, and nothing of the developer's own settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SESSIONSITE_")}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "sessionsite.settings",
            "SESSIONSITE_ENV_FILE": os.devnull,
            "SESSIONSITE_DATA_DIR": str(self.data_dir),
            "SESSIONSITE_SECRET_KEY": "a scratch store's key, long enough to be taken for a good one",
            "DATABASE_URL": self.database_url,
            "LOG_LEVEL": "CRITICAL",
        }

    def enter(self) -> None:
        """Make this process one of the store's; may be called once in a process."""
        os.environ.clear()
        os.environ.update(self.environment())
        import django

        django.setup()


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every program here takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path.cwd(), help="where the scratch folder is made (a real disk)")
    parser.add_argument("--database-url", default="", help="a PostgreSQL server; a scratch database is made on it")
    return parser


@contextmanager
def store(folder: Path, database_url: str = "") -> Iterator[Store]:
    """A new store below `folder`, gone afterwards, with a scratch database of the server when a URL is given."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=folder, ignore_cleanup_errors=True) as name:
        scratch = Path(name).absolute()
        outside = scratch / "outside"
        outside.mkdir()
        with _database(database_url) as url:
            made = Store(scratch / "data", outside, url)
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0", "--skip-checks"],
                cwd=_ROOT,
                env=made.environment(),
                check=True,
            )
            yield made


def filesystem(path: Path) -> str:
    """The type of the file system that a path lies on, "?" where nobody tells."""
    result = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "?"


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    if not server_url:
        yield ""
        return
    name = f"sessionsite_bench_{secrets.token_hex(6)}"
    # A connection for each: a program may kill the server's processes in between.
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
