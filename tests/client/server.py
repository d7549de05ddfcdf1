"""A running site, as `manage.py serve` runs it, on a store of its own; it can be killed and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
_MAKE_TOKENS = """
import json, sys, django
django.setup()
from sessions import actions
from sessions.records import Actor, Face, Scope
for scope, user_id in json.loads(sys.argv[1]):
    wanted = dict(scope=Scope(scope), user_id=user_id, actor=Actor("tests", Face.COMMAND))
    print(actions.create_token(f"to {scope}", requests_per_minute=1_000_000, **wanted)[1])
"""


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: list[int] = []

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SESSIONSITE_", "PYTEST"))}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "sessionsite.settings",
            "SESSIONSITE_ENV_FILE": os.devnull,
            "SESSIONSITE_DATA_DIR": str(self.folder / "data"),
            "SESSIONSITE_PORT": str(self.port),
            "SESSIONSITE_SECRET_KEY": "a test's key, long enough to be taken for a good one",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": "",
        }

    def start(self) -> None:
        """Returns once it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_there():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def is_there(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/health/live", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL to all of its processes at once."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        while self.is_there():
            time.sleep(0.02)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def tokens(self, *wanted: tuple[str, str]) -> list[str]:
        """The secrets of new tokens, each for a scope and the only user that it may know, or "" for all."""
        made = subprocess.run(
            [sys.executable, "-c", _MAKE_TOKENS, json.dumps(wanted)],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        return made.stdout.split()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
