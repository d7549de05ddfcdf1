"""The recipes of docs/agents.md, which are the dashboard's: each run, or read and connected with, as it stands."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from django.conf import settings
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from pytest_django.live_server_helper import LiveServer

from sessions import actions, throttle
from sessions.models import Interaction, Session
from sessions.records import Actor, Face, Scope
from sessions.views.recipes import PLACEHOLDER, Recipe, ways_to_connect, ways_to_resume
from tests.builders import make_session
from tests.commands.running import environment

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(settings.BASE_DIR) / "docs" / "agents.md"
CLIENT = Path(settings.BASE_DIR) / "clients" / "python"
SITE = "https://sessions.example.org"
with_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


def documented() -> list[Recipe]:
    link = f"{SITE}/r/first-steps"
    resuming = ways_to_resume("first-steps", site=SITE, link=link, max_tokens=8_000)
    return [*ways_to_connect(SITE), *(one for one in resuming if one.key in ("curl", "python"))]


@pytest.fixture
def secret() -> str:
    throttle.forget()
    return actions.create_token("recipe", scope=Scope.WRITE, actor=Actor("root", Face.COMMAND))[1]


@pytest.fixture
def ways(live_server: LiveServer, secret: str) -> dict[str, str]:
    """The texts of the ways to connect, with a running site and a token filled in."""
    return {recipe.key: recipe.text for recipe in ways_to_connect(live_server.url, secret)}


def resuming(live_server: LiveServer, session_id: str) -> dict[str, str]:
    link = f"{live_server.url}/r/{session_id}"
    recipes = ways_to_resume(session_id, site=live_server.url, link=link, max_tokens=2_000)
    return {recipe.key: recipe.text for recipe in recipes}


def shell(text: str, home: Path, **variables: str) -> str:
    """What a shell prints that is given a recipe; it must succeed."""
    tools = home / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    python = tools / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    path = f"{tools}:/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/sh", "-euc", text],
        env={"PATH": path, "HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def call_over_http(server: Mapping[str, Any]) -> Any:
    """What the tool that lists sessions says, asked for as a configured server is."""

    async def called() -> Any:
        async with (
            httpx2.AsyncClient(headers=server["headers"], timeout=30) as http,
            Client(streamable_http_client(server["url"], http_client=http)) as client,
        ):
            return (await client.call_tool("list_sessions", {})).structured_content

    with start_blocking_portal() as portal:
        return portal.call(called)


def ids_in(answer: Any) -> list[str]:
    return [one["session_id"] for one in answer["sessions"]]


# --- the page -------------------------------------------------------------------------------------------------


def test_the_page_has_what_the_dashboard_has() -> None:
    page = PAGE.read_text().replace("/srv/sessionsite/.venv/bin/python", sys.executable)
    page = page.replace("/srv/sessionsite", str(settings.BASE_DIR))
    blocks = re.findall(r"```\w+\n(.*?)\n```", page, re.DOTALL)
    texts = [recipe.text for recipe in documented()]
    assert [text for text in texts if text not in blocks] == []
    assert [block for block in blocks if block not in texts] == []


def test_no_way_is_without_a_name_and_what_it_needs() -> None:
    ways = documented()
    assert all(way.name and way.note.endswith(".") for way in ways)
    assert all(PLACEHOLDER in way.text for way in ways_to_connect(SITE) if way.key not in ("claude-desktop", "vscode"))


@pytest.mark.parametrize("token", ["sst_it's", "sst_$HOME", 'sst_"x"', "sst_`id`", "sst_a b"])
def test_no_token_breaks_out_of_its_place(token: str) -> None:
    ways = {way.key: way.text for way in ways_to_connect(SITE, token)}
    assert shlex.split(ways["claude-code"].replace("\\\n", " "))[-1] == f"Authorization: Bearer {token}"
    assert shlex.split(ways["hook"].replace("\\\n", " "))[-1] == token
    assert json.loads(ways["cursor"])["mcpServers"]["sessionsite"]["headers"]["Authorization"] == f"Bearer {token}"
    compile(ways["python"], "recipe", "exec")


# --- what is run ----------------------------------------------------------------------------------------------


@with_curl
def test_curl_logs_the_first_turn_once(ways: dict[str, str], tmp_path: Path) -> None:
    for _ in range(2):
        shell(ways["curl"], tmp_path)
    row = Interaction.objects.get()
    assert (row.session_id, row.prompt, row.response) == ("first-steps", "Where were we?", "At the beginning.")


@with_curl
def test_curl_resumes(live_server: LiveServer, secret: str, tmp_path: Path) -> None:
    session = make_session(turns=2, idle_days=20)
    text = resuming(live_server, session.pk)["curl"].replace(PLACEHOLDER, secret)
    resumed = json.loads(shell(text, tmp_path))
    assert resumed["session"]["state"] == "active"
    assert resumed["context_pack"]["latest"][-1]["prompt"] == "request 2"
    assert Interaction.objects.count() == 2


def test_python_logs_the_first_turn(ways: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "recipe.py"
    script.write_text(ways["python"])
    shell(f"python3 {script}", tmp_path, PYTHONPATH=str(CLIENT))
    assert Interaction.objects.get().response == "At the beginning."


def test_python_resumes(live_server: LiveServer, secret: str, tmp_path: Path) -> None:
    session = make_session(turns=2, idle_days=20)
    script = tmp_path / "recipe.py"
    script.write_text(resuming(live_server, session.pk)["python"])
    said = shell(f"python3 {script}", tmp_path, PYTHONPATH=str(CLIENT), SESSIONSITE_TOKEN=secret)
    assert "request 2" in said
    assert Interaction.objects.count() == 2


@with_curl
def test_the_hook_is_fetched_and_installed(ways: dict[str, str], tmp_path: Path) -> None:
    said = shell(ways["hook"], tmp_path)
    assert "The token 'recipe' is kept" in said
    hooks = json.loads((tmp_path / ".claude" / "settings.json").read_text())["hooks"]
    transcript = tmp_path / "t.jsonl"
    line = {"type": "user", "uuid": "u", "sessionId": "s", "message": {"role": "user", "content": "Hello"}}
    transcript.write_text(json.dumps(line) + "\n")
    told = shlex.quote(json.dumps({"transcript_path": str(transcript), "hook_event_name": "Stop"}))
    [command] = [entry["command"] for group in hooks["Stop"] for entry in group["hooks"]]
    assert shell(f"echo {told} | ({command}\n)", tmp_path) == ""
    assert Interaction.objects.get().prompt == "Hello"


# --- what is connected with -----------------------------------------------------------------------------------


def test_claude_codes_command_names_a_server_that_answers(ways: dict[str, str]) -> None:
    make_session(session_id="there")
    words = shlex.split(ways["claude-code"].replace("\\\n", " "))
    assert words[:8] == ["claude", "mcp", "add", "--scope", "user", "--transport", "http", "sessionsite"]
    url, option, header = words[8:]
    name, _, value = header.partition(": ")
    assert (option, ids_in(call_over_http({"url": url, "headers": {name: value}}))) == ("--header", ["there"])


def test_cursors_file_names_a_server_that_answers(ways: dict[str, str]) -> None:
    make_session(session_id="there")
    server = json.loads(ways["cursor"])["mcpServers"]["sessionsite"]
    assert ids_in(call_over_http(server)) == ["there"]


def test_vs_codes_file_asks_for_the_token_and_names_a_server_that_answers(ways: dict[str, str], secret: str) -> None:
    make_session(session_id="there")
    file = json.loads(ways["vscode"])
    [asked], server = file["inputs"], file["servers"]["sessionsite"]
    assert (asked["type"], asked["password"], server["type"]) == ("promptString", True, "http")
    filled_in = json.loads(json.dumps(server).replace(f"${{input:{asked['id']}}}", secret))
    assert ids_in(call_over_http(filled_in)) == ["there"]
    assert secret not in ways["vscode"]


def test_codexs_file_names_a_server_that_answers(ways: dict[str, str], tmp_path: Path) -> None:
    make_session(session_id="there")
    server = tomllib.loads(ways["codex"])["mcp_servers"]["sessionsite"]
    export = ways["codex"].splitlines()[0].removeprefix("# ")
    token = shell(f'{export}\nprintf %s "${server["bearer_token_env_var"]}"', tmp_path)
    headers = {"Authorization": f"Bearer {token}"}
    assert ids_in(call_over_http({"url": server["url"], "headers": headers})) == ["there"]


def test_claude_desktops_file_names_a_command_that_answers(ways: dict[str, str]) -> None:
    make_session(session_id="there")
    server = json.loads(ways["claude-desktop"])["mcpServers"]["sessionsite"]

    async def called() -> Any:
        command = StdioServerParameters(**server, env=environment())
        async with Client(command) as client:
            return (await client.call_tool("list_sessions", {})).structured_content

    with start_blocking_portal() as portal:
        assert ids_in(portal.call(called)) == ["there"]


def test_the_prompt_names_the_tool_and_the_link(live_server: LiveServer) -> None:
    texts = resuming(live_server, "first-steps")
    assert f"({live_server.url}/r/first-steps)" in texts["prompt"]
    assert 'resume_session(session_id="first-steps", max_tokens=2000)' in texts["prompt"]
    assert texts["mcp"] == "/mcp__sessionsite__resume first-steps"
    assert not Session.objects.exists()
