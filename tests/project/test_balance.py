"""Connections are shared out among the server's processes."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

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


def test_who_leaves_takes_nobody_elses_number_away(monkeypatch: pytest.MonkeyPatch) -> None:
    one, same_place, two = Share(1), Share(65), Share(2)
    with monkeypatch.context() as other:
        other.setattr(os, "getpid", os.getppid)
        one.tell(0)
    two.tell(5)
    same_place.leave()
    assert two.is_larger()


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


def test_one_that_is_told_to_stop_keeps_the_others_waiting_no_more(tmp_path: Path) -> None:
    """It goes on with what it has, which may take long, and takes nothing new."""
    over = tmp_path / "over"
    with running(WEB_CONCURRENCY="2", HELD_UNTIL=str(over)) as port, ExitStack() as staying:
        held: dict[bytes, socket.socket] = {}
        ending = time.monotonic() + 60
        while len(held) < 2:
            assert time.monotonic() < ending
            client = staying.enter_context(connect(port))
            held.setdefault(_process_of(client), client)
        for client in held.values():
            client.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert _told(port, b"sharing") == 2
            os.kill(_told(port, b"server"), signal.SIGTTOU)
            while _told(port, b"sharing") == 2:
                assert time.monotonic() < ending
            assert [client for client in held.values() if _has_answer(client)] == []
        finally:
            over.touch()
        assert [answer_to(client, b"held")[-4:] for client in held.values()] == [b"held"] * 2


def _told(port: int, what: bytes) -> int:
    with connect(port) as client:
        client.sendall(b"GET /" + what + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        return int(answer_to(client, b" " + what).splitlines()[-1].split()[0])


def _has_answer(client: socket.socket) -> bool:
    return bool(select.select([client], [], [], 0)[0])


def _round(port: int) -> Counter[bytes]:
    """How many of eight clients, all there at once, each process has."""
    with ExitStack() as staying:
        clients = [staying.enter_context(connect(port)) for _ in range(8)]
        answers = Counter(_process_of(client) for client in clients)
    # They are seen to be gone.
    time.sleep(0.2)
    return answers


def _wait_for_both(port: int) -> None:
    ending = time.monotonic() + 60
    seen: set[bytes] = set()
    while len(seen) < 2:
        assert time.monotonic() < ending
        seen.update(_round(port))


def _process_of(client: socket.socket) -> bytes:
    client.sendall(ASKING)
    return answer_to(client, b" process").splitlines()[-1]
