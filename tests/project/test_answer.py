"""What gunicorn's answers look like on the wire: in one piece where they can be, and as whole as ever where not."""

import email.utils
import http.client
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from sessionsite.answer import Answer

from .test_patient_worker import connect, running


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running("tests.project.servers.answers") as number:
        yield number


def request(path: str, *, method: str = "GET", version: str = "1.1") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n\r\n".encode()


def rest_of(client: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    got = b""
    while piece := client.recv(10_000):
        got += piece
    return got


def get(port: int, path: str, method: str = "GET") -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


class Wire:
    """What is sent, each piece by itself."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)


def test_head_and_body_go_out_at_once_and_what_follows_by_itself() -> None:
    wire = Wire()
    asked = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: False)
    answer = Answer(asked, wire, Config())
    answer.start_response("200 OK", [("Content-Length", "10")])
    answer.write(b"whole")
    answer.write(b"again")
    answer.close()
    head, body, last = (*wire.pieces[0].partition(b"\r\n\r\n")[::2], wire.pieces[1])
    assert len(wire.pieces) == 2
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (body, last) == (b"whole", b"again")


def test_the_head_is_gunicorns(port: int) -> None:
    answer, _ = get(port, "/whole")
    assert [name for name, _ in answer.getheaders()] == [
        "Server",
        "Date",
        "Connection",
        "Content-Type",
        "Content-Length",
    ]
    sent = email.utils.parsedate_to_datetime(str(answer.headers["Date"]))
    assert abs((datetime.now(UTC) - sent).total_seconds()) < 3
    assert answer.headers["Date"].endswith(" GMT")
    assert answer.headers["Connection"] == "keep-alive"


def test_the_date_goes_on(port: int) -> None:
    first = get(port, "/whole")[0].headers["Date"]
    time.sleep(1.1)
    assert get(port, "/whole")[0].headers["Date"] != first


def test_a_connection_goes_on_behind_every_kind_of_answer(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for path, said in (("/whole", b"whole"), ("/nothing", b""), ("/file", b"from disk"), ("/late", b"firstsecond")) * 2:
        connection.request("GET", path)
        assert connection.getresponse().read() == said
    connection.close()


@pytest.mark.parametrize("path", ["/whole", "/file", "/late", "/nothing"])
def test_an_answer_without_a_body_has_none(port: int, path: str) -> None:
    with connect(port) as client:
        client.sendall(request(path, method="HEAD") + request("/whole"))
        got = b""
        while not got.endswith(b"whole"):
            got += client.recv(10_000)
    first, _, second = got.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 20")
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_part_that_is_there_does_not_wait_for_the_next(port: int) -> None:
    with connect(port) as client:
        client.sendall(request("/late"))
        got = b""
        seen_at: dict[bytes, float] = {}
        while not got.endswith(b"0\r\n\r\n"):
            got += client.recv(10_000)
            for mark in (b"\r\n\r\n", b"first", b"second"):
                if mark in got:
                    seen_at.setdefault(mark, time.monotonic())
    # The head goes with an empty part, which the application sends for that.
    head, first, second = seen_at.values()
    assert first - head > 0.1 < second - first
    assert got.endswith(b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n")


def test_an_old_client_gets_a_body_that_ends_with_the_connection(port: int) -> None:
    with connect(port) as client:
        client.sendall(request("/late", version="1.0"))
        got = rest_of(client)
    assert got.endswith(b"\r\n\r\nfirstsecond")
    assert b"chunked" not in got


def test_a_large_body_comes_whole(port: int) -> None:
    assert get(port, "/large")[1] == b"large" * 20_000 + b"LARGE" * 40_000


def test_a_file_comes_whole(port: int) -> None:
    assert get(port, "/real-file")[1] == (Path(__file__).parent / "servers" / "answers.py").read_bytes()


def test_what_breaks_in_the_middle_ends_the_connection_and_says_nothing_more(port: int) -> None:
    with connect(port) as client:
        client.sendall(request("/broken"))
        got = rest_of(client)
    assert got.endswith(b"\r\n\r\nhalf")


def test_what_breaks_before_it_began_is_told(port: int) -> None:
    assert get(port, "/refused")[0].status == 500


def test_what_is_no_body_at_all_is_told(port: int) -> None:
    assert get(port, "/text")[0].status == 500


def test_whoever_has_nothing_to_do_hears_of_it() -> None:
    # Long enough that no client is taken for silent because the machine is busy.
    with running("tests.project.servers.answers", LINGER_MS="1500") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

        def told() -> int:
            connection.request("GET", "/quiet")
            return int(connection.getresponse().read())

        # Whoever looked whether the server is there has left by then.
        told()
        time.sleep(0.5)
        before = told()
        # A client that asks again at once leaves nobody without work; one that is silent does.
        assert [told() for _ in range(20)] == [before] * 20
        time.sleep(2.5)
        assert told() == before + 1
        connection.close()
