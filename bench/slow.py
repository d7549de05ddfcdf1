"""Hundreds of connections that are slow, or abandoned, beside one client that works: what does the client notice?

The site runs as `manage.py serve` runs it. Of the others, a quarter connect and send nothing, a quarter send half a
head, a quarter a head and half a body, and a quarter a byte at a time; whoever is shut out comes again. The client
appends one interaction after the other, first alone, then among them. Ends with 1 when an append fails, or when the
99th percentile among them is over `MOST_P99_MS`.
"""

import argparse
import itertools
import json
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from . import scratch, workload
from .load import Call, Connection
from .rest import site, token_of

MOST_P99_MS = 250
_HEAD = b"POST /api/v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
_HALVES = (b"", _HEAD, _HEAD + b"Content-Length: 500\r\n\r\n" + b"{" + b" " * 200)


class Crowd:
    """So many clients that never come to an end."""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._count = port, count
        self._over = threading.Event()
        self.refused = 0

    def run(self) -> None:
        """Keep all of them connected until it is over: one thread, for they hardly do anything."""
        clients: list[socket.socket | None] = [None] * self._count
        while not self._over.wait(1.0 / 20):
            for number, client in enumerate(clients):
                if client is None or _is_shut(client):
                    clients[number] = self._connect(number)
                elif number % 4 == 3:
                    with suppress(OSError):
                        client.send(b"x")
        for client in clients:
            if client is not None:
                client.close()

    def stop(self) -> None:
        self._over.set()

    def _connect(self, number: int) -> socket.socket | None:
        try:
            client = socket.create_connection(("127.0.0.1", self._port), timeout=2)
            client.sendall(_HALVES[number % 4] if number % 4 < 3 else b"POST /")
            client.setblocking(False)
        except OSError:
            self.refused += 1
            return None
        return client


def _is_shut(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def appends(port: int, token: str, count: int, texts: Iterator[workload.Spoken]) -> list[float]:
    """Milliseconds of so many appends, one after the other, over one connection that is opened anew when shut."""
    taken: list[float] = []
    with Connection(port, token) as connection:
        _, body = connection.post(Call("/api/v1/sessions", b"{}"))
        path = f"/api/v1/sessions/{json.loads(body)['session_id']}/interactions"
        for spoken in itertools.islice(texts, count):
            call = Call(path, json.dumps({"prompt": spoken.prompt, "response": spoken.response}).encode())
            began = time.perf_counter()
            # A connection of its own now and then: a visitor who is new must get in as well.
            status = _fresh(port, token, call) if len(taken) % 5 == 0 else connection.post(call)[0]
            taken.append((time.perf_counter() - began) * 1_000)
            if status != 201:
                raise RuntimeError(f"An append was answered with {status}.")
    return taken


def _fresh(port: int, token: str, call: Call) -> int:
    with Connection(port, token) as connection:
        return connection.post(call)[0]


@contextmanager
def among(port: int, count: int) -> Iterator[Crowd]:
    """A block with so many clients around it."""
    crowd = Crowd(port, count)
    thread = threading.Thread(target=crowd.run)
    thread.start()
    try:
        time.sleep(3)
        yield crowd
    finally:
        crowd.stop()
        thread.join()


def _told(name: str, taken: Sequence[float]) -> float:
    p99 = statistics.quantiles(taken, n=100)[-1]
    print(f"{name:10} p50 {statistics.median(taken):6.1f} ms   p99 {p99:6.1f} ms   worst {max(taken):6.1f} ms")
    return p99


def main() -> int:
    parser: argparse.ArgumentParser = scratch.arguments(__doc__)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--appends", type=int, default=500)
    given = parser.parse_args()
    texts = workload.texts(None)
    with ExitStack() as stack:
        store = stack.enter_context(scratch.store(given.dir, given.database_url))
        port = stack.enter_context(site(store))
        token = token_of(store)
        appends(port, token, 50, texts)
        _told("alone", appends(port, token, given.appends, texts))
        with among(port, given.connections) as crowd:
            p99 = _told(f"among {given.connections}", appends(port, token, given.appends, texts))
    print(f"refused {crowd.refused}; p99 at most {MOST_P99_MS} ms")
    return 0 if p99 <= MOST_P99_MS else 1


if __name__ == "__main__":
    sys.exit(main())
