"""`make test`: every check that this machine can run, and a clear word about those it cannot.

Runs on after a failure, so that one run tells all. The last line counts tests of both databases, and each of
the tools as one.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import PostgresUnavailable, running_postgres

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
TOOLS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "lint-imports": ["lint-imports", "--no-logo"],
}
# One worker more than a small machine has processors: many tests wait for a browser, a server or a deadline, and
# none must stand idle at the end while another has a queue.
PYTEST = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "worksteal"]
# A run that takes this long hangs; pytest's faulthandler_timeout has then said where.
PYTEST_SECONDS = 2700
# What knows no database, asks it nothing that others do not, or drives processes with a store of their own.
WITHOUT_THE_STORE = [
    "tests/project",
    "tests/importers",
    "tests/rendering",
    "tests/packing",
    "tests/docs",
    "tests/browser",
    "tests/client",
    "tests/views",
    "tests/test_floors.py",
    # Other programs' view of what the room's own tests ask of both databases.
    "tests/mcp_server/test_inspector.py",
    "tests/mcp_server/test_conformance.py",
]
IS_CI = bool(os.environ.get("CI"))
if not IS_CI:
    # These ask little of a database that the others do not; continuous integration has the time.
    WITHOUT_THE_STORE += ["tests/commands", "tests/mirror", "tests/analytics", "tests/api", "tests/mcp_server"]
    WITHOUT_THE_STORE += ["tests/authorization", "tests/hook"]
# Without bytecode every worker would rewrite every test anew, and every process that a test starts compile the site.
UNHEARD = {"DATABASE_URL", "PYTHONDONTWRITEBYTECODE"}
SELECTED = [] if IS_CI else ["-m", "not thorough"]
# Where it is there and has room, the tests' folders lie in memory: syncs are called and counted, but wait for no disk.
# A run needs half a gigabyte. Continuous integration keeps to the disk: there the syncs are to be real.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 * 1024**3
# Programs that some tests need, and what goes untested without them.
PROGRAMS = {
    "chromium": "the tests in a real browser",
    "strace": "the order of syncs and acknowledgements, in a system-call trace",
}


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: list[str] = field(default_factory=list)

    def count(self, name: str, ok: bool) -> None:
        self.passed += ok
        self.failed += not ok
        if not ok:
            self.notes.append(f"FAILED: {name}")

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run_tool(name: str, command: Sequence[str], tally: Tally) -> None:
    result = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    ok = result.returncode == 0
    heading(f"{name}: {'clean' if ok else 'FAILED'}")
    if not ok:
        print(result.stdout + result.stderr, flush=True)
    tally.count(name, ok)


def run_pytest(name: str, arguments: Sequence[str], environment: Mapping[str, str], tally: Tally) -> None:
    heading(name)
    where = None if IS_CI else memory()
    # A server that a killed test left behind may still write there.
    with tempfile.TemporaryDirectory(prefix="sessionsite-tests-", dir=where, ignore_cleanup_errors=True) as folder:
        report = Path(folder) / "report.xml"
        command = [*PYTEST, f"--junitxml={report}", f"--basetemp={folder}/tests", *arguments]
        returncode = run_in_time(command, environment)
        failed_before = tally.failed
        if report.exists():
            add_report(report, tally)
    if returncode:
        tally.notes.append(f"FAILED: {name}")
        # A run that broke before or beside its tests has none to blame.
        tally.failed += tally.failed == failed_before


def memory() -> Path | None:
    """A folder in memory with room for all that a run writes, whose files may be run; None where there is none."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    fits = found.f_bavail * found.f_frsize >= MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC
    return MEMORY if fits and os.access(MEMORY, os.W_OK) else None


def run_in_time(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """The command's exit code; after PYTEST_SECONDS it is killed with all that it started."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, process_group=0)
    try:
        return process.wait(timeout=PYTEST_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"Killed after {PYTEST_SECONDS} seconds: it hangs.", flush=True)
        return 1
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def add_report(report: Path, tally: Tally) -> None:
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        tally.passed += total - skipped - failed
        tally.failed += failed
        tally.skipped += skipped


def run_on_postgres(environment: Mapping[str, str], tally: Tally) -> None:
    try:
        with running_postgres() as url:
            arguments = [f"--ignore={path}" for path in WITHOUT_THE_STORE] + [
                "-m",
                "not browser" if IS_CI else "not browser and not thorough",
                "tests",
            ]
            run_pytest("the store's tests on PostgreSQL", arguments, {**environment, "DATABASE_URL": url}, tally)
    except PostgresUnavailable as error:
        tally.notes.append(f"SKIPPED: the store's tests on PostgreSQL, because {error}")


def heading(name: str) -> None:
    print(f"\n--- {name}", flush=True)


def main() -> int:
    began = time.monotonic()
    # Who ends the run gets its processes and folders ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tally = Tally()
    environment = {name: value for name, value in os.environ.items() if name not in UNHEARD}
    for name, command in TOOLS.items():
        run_tool(name, command, tally)
    run_pytest("all tests, on SQLite", [*SELECTED, "tests"], environment, tally)
    if not IS_CI:
        tally.notes.append("LEFT OUT: most tests in a browser, and some on PostgreSQL. `CI=true make test` runs all.")
    run_on_postgres(environment, tally)
    missing = [
        f"SKIPPED: {what}, because {name} is not installed" for name, what in PROGRAMS.items() if not shutil.which(name)
    ]
    print(f"\n--- summary, after {time.monotonic() - began:.0f} seconds")
    print("\n".join([*tally.notes, *missing, str(tally)]), flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
