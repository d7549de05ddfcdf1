"""A throw-away PostgreSQL: `python -m tests.postgres COMMAND...` runs the command with DATABASE_URL set to it.

The cluster lives in a temporary folder, listens on a Unix socket in it alone, and is stopped and deleted
whatever happens to the command.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 60
# Nothing here must survive a power cut. Commits keep their real order and visibility; only fsync is skipped.
OPTIONS = ("fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=50")


class PostgresUnavailable(Exception):
    """There is no PostgreSQL on this machine, or none that this account may run."""


def binaries() -> Path:
    """The newest installed version's folder of programs; raises PostgresUnavailable."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if candidates:
        return candidates[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise PostgresUnavailable("PostgreSQL's server programs (initdb, postgres) are not installed")


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a fresh cluster; yields the URL of an empty database."""
    programs, account = binaries(), _account()
    with tempfile.TemporaryDirectory(prefix="sessionsite-pg-") as folder:
        if account:
            shutil.chown(folder, account["user"], account["group"])
        cluster = f"{folder}/cluster"
        _run(programs / "initdb", "-D", cluster, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync", **account)
        settings = [part for option in OPTIONS for part in ("-c", option)]
        with (Path(tempfile.gettempdir()) / Path(folder).name / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", cluster, "-k", folder, *settings], stderr=log, stdout=log, **account
            )
            try:
                _wait_until_ready(programs, folder, server)
                yield f"postgresql://tests@/postgres?host={quote(folder)}"
            finally:
                # Immediate shutdown: there is nothing to save.
                server.send_signal(signal.SIGQUIT)
                server.wait(timeout=30)


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root lends it the account that its package made."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresUnavailable("PostgreSQL does not run as root, and there is no account 'postgres'") from None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _run(*command: str | Path, **account: Any) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, **account)
    if result.returncode:
        raise PostgresUnavailable(f"{Path(command[0]).name} failed: {result.stderr.strip()}")


def _wait_until_ready(programs: Path, folder: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run([programs / "pg_isready", "-q", "-h", folder], check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise PostgresUnavailable(f"postgres did not start: {(Path(folder) / 'log').read_text()}")
        time.sleep(0.1)


def main(command: Sequence[str]) -> int:
    # A polite stop must unwind the cluster as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_postgres() as url:
            return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False).returncode
    except PostgresUnavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
