"""A client that costs little: requests over kept connections, as many at once as asked for, each timed.

Raw sockets and no more HTTP than our servers speak: on a machine where client and server share the processors, a
client's own work is time that the server does not get.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Call:
    """One request's path and body, and the header lines that it needs beside the usual ones, each with its end."""

    path: str
    body: bytes
    headers: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: seconds in all, each request's milliseconds, and the statuses that were not 200 or 201."""

    seconds: float
    latencies_ms: Sequence[float]
    refused: Sequence[int]

    @property
    def per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def send(port: int, calls: Sequence[Sequence[Call]], *, token: str = "") -> Load:
    """Send one list of calls for each client, all clients at once, from a process of its own."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        os.close(reading)
        with os.fdopen(writing, "w") as told:
            json.dump(_run(port, calls, token), told)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as heard:
        seconds, latencies, refused = json.load(heard)
    os.waitpid(pid, 0)
    return Load(seconds, latencies, refused)


def _run(port: int, calls: Sequence[Sequence[Call]], token: str) -> tuple[float, list[float], list[int]]:
    latencies: list[float] = []
    refused: list[int] = []
    ready = threading.Barrier(len(calls) + 1)

    def client(own: Sequence[Call]) -> None:
        taken, statuses = [], []
        with Connection(port, token) as connection:
            ready.wait()
            for call in own:
                began = time.perf_counter()
                statuses.append(connection.post(call)[0])
                taken.append((time.perf_counter() - began) * 1_000)
        latencies.extend(taken)
        refused.extend(status for status in statuses if status not in (200, 201))

    threads = [threading.Thread(target=client, args=(own,)) for own in calls]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, latencies, refused


class Connection:
    """One kept connection; opened anew where the server closed it."""

    def __init__(self, port: int, token: str = "") -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        if token:
            self._head += f"Authorization: Bearer {token}\r\n"
        self._socket: socket.socket | None = None

    def __enter__(self) -> "Connection":
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def post(self, call: Call) -> tuple[int, bytes]:
        """Status and body."""
        head = f"POST {call.path} HTTP/1.1\r\n{self._head}{call.headers}Content-Length: {len(call.body)}\r\n\r\n"
        return self._exchange(head.encode() + call.body)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        return self._exchange(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())

    def _open(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        link = self._socket or self._open()
        link.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = link.recv(65_536)
            if not piece:
                raise ConnectionError("The server closed the connection before it answered.")
            answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = head.decode("latin-1").lower().split("\r\n")
        length = next((int(line.split(":")[1]) for line in headers if line.startswith("content-length:")), 0)
        while len(body) < length:
            body += link.recv(65_536)
        if "connection: close" in headers:
            link.close()
            self._socket = None
        return int(head.split(b" ", 2)[1]), body
