"""Programs that record, as processes of their own: to be killed."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import sessionsite_client


def start(code: str, **variables: str) -> subprocess.Popen[str]:
    """A program that finds what `environment` has set up; `say` prints a line at once."""
    text = "import os, sys, time, signal\nfrom sessionsite_client import *\n"
    text += "def say(line): print(line, flush=True)\n" + textwrap.dedent(code)
    environment = {**os.environ, "PYTHONPATH": str(Path(sessionsite_client.__file__).parents[1]), **variables}
    return subprocess.Popen(
        [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(program: subprocess.Popen[str], *, within: float = 30) -> str:
    """Wait for its end, which must be a good one; what it said."""
    output, errors = program.communicate(timeout=within)
    assert program.returncode == 0, errors
    return output


def wait_for(program: subprocess.Popen[str], line: str) -> None:
    """Until it says something."""
    assert program.stdout is not None
    for told in program.stdout:
        if told.strip() == line:
            return
    raise AssertionError(program.communicate()[1])


def end_by(program: subprocess.Popen[str], number: signal.Signals, *, within: float = 30) -> int:
    program.send_signal(number)
    program.communicate(timeout=within)
    return program.returncode
