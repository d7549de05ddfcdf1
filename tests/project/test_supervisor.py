"""The supervisor, in a process of its own: it lives by signals and process groups."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# One write for the whole line: two children share the pipe.
SLEEPER = "import os, time; os.write(1, b'up\\n'); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(61.5)']); " + SLEEPER


def start(first: str, second: str) -> "subprocess.Popen[str]":
    """A supervisor over two Python snippets, as the leader of its group; returns when both are up."""
    script = f"""
import sys
from pathlib import Path
from sessionsite.processes import StopSignals
from sessionsite.supervisor import supervise
commands = {{"first": [sys.executable, "-c", {first!r}], "second": [sys.executable, "-c", {second!r}]}}
say = lambda message: print(message, flush=True)
with StopSignals() as signals:
    code = supervise(commands, signals=signals, say=say, python_path=Path.cwd(), stop_seconds=2)
sys.exit(code)
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0
    )


def wait_until_up(process: "subprocess.Popen[str]", children: int = 2) -> None:
    assert process.stdout
    for _ in range(children):
        assert process.stdout.readline() == "up\n"


def rest(process: "subprocess.Popen[str]") -> str:
    return process.communicate(timeout=60)[0]


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while running := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"still running: {running}"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_everything_with_success(number: signal.Signals) -> None:
    process = start(SLEEPER, SLEEPER)
    wait_until_up(process)
    children = children_of(process.pid)
    process.send_signal(number)
    assert (rest(process), process.returncode) == ("", 0)
    assert_gone(children)


def test_ctrl_c_in_a_terminal_reaches_the_children_once() -> None:
    """A terminal signals the whole foreground group; a child that heard SIGINT itself would print a traceback."""
    process = start(SLEEPER, SLEEPER)
    wait_until_up(process)
    os.killpg(process.pid, signal.SIGINT)
    assert (rest(process), process.returncode) == ("", 0)


def test_repeated_signals_change_nothing() -> None:
    process = start(SLEEPER, SLEEPER)
    wait_until_up(process)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT) * 20:
        process.send_signal(number)
        time.sleep(0.005)
    assert (rest(process), process.returncode) == ("", 0)


@pytest.mark.parametrize(("code", "how"), [("exit(0)", "exit code 0"), ("exit(7)", "exit code 7")])
def test_a_child_that_ends_unasked_stops_the_other(code: str, how: str) -> None:
    process = start(SLEEPER, code)
    output = rest(process)
    assert f"The second ended unexpectedly ({how})" in output
    assert process.returncode == 1


def test_a_killed_childs_own_children_are_stopped_too() -> None:
    process = start(PARENT, SLEEPER)
    wait_until_up(process)
    first, second = children_of(process.pid)
    grandchildren = children_of(first)
    assert grandchildren
    os.kill(first, signal.SIGKILL)
    assert "The first ended unexpectedly (killed by SIGKILL)" in rest(process)
    assert process.returncode == 1
    assert_gone([first, second, *grandchildren])


def test_a_child_that_ignores_the_stop_is_killed_in_time() -> None:
    process = start(SLEEPER, STUBBORN)
    wait_until_up(process)
    children = children_of(process.pid)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "Killing what did not stop within 2 seconds: second." in rest(process)
    assert process.returncode == 1
    assert time.monotonic() - began < 20
    assert_gone(children)
