"""Commits must be real here, and the event loop of one test is none of the next one's business."""

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from signal import SIGKILL

import pytest
from pytest_django.live_server_helper import LiveServer

from sessions import actions, throttle
from sessions.records import Scope
from tests.builders import ALICE

from .sites import Site, prepare

type MakeToken = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/mcp_server/" in item.path.as_posix():
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture
def token() -> MakeToken:
    """Makes tokens: `token(Scope.READ)`, `token(Scope.WRITE, user_id="bob")`; the secret is returned."""
    throttle.forget()

    def make(scope: Scope = Scope.ADMIN, **fields: object) -> str:
        return actions.create_token("robot", scope=scope, actor=ALICE, **fields)[1]  # type: ignore[arg-type]

    return make


@pytest.fixture
def url(live_server: LiveServer) -> str:
    """Where the site's MCP answers, from threads of this process."""
    return f"{live_server.url}/mcp"


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A store that is copied for each test that needs one, and its tokens."""
    folder = tmp_path_factory.mktemp("store")
    return folder, prepare(folder)


@pytest.fixture
def site(made_store: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Site]:
    """A store of its own that a server can be started over."""
    folder, tokens = made_store
    copytree(folder, tmp_path / "site")
    found = Site(tmp_path / "site", tokens)
    yield found
    found.stop(SIGKILL)
