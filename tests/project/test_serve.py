"""`manage.py serve` for real: processes, a port and a store of its own."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
READY = "Sessionsite answers on "

pytestmark = pytest.mark.slow


class Site:
    """A started site, with everything that it wrote."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = free_port()
        self.log = folder / f"log-{self.port}"
        environment = {
            "PATH": os.environ["PATH"],
            "SESSIONSITE_ENV_FILE": os.devnull,
            "SESSIONSITE_DATA_DIR": str(self.data_dir),
            "SESSIONSITE_PORT": str(self.port),
            **variables,
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                # From elsewhere, as a service manager would.
                [sys.executable, ROOT / "manage.py", "serve"],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while READY not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def descendants(self) -> dict[int, str]:
        """The command line of every process below the supervisor."""
        found = {}
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found.update({child: Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in children})
            waiting += children
        return found

    def pid_of(self, part: str) -> int:
        """The first process, and so the parent, whose command line holds `part`."""
        return min(pid for pid, command in self.descendants().items() if part in command)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while running := [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"still running: {running}"
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Starts sites; whatever of them is left in the end is killed."""
    sites: list[Site] = []

    def start_one(**variables: str) -> Site:
        sites.append(Site(tmp_path, **variables))
        return sites[-1]

    yield start_one
    for site in sites:
        if site.process.poll() is None:
            for pid in site.descendants():
                os.kill(pid, signal.SIGKILL)
            site.process.kill()
            site.process.wait()


def test_it_serves_the_sign_in_page_and_stops_at_ctrl_c(start: Callable[..., Site]) -> None:
    site = start()
    site.wait_until_ready()
    status, page = site.get("/")
    assert status == 200
    assert 'type="password"' in page
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert stylesheet, page
    assert site.get(stylesheet[1])[0] == 200

    processes = list(site.descendants())
    assert len(processes) == 4, "gunicorn, its two workers, and the worker"
    assert site.stop(signal.SIGINT) == 0, site.output
    assert_gone(processes)
    assert site.output.endswith("Stopped.\n")
    assert "Traceback" not in site.output
    assert not list(site.data_dir.glob("*.sqlite3-wal")), "a WAL was left behind"


@pytest.mark.thorough
def test_it_makes_the_first_administrator_once_and_says_the_password_once(start: Callable[..., Site]) -> None:
    site = start()
    site.wait_until_ready()
    assert re.search(r"the password is \S{16,} \(shown only this once\)\.\n", site.output)
    site.stop(signal.SIGTERM)
    again = start()
    again.wait_until_ready()
    assert again.stop(signal.SIGTERM) == 0
    assert "password" not in again.output
    with closing(sqlite3.connect(site.data_dir / "sessionsite.sqlite3")) as database:
        assert database.execute("SELECT username, is_superuser FROM auth_user").fetchall() == [("admin", 1)]


@pytest.mark.thorough
def test_it_takes_the_password_from_the_environment_without_printing_it(start: Callable[..., Site]) -> None:
    site = start(SESSIONSITE_ADMIN_PASSWORD="from $the #environment")
    site.wait_until_ready()
    assert "from $the" not in site.output
    assert site.stop(signal.SIGTERM) == 0


@pytest.mark.thorough
@pytest.mark.parametrize(("part", "name"), [("gunicorn", "web server"), ("manage.py worker", "worker")])
def test_it_ends_with_an_error_when_one_of_its_processes_dies(start: Callable[..., Site], part: str, name: str) -> None:
    site = start()
    site.wait_until_ready()
    processes = list(site.descendants())
    os.kill(site.pid_of(part), signal.SIGKILL)
    assert site.process.wait(timeout=60) == 1
    assert f"The {name} ended unexpectedly (killed by SIGKILL); stopping everything." in site.output
    assert_gone(processes)


@pytest.mark.thorough
def test_its_processes_end_when_it_is_killed(start: Callable[..., Site]) -> None:
    site = start()
    site.wait_until_ready()
    processes = list(site.descendants())
    site.process.kill()
    site.process.wait()
    assert_gone(processes)


def test_it_names_a_port_that_is_taken_and_touches_nothing(start: Callable[..., Site]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        site = start(SESSIONSITE_PORT=str(port))
        assert site.process.wait(timeout=START_SECONDS) == 1
    assert f"127.0.0.1:{port} is in use by another program" in site.output
    assert "Traceback" not in site.output
    assert not (site.data_dir / "sessionsite.sqlite3").exists()


def test_ctrl_c_while_it_prepares_is_clean(start: Callable[..., Site]) -> None:
    site = start()
    deadline = time.monotonic() + START_SECONDS
    while "Migrating" not in site.output:
        assert time.monotonic() < deadline, site.output
        time.sleep(0.01)
    assert site.stop(signal.SIGINT) == 0, site.output
    assert "Traceback" not in site.output
