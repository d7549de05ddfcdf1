"""gunicorn's answer in one piece: its head goes with the beginning of its body, so that a client is woken once.

The date in the head is written anew once a second; it would take as long as all the rest of the head.
"""

import time
from functools import lru_cache

from gunicorn import util
from gunicorn.http.wsgi import Response

# A larger piece of a body is a burden to copy, and wakes the client more than once anyway.
_MOST_COPIED_BYTES = 64 * 1024


class Answer(Response):  # type: ignore[misc]  # gunicorn has no types
    """See the module. What is not written by `write` (a file, an answer without a body) goes as gunicorn sends it."""

    headers_sent: bool
    _writing = False
    _held = b""

    def default_headers(self) -> list[str]:
        major, minor = self.req.version
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        return [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {_date(int(time.time()))}\r\n",
            f"Connection: {connection}\r\n",
            *(["Transfer-Encoding: chunked\r\n"] if self.chunked else []),
        ]

    def send_headers(self) -> None:
        if self.headers_sent:
            return
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        self._held = "".join(lines).encode("latin-1")
        self.headers_sent = True
        if not self._writing:
            self._send_held()

    def write(self, arg: bytes) -> None:
        if not isinstance(arg, bytes):
            # Before the head is taken for sent: this may still be answered as a failure.
            raise TypeError(f"{arg!r} is not bytes")
        self._writing = True
        try:
            super().write(arg)
        finally:
            self._writing = False
        # Of a body that has none, or not yet.
        self._send_held()

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        if len(data) > _MOST_COPIED_BYTES:
            self._send_held()
        held, self._held = self._held, b""
        self.sock.sendall(held + data)

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        if held:
            self.sock.sendall(held)


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return str(util.http_date(second))
