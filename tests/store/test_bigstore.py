"""The large store and the timing of its pages, run small."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bench import scratch

_ROOT = Path(__file__).resolve().parents[2]
_SIZE = ("--sessions", "60", "--interactions", "600")


def run(name: str, *options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", f"bench.{name}", *map(str, options)]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture
def database() -> Iterator[list[str]]:
    """The options that name an empty database of the suite's kind."""
    server = os.environ.get("DATABASE_URL", "")
    with scratch._database(server if server.startswith("postgres") else "") as url:
        yield ["--database-url", url] if url else []


def count(folder: Path, database: list[str], statement: str) -> int:
    if database:
        with psycopg.connect(database[1]) as connection:
            [found] = connection.execute(statement.encode()).fetchone() or (0,)
    else:
        with closing(sqlite3.connect(folder / "sessionsite.sqlite3")) as connection:
            [found] = connection.execute(statement).fetchone()
    return int(found)


@pytest.mark.thorough
def test_it_builds_a_store_of_the_size_that_was_asked_for_and_times_its_pages(
    tmp_path: Path, database: list[str]
) -> None:
    folder = tmp_path / "big"
    built = run("bigstore", *_SIZE, "--folder", folder, *database)
    assert built.returncode == 0, built.stderr
    assert count(folder, database, "SELECT count(*) FROM conversations_session") == 60
    assert count(folder, database, "SELECT count(*) FROM conversations_interaction") == 600
    assert count(folder, database, "SELECT sum(interaction_count) FROM conversations_session") == 600
    assert count(folder, database, "SELECT sum(interactions) FROM conversations_activitycount") == 600

    timed = run("pages", "--folder", folder, "--rounds", "2", "--only", "rare word", "--json", *database)
    pages = {page["name"]: page for page in json.loads(timed.stdout)}
    assert pages["bare view"]["status"] == 200
    assert pages["search for a rare word"]["status"] == 200
    assert pages["search for a rare word"]["queries"] > 0


def test_it_never_builds_into_a_folder_that_holds_anything(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    refused = run("bigstore", *_SIZE, "--folder", tmp_path)
    assert (refused.returncode, "is not empty" in refused.stdout) == (2, True)
