"""Running our commands as a shell does, and looking at the store before and after."""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from sessions import actions
from sessions.models import AuditEvent

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """What a command left on its two streams, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output; fails where anything else stands there."""
        value = json.loads(self.out)
        assert type(value) is dict
        return value


def run(name: str, *arguments: object) -> Ran:
    """Run a command in this process, arguments parsed and errors turned into exit codes as on a command line."""
    out, err = StringIO(), StringIO()
    command = import_module(f"sessions.management.commands.{name}").Command(stdout=out, stderr=err)
    code: Any = 0
    with redirect_stderr(err):
        try:
            command.run_from_argv(["manage.py", name, *map(str, arguments)])
        except SystemExit as leaving:
            code = leaving.code
    return Ran(code or 0, out.getvalue(), err.getvalue())


def environment(**variables: str) -> dict[str, str]:
    """What a new process needs to work on this test's store, and nothing more."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}"
    else:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": url,
        "SESSIONSITE_ENV_FILE": os.devnull,
        "SESSIONSITE_DATA_DIR": str(settings.DATA_DIR),
        "SESSIONSITE_SECRET_KEY": settings.SECRET_KEY,
        **variables,
    }


def run_python(
    *arguments: object, stdin: Any = subprocess.DEVNULL, stdout: Any = subprocess.PIPE, **variables: str
) -> Ran:
    """Run Python in a new process, from a folder that is not the checkout."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment(**variables),
        cwd=Path(settings.DATA_DIR).parent,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout or "", done.stderr)


def run_process(name: str, *arguments: object, **options: Any) -> Ran:
    """Run a command in a new process; `options` are those of `run_python`."""
    return run_python(ROOT / "manage.py", name, *arguments, **options)


def files() -> dict[str, str]:
    """Every file of the data directory with its hash; the locks, which say nothing, aside."""
    folder = Path(settings.DATA_DIR)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


def everything() -> tuple[str, dict[str, str], list[int]]:
    """The whole store: what the database says, what the files hold, and who did what."""
    return actions.store_digest(), files(), list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))
