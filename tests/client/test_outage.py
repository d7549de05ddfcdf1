"""A server that is killed and started again while programs log to it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sessionsite_client import Client, Recorder, Retry

from .server import Server
from .test_recorder import files, prompts, set_aside

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


def kill_and_start_again(server: Server, times: int) -> None:
    for _ in range(times):
        time.sleep(0.7)
        server.kill()
        server.start()


def test_it_records_through_kills_of_the_server(mortal: Server, tmp_path: Path) -> None:
    (token,) = mortal.tokens(("write", ""))
    spool = tmp_path / "spool"
    with Recorder(mortal.url, token, spool=spool, linger_seconds=0.01) as recorder:
        sessions = [recorder.session() for _ in range(4)]
        killing = threading.Thread(target=kill_and_start_again, args=[mortal, 2])
        killing.start()
        number = 0
        while killing.is_alive():
            recorder.record(sessions[number % 4], prompt=f"{number}")
            number += 1
            time.sleep(0.001)
        killing.join()
        assert recorder.flush(60)
    assert number > 1_000
    with Client(mortal.url, token) as client:
        for place, session_id in enumerate(sessions):
            assert prompts(client, session_id) == [f"{one}" for one in range(place, number, 4)]
    assert set_aside(spool) == []
    assert files(spool, "*") == []


def test_it_logs_each_turn_once_through_a_kill(mortal: Server) -> None:
    (token,) = mortal.tokens(("write", ""))
    # However long a loaded machine takes for the new start, which has a limit of its own.
    with Client(mortal.url, token, retry=Retry(attempts=1_000, most_seconds=1)) as client:
        session_id = client.start_session().session_id
        killing = threading.Thread(target=kill_and_start_again, args=[mortal, 1])
        killing.start()
        number = 0
        while killing.is_alive():
            client.log(session_id, prompt=f"{number}")
            number += 1
        killing.join()
        assert prompts(client, session_id) == [f"{one}" for one in range(number)]
