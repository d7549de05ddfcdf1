"""A server that answers what a test tells it to, in that order, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SESSION = {
    "session_id": "s",
    "user_id": "alice",
    "title": "",
    "state": "active",
    "created_at": "2026-01-01T00:00:00Z",
    "last_activity_at": "2026-01-01T00:00:00Z",
    "total_interactions": 0,
    "context": {"session_id": "s", "version": "1"},
}
LOGGED = {"session_id": "s", "added": 1, "interactions": [{"id": "i", "sequence": 1, "idempotency_key": "k"}]}


@dataclass
class Answer:
    """`breaks` closes the connection without one."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False


@dataclass
class Asked:
    """`body` is what its JSON holds, or the bytes where it is none."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


Answering = Callable[[Asked], Answer]


class Fake:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: list[Answer] = []
        self._otherwise: Answering = lambda asked: Answer(500)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def will(self, *answers: Answer) -> None:
        """Give these answers, one after the other."""
        self._answers += answers

    def otherwise(self, answering: Answering) -> None:
        """What is answered when those are given."""
        self._otherwise = answering

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self._answers.pop(0) if self._answers else self._otherwise(asked)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, args=[0.01], daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler_of(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = self.headers.get("Content-Type") == "application/json"
            asked = Asked(self.command, self.path, json.loads(content) if is_json else content, dict(self.headers))
            answer = fake.answer(asked)
            self.close_connection = True
            if answer.breaks:
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)
    return Handler
