"""A server of two threads among clients that are slow, silent, or gone."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running() as number:
        yield number


@contextmanager
def running(application: str = "tests.project.servers.echo", **environment: str) -> Iterator[int]:
    """The port of a server of two threads."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{number}"]
    command += ["--worker-class", "sessionsite.patient_worker.PatientWorker", "--threads", "2", "--preload"]
    command += ["--no-control-socket"]
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env={**os.environ, **environment})
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", number)) == 0:
                    break
            time.sleep(0.1)
        yield number
    finally:
        server.terminate()
        server.wait(timeout=60)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answer_to(client: socket.socket, ending: bytes = b"hello") -> bytes:
    """What comes, until it ends as awaited."""
    got = b""
    while not got.endswith(ending) and (piece := client.recv(1_000)):
        got += piece
    return got


def ask(port: int, body: bytes = b"hello") -> tuple[float, bytes]:
    """How long an answer takes, in seconds, and what it is."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", body)
    answer = connection.getresponse().read()
    connection.close()
    return time.monotonic() - began, answer


@pytest.mark.parametrize("sent", [b"", b"POST / HT", HEAD, HEAD + b"hel"], ids=["nothing", "begun", "head", "body"])
def test_it_answers_among_a_hundred_that_do_not_go_on(port: int, sent: bytes) -> None:
    with ExitStack() as waiting:
        for _ in range(100):
            waiting.enter_context(connect(port)).sendall(sent)
        seconds, answer = ask(port)
    assert answer == b"hello"
    assert seconds < 1


def test_it_answers_a_request_that_comes_in_pieces(port: int) -> None:
    with connect(port) as client:
        for place in range(0, len(HEAD), 7):
            client.sendall(HEAD[place : place + 7])
            time.sleep(0.01)
        for letter in b"hello":
            client.sendall(bytes([letter]))
            time.sleep(0.02)
        assert answer_to(client).endswith(b"hello")


def test_it_answers_the_second_request_of_a_connection_in_pieces_too(port: int) -> None:
    with connect(port) as client:
        for _ in range(3):
            client.sendall(HEAD[:20])
            time.sleep(0.05)
            client.sendall(HEAD[20:] + b"hello")
            assert answer_to(client).startswith(b"HTTP/1.1 200")


def test_a_request_that_begins_right_after_an_answer_has_as_long_as_any(port: int) -> None:
    """Longer than a kept connection may be silent, which is 2 seconds where nothing else is set."""
    with connect(port) as client:
        client.sendall(HEAD + b"hello")
        answer_to(client)
        client.sendall(HEAD[:9])
        time.sleep(2.5)
        client.sendall(HEAD[9:])
        time.sleep(0.5)
        client.sendall(b"hello")
        assert answer_to(client).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"POST / HT", HEAD + b"hel"], ids=["head", "body"])
def test_a_client_that_ends_its_sending_in_the_middle_is_let_go_at_once(port: int, sent: bytes) -> None:
    """Until it was, the main loop was woken without end."""
    with connect(port) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        with suppress(ConnectionResetError):
            while client.recv(1_000):
                pass
        assert time.monotonic() - began < 5


def test_it_answers_two_requests_that_come_at_once(port: int) -> None:
    with connect(port) as client:
        client.sendall((HEAD + b"hello") * 2)
        got = b""
        while got.count(b"hello") < 2:
            got += client.recv(1_000)


def test_nobody_waits_for_those_who_ask_again_and_again(port: int) -> None:
    """More clients than threads, each asking anew as soon as it has its answer."""
    ending = time.monotonic() + 1
    answers = [0] * 5

    def hurry(place: int) -> None:
        with connect(port) as client:
            while time.monotonic() < ending:
                client.sendall(HEAD + b"hello")
                assert answer_to(client).startswith(b"HTTP/1.1 200")
                answers[place] += 1

    with ThreadPoolExecutor(5) as clients:
        list(clients.map(hurry, range(5)))
    assert min(answers) > sum(answers) / 50


def test_a_client_that_asked_and_stays_holds_no_thread(port: int) -> None:
    with ExitStack() as staying:
        for _ in range(10):
            client = staying.enter_context(connect(port))
            client.sendall(HEAD + b"hello")
            answer_to(client)
        seconds, answer = ask(port)
    assert answer == b"hello"
    assert seconds < 1


def test_a_request_that_comes_at_once_is_answered_by_the_same_thread() -> None:
    """Over the main loop any thread may be next. However busy the machine is, here "at once" is within five seconds."""
    with running(LINGER_MS="5000") as port, connect(port) as client:
        named = set()
        for _ in range(20):
            client.sendall(b"GET /thread HTTP/1.1\r\nHost: x\r\n\r\n")
            named.add(answer_to(client, b"thread").rpartition(b"\r\n")[2])
    assert len(named) == 1


def test_it_takes_a_body_larger_than_it_looks_at(port: int) -> None:
    body = b"x" * 3_000_000
    assert ask(port, body)[1] == body


def test_it_closes_a_connection_that_never_ends_its_head(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"POST / HT")
        # A reset is as good: something was sent that nobody read.
        with suppress(ConnectionResetError):
            assert client.recv(10) == b""


def test_a_body_that_stalls_gives_its_thread_back(port: int) -> None:
    head = HEAD.replace(b"Content-Length: 5", b"Content-Length: 900000")
    with ExitStack() as stalled:
        for _ in range(2):
            stalled.enter_context(connect(port)).sendall(head + b"x" * 100_000)
        time.sleep(0.1)
        seconds, answer = ask(port)
    assert answer == b"hello"
    assert seconds < 5


def test_it_goes_on_when_clients_leave(port: int) -> None:
    for sent in (b"", b"POST", HEAD, HEAD + b"hello"):
        for _ in range(20):
            with connect(port) as client:
                client.sendall(sent)
    assert ask(port)[1] == b"hello"
