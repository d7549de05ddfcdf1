"""Runs the site's processes side by side: all of them live, or none does.

Each child leads a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone, which
then stops everybody once. A child that ends unasked takes the others with it and makes the exit code 1: a site
without its worker would look well while nothing is settled or cleaned up.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sessionsite.processes import SUPERVISOR_VARIABLE, StopSignals

# gunicorn gives running requests 10 seconds (gunicorn_conf.graceful_timeout); the rest is for its clearing up.
STOP_SECONDS = 15

type Say = Callable[[str], None]
type Children = dict[str, subprocess.Popen[bytes]]


def supervise(
    commands: Mapping[str, Sequence[str]],
    *,
    signals: StopSignals,
    say: Say,
    python_path: Path,
    stop_seconds: float = STOP_SECONDS,
) -> int:
    """Start one child per named command, wait until one ends or a stop signal comes, then stop them all.

    Returns the exit code: 0 after a stop signal that every child obeyed within `stop_seconds`, else 1. The
    children find modules in `python_path`, whatever the working directory is. No process of the children's
    groups outlives the call. Must run in the main thread, within the block of `signals`.
    """
    children: Children = {}
    watchers = []
    try:
        for name, command in commands.items():
            children[name] = _start(command, python_path)
            watchers.append(_watch(children[name], signals))
        ended = _wait_for_an_end(children, signals)
        if ended:
            say(f"The {ended} ended unexpectedly ({_how(children[ended])}); stopping everything.")
        obeyed = _stop(children, signals, say=say, stop_seconds=stop_seconds)
    finally:
        for child in children.values():
            _signal_group(child, signal.SIGKILL)
        for watcher in watchers:
            watcher.join()
    return 0 if obeyed and not ended else 1


def _start(command: Sequence[str], python_path: Path) -> "subprocess.Popen[bytes]":
    paths = [str(python_path), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        SUPERVISOR_VARIABLE: str(os.getpid()),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, env=environment)  # noqa: S603


def _watch(child: "subprocess.Popen[bytes]", signals: StopSignals) -> threading.Thread:
    def report_end() -> None:
        child.wait()
        signals.wake()

    watcher = threading.Thread(target=report_end, daemon=True)
    watcher.start()
    return watcher


def _wait_for_an_end(children: Children, signals: StopSignals) -> str:
    """The name of the first child that ended, or "" when a stop signal came before."""
    while not signals.asked:
        for name, child in children.items():
            if child.poll() is not None:
                return name
        signals.wait()
    return ""


def _stop(children: Children, signals: StopSignals, *, say: Say, stop_seconds: float) -> bool:
    """Ask every child to end; whether all of them did in time.

    Further stop signals change nothing: a terminal, make and a service manager may each send their own.
    """
    for child in children.values():
        if child.poll() is None:
            child.terminate()
        else:
            # Its own children have lost their parent: they are to stop as well.
            _signal_group(child, signal.SIGTERM)
    deadline = time.monotonic() + stop_seconds
    while late := [name for name, child in children.items() if child.poll() is None]:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            say(f"Killing what did not stop within {stop_seconds:g} seconds: {', '.join(late)}.")
            return False
        signals.wait(remaining)
    return True


def _how(child: "subprocess.Popen[bytes]") -> str:
    code = child.returncode
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _signal_group(child: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    # No group is left when its last process has ended, which is what we want to hear.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
