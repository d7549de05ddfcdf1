"""Connections are shared out among the server's processes."""

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sessionsite import balance
from sessionsite.balance import Share
from tests.project.test_patient_worker import answer_to, connect, running

ASKING = b"GET /process HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def _nobody_has_any() -> Iterator[None]:
    yield
    balance._memory[:] = bytes(len(balance._memory))


def test_who_has_more_than_another_knows_it() -> None:
    one, two = Share(1), Share(2)
    one.tell(0)
    two.tell(0)
    assert not one.is_larger()
    one.tell(1)
    assert (one.is_larger(), two.is_larger()) == (True, False)
    two.tell(1)
    assert not one.is_larger()
    two.tell(2)
    assert (one.is_larger(), two.is_larger()) == (False, True)


def test_who_is_alone_is_never_ahead() -> None:
    alone = Share(3)
    alone.tell(100)
    assert not alone.is_larger()


def test_one_that_was_killed_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with monkeypatch.context() as other:
        other.setattr(os, "getpid", lambda: gone.pid)
        Share(1).tell(0)
    left = Share(2)
    left.tell(5)
    assert not left.is_larger()


def test_the_successors_of_many_find_a_place() -> None:
    one, two = Share(70), Share(1_000_003)
    one.tell(2)
    two.tell(1)
    assert one.is_larger()


def test_clients_that_stay_are_spread_over_both_processes() -> None:
    with running(WEB_CONCURRENCY="2") as port:
        # Both are there.
        time.sleep(0.5)
        for _ in range(4):
            with ExitStack() as staying:
                clients = [staying.enter_context(connect(port)) for _ in range(8)]
                answers = Counter(_process_of(client) for client in clients)
            # Left to the kernel, one of them has all, or all but one, in most rounds.
            assert len(answers) == 2
            assert min(answers.values()) >= 2
            time.sleep(0.2)


def _process_of(client: socket.socket) -> bytes:
    client.sendall(ASKING)
    return answer_to(client, b" process").splitlines()[-1]
