"""A site of its own for a test: gunicorn as it is served by, over a store in a temporary folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .agents import ROOT

START_SECONDS = 60
_READY = "Sessionsite answers on "
# A store with a token of each kind, and a session that was idle for long.
_PREPARE = """
import json, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
from sessions import actions
from sessions.records import Scope
from tests.builders import ALICE, make_idle, make_session
secrets = {scope.value: actions.create_token(scope.value, scope=scope, actor=ALICE)[1] for scope in Scope}
make_idle(make_session(session_id="old", turns=1), 40)
print(json.dumps(secrets))
"""


def variables(folder: Path) -> dict[str, str]:
    """What a store in a folder is run with."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "sessionsite.settings",
        "SESSIONSITE_ENV_FILE": os.devnull,
        "SESSIONSITE_DATA_DIR": str(folder / "data"),
        "LOG_LEVEL": "WARNING",
    }


def prepare(folder: Path) -> dict[str, str]:
    """Make a store; returns the secret of a token of each scope."""
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE], cwd=ROOT, env=variables(folder), capture_output=True, text=True, check=True
    )
    secrets: dict[str, str] = json.loads(done.stdout)
    return secrets


class Site:
    """A store, and the server over it while it runs."""

    def __init__(self, folder: Path, tokens: Mapping[str, str]) -> None:
        self.folder = folder
        self.tokens = tokens
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.environment: Mapping[str, str] = {**variables(folder), "SESSIONSITE_PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self, **variables: str) -> None:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", ROOT / "sessionsite" / "gunicorn_conf.py"],
                cwd=ROOT,
                env={**self.environment, **variables},
                stdout=log,
                stderr=log,
                process_group=0,
            )
        deadline = time.monotonic() + START_SECONDS
        while _READY not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            # The whole group, so that a killed parent's children do not live on.
            os.killpg(self._process.pid, number)
            self._process.wait(timeout=30)
