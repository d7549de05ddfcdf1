"""One HTTP request on its way through the event loop, and the thread that waits for its reply.

The protocol is spoken on the loop; whatever a tool does is handed back to the waiting thread. So a request takes one
thread, as every other one does, and none is held once it is answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from sessions.records import Caller

from .desk import SCOPE_KEY

type Headers = list[tuple[bytes, bytes]]
type Application = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Headers
    body: bytes


class NoReply(Exception):
    """The event loop gave no answer in time, or broke off."""


class Exchange:
    """A request as the event loop gets it, and the desk of its caller: the thread that is in `wait`."""

    def __init__(self, caller: Caller, path: str, headers: Headers, body: bytes) -> None:
        self.caller = caller
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            SCOPE_KEY: self,
        }
        self._body: bytes | None = body
        self._inbox: SimpleQueue[Callable[[], None] | Reply | None] = SimpleQueue()
        self._start: Mapping[str, Any] = {}
        self._sent: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_abandoned = False

    # --- In the waiting thread --------------------------------------------------------------------------------

    def wait(self, seconds: float) -> Reply:
        """Do what the loop asks for, until it replies. Raises NoReply where it is silent for so many seconds."""
        while True:
            try:
                item = self._inbox.get(timeout=seconds)
            except Empty:
                self.abandon()
                raise NoReply("The event loop is silent.") from None
            if isinstance(item, Reply):
                return item
            if item is None:
                raise NoReply("The event loop broke off.")
            try:
                item()
            except BaseException:
                self.abandon()
                raise

    def abandon(self) -> None:
        """Leave nothing behind on the loop."""
        self._is_abandoned = True
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    # --- On the event loop ------------------------------------------------------------------------------------

    def begin(self, application: Application) -> None:
        if self._is_abandoned:
            return
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._serve(application))

    async def run[T](self, job: Callable[[], T]) -> T:
        """Have a job done by the thread that waits."""
        outcome: Future[T] = Future()

        def work() -> None:
            try:
                result = job()
            except Exception as error:  # noqa: BLE001  (whoever asked for the job is told)
                outcome.set_exception(error)
            else:
                outcome.set_result(result)

        self._inbox.put(work)
        return await asyncio.wrap_future(outcome)

    async def _serve(self, application: Application) -> None:
        reply: Reply | None = None
        try:
            await application(self._scope, self._receive, self._send)
            reply = Reply(self._start["status"], list(self._start.get("headers", ())), b"".join(self._sent))
        finally:
            self._inbox.put(reply)

    async def _receive(self) -> dict[str, Any]:
        if self._body is None:
            # Whether the client is still there cannot be seen from here; the reply finds out.
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._sent.append(message.get("body", b""))
