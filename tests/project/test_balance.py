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


def test_one_that_ends_is_waited_for_by_nobody() -> None:
    ending, left = Share(1), Share(2)
    ending.tell(0)
    left.tell(5)
    assert left.is_larger()
    ending.leave()
    assert not left.is_larger()


def test_two_that_share_a_place_still_know_their_own() -> None:
    one, two = Share(1), Share(65)
    one.tell(5)
    two.tell(2)
    assert one.is_larger()
    assert not two.is_larger()


def test_clients_that_stay_are_spread_over_both_processes() -> None:
    with running(WEB_CONCURRENCY="2") as port:
        _wait_for_both(port)
        rounds = [_round(port) for _ in range(16)]
    # Left to the kernel, one has four to eight more than the other in most rounds. On a busy machine a process may be
    # late in seeing that the last round's clients are gone, and takes one or two fewer.
    apart = [abs(2 * max(one.values()) - 8) for one in rounds]
    assert sum(apart) <= 2 * len(rounds), apart


def _round(port: int) -> Counter[bytes]:
    """How many of eight clients, all there at once, each process has."""
    with ExitStack() as staying:
        clients = [staying.enter_context(connect(port)) for _ in range(8)]
        answers = Counter(_process_of(client) for client in clients)
    # They are seen to be gone.
    time.sleep(0.2)
    return answers


def _wait_for_both(port: int) -> None:
    ending = time.monotonic() + 20
    seen: set[bytes] = set()
    while len(seen) < 2:
        assert time.monotonic() < ending
        seen.update(_round(port))


def _process_of(client: socket.socket) -> bytes:
    client.sendall(ASKING)
    return answer_to(client, b" process").splitlines()[-1]
