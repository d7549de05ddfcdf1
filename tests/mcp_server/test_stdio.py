"""The protocol on standard input and output: `manage.py mcp` as a client starts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import MCPError

from .agents import ERAS, ROOT, over_stdio
from .sites import Site
from .test_round import whole_round

pytestmark = pytest.mark.slow


def run(site: Site, *options: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """`manage.py mcp` with something to read, and then nothing more."""
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", "mcp", *options],
        env=site.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("era", ERAS)
def test_it_goes_the_whole_round(site: Site, era: str) -> None:
    with over_stdio(site.environment, "--scope", "admin", era=era) as agent:
        whole_round(agent, idle="old")


def test_it_writes_unless_it_is_told_otherwise_and_for_one_user_alone(site: Site) -> None:
    with over_stdio(site.environment, "--user", "bob") as agent:
        assert "merge_sessions" in agent.tools()
        assert "cleanup_sessions" not in agent.tools()
        assert agent.call("start_session")["user_id"] == "bob"
        assert agent.refusal("resume_session", session_id="old").startswith("session_not_found: ")


def test_a_reader_only_reads(site: Site) -> None:
    with over_stdio(site.environment, "--scope", "read") as agent:
        assert agent.call("get_interaction_history", session_id="old")["interactions"]
        with pytest.raises(MCPError, match="Unknown tool"):
            agent.try_call("start_session")


NO_PROTOCOL = [
    "no protocol",
    "",
    "[]",
    "[" * 100_000,
    "9" * 100_000,
    '{"jsonrpc": "2.0", "id": 1e999, "method": "ping"}',
    '{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}',
]


def test_it_prints_nothing_but_the_protocol(site: Site) -> None:
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    said = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    ended = run(site, given="".join(f"{line}\n" for line in [*NO_PROTOCOL, *map(json.dumps, said)]))
    assert ended.returncode == 0, ended.stderr
    (answer,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert answer["result"]["serverInfo"]["name"] == "sessionsite"
    assert "Traceback" not in ended.stderr


def test_it_names_a_store_that_was_never_made(site: Site, tmp_path: Path) -> None:
    site.environment = {**site.environment, "SESSIONSITE_DATA_DIR": str(tmp_path / "other")}
    ended = run(site)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "manage.py migrate" in ended.stderr


@pytest.mark.parametrize("options", [["--scope", "all"], ["--user", ""]])
def test_it_refuses_arguments_that_make_no_sense(site: Site, options: list[str]) -> None:
    assert run(site, *options).returncode == 2
