"""A running site for the client, one for all tests of a worker; users of their own keep them apart."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sessionsite_client import AsyncClient, Client

from .fake import Fake
from .server import Server

_numbers = count(1)


@pytest.fixture(autouse=True)
def no_loop_of_the_browser() -> Iterator[None]:
    """The tests in a browser leave Playwright's event loop running in their thread; the client's programs have none."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("site"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def tokens(server: Server) -> dict[str, str]:
    """A token of each scope; `alice` may write, and know alice's sessions alone."""
    names = ("write", "admin", "alice")
    return dict(zip(names, server.tokens(("write", ""), ("admin", ""), ("write", "alice")), strict=True))


@pytest.fixture
def client(server: Server, tokens: dict[str, str]) -> Iterator[Client]:
    """One that may everything."""
    with Client(server.url, tokens["admin"]) as made:
        yield made


@pytest.fixture
def writer(server: Server, tokens: dict[str, str]) -> Iterator[Client]:
    """One that may write, and take nothing away."""
    with Client(server.url, tokens["write"]) as made:
        yield made


@pytest.fixture
def connect(server: Server, tokens: dict[str, str]) -> Callable[..., AsyncClient]:
    """Makes asynchronous clients, each for the event loop that it is made in."""
    return lambda scope="admin": AsyncClient(server.url, tokens[scope])


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"name-{next(_numbers)}-{id(object())}"


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A server that answers as it is told."""
    with Fake() as started:
        yield started


@pytest.fixture
def environment(server: Server, tokens: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a program finds that has been set up: address, token, and a spool, whose folder this is."""
    monkeypatch.setenv("SESSIONSITE_URL", server.url)
    monkeypatch.setenv("SESSIONSITE_TOKEN", tokens["write"])
    monkeypatch.setenv("SESSIONSITE_SPOOL_DIR", str(tmp_path / "spool"))
    return tmp_path / "spool"
