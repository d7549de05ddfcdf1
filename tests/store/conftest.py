"""The bench's programs, run small, each in a process and on a store of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

type Bench = Callable[..., subprocess.CompletedProcess[str]]

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Runs `python -m bench.<name>` with some options, on the suite's kind of database; whatever its exit code."""
    server = os.environ.get("DATABASE_URL", "")
    database = ["--database-url", server] if server.startswith("postgres") else []

    def run(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"bench.{name}", "--dir", tmp_path, *database, *options],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    return run
