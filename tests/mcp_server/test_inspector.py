"""The MCP Inspector's command line goes the whole round, over HTTP and over standard input and output."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from .agents import ROOT
from .node import install, run
from .sites import Site
from .test_round import whole_round

INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
CALL_SECONDS = 60
# The Inspector's names of both revisions.
PROTOCOLS = ("modern", "legacy")

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


class Inspector:
    """Each call is a process of its own, which connects anew."""

    def __init__(self, folder: Path, server: Sequence[str], era: str) -> None:
        self._folder = folder
        self._options = ["mcp-inspector", "--cli", "--quiet", "--format", "json", "--protocol-era", era, *server]

    def ask(self, method: str, *arguments: str) -> dict[str, Any]:
        done = run([*self._options, "--method", method, *arguments], cwd=self._folder, seconds=CALL_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        return result

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.ask("tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        data: dict[str, Any] = result["structuredContent"]
        return data


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspector")
    install(INSPECTOR, folder)
    return folder


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It keeps files of its own at home."""
    monkeypatch.setenv("HOME", str(tmp_path))


def over_http(package: Path, site: Site, scope: str, era: str) -> Inspector:
    header = f"Authorization: Bearer {site.tokens[scope]}"
    return Inspector(package, [site.url, "--transport", "http", "--header", header], era)


@pytest.mark.parametrize("era", PROTOCOLS)
def test_it_goes_over_http(site: Site, package: Path, era: str) -> None:
    site.start()
    inspector = over_http(package, site, "admin", era)
    whole_round(inspector, idle="old")
    uris = [one["uri"] for one in inspector.ask("resources/list")["resources"]]
    assert "session://old" in uris
    transcript = inspector.ask("resources/read", "--uri", "session://old/transcript")
    assert "request 1" in transcript["contents"][0]["text"]
    prompt = inspector.ask("prompts/get", "--prompt-name", "resume", "--prompt-args", "session_id=old")
    assert "resume_session" in prompt["messages"][0]["content"]["text"]
    templates = inspector.ask("resources/templates/list")["resourceTemplates"]
    assert {one["name"] for one in templates} == {"session", "transcript"}


def test_it_resumes_after_a_restart(site: Site, package: Path) -> None:
    site.start()
    inspector = over_http(package, site, "write", "modern")
    session = inspector.call("start_session", user_id="bob")["session_id"]
    inspector.call("log_interaction", session_id=session, prompt="before")
    site.stop()
    site.start()
    pack = inspector.call("resume_session", session_id=session)["context_pack"]
    assert [turn["prompt"] for turn in pack["latest"]] == ["before"]


def test_it_goes_over_stdio(site: Site, package: Path) -> None:
    """In one revision: each of some thirty calls starts the whole program, and the SDK's client tries both."""
    variables = [part for name, value in site.environment.items() for part in ("-e", f"{name}={value}")]
    # The Inspector takes what begins with two dashes for its own.
    wrapper = site.folder / "server.sh"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "manage.py"}" mcp --scope admin\n')
    wrapper.chmod(0o700)
    whole_round(Inspector(package, [*variables, str(wrapper)], "modern"), idle="old")


def test_the_tools_are_portable(site: Site, package: Path) -> None:
    site.start()
    inspector = over_http(package, site, "admin", "modern")
    assert len(inspector.ask("tools/list", "--strict")["tools"]) >= 15
