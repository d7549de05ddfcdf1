"""Claude Code's hook against a live site, with a home of its own."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from sessions import actions, throttle
from sessions.models import Token
from sessions.records import Actor, Face, Scope

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "claude-code"
sys.path.append(str(CLIENT))
main = import_module("sessionsite_hook.commands").main
files_of = import_module("sessionsite_hook.transcripts").files_of

type Call = Callable[..., "Called"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/hook/" in item.path.as_posix():
            item.add_marker(pytest.mark.django_db(transaction=True))


@dataclass(frozen=True)
class Called:
    """What a call left: its exit code, and its two streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing was ever installed."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "SESSIONSITE_USER"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def secret(live_server: LiveServer) -> str:
    throttle.forget()
    return actions.create_token("claude-code", scope=Scope.WRITE, user_id="ann", actor=Actor("root", Face.COMMAND))[1]


@pytest.fixture
def configured(home: Path, live_server: LiveServer, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONSITE_URL", live_server.url)
    monkeypatch.setenv("SESSIONSITE_TOKEN", secret)


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the program; `told` is what stands on standard input."""

    def calling(*arguments: object, told: object = None) -> Called:
        monkeypatch.setattr(sys, "stdin", io.StringIO(told if isinstance(told, str) else json.dumps(told)))
        capsys.readouterr()
        code = main([str(one) for one in arguments])
        streams = capsys.readouterr()
        return Called(code, streams.out, streams.err)

    return calling


@pytest.fixture
def event(call: Call) -> Callable[..., Called]:
    """An event of Claude Code's: that something was said, and stands in a transcript."""

    def happening(transcript: Path, name: str = "Stop") -> Called:
        told = {"session_id": "s", "transcript_path": str(transcript), "cwd": "/", "hook_event_name": name}
        return call("hook", told=told)

    return happening


def state_folder_of(url: str) -> Path:
    """Where is remembered what was sent to a site."""
    settings = import_module("sessionsite_hook.settings")
    folder: Path = settings.state_folder(settings.Settings(url, "any"))
    return folder


def revoke_all() -> None:
    for token in Token.objects.all():
        actions.revoke_token(token.pk, actor=Actor("root", Face.COMMAND))
