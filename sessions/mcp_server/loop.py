"""The one event loop of a server process, in a thread of its own, begun when it is first needed.

After the fork, that is: a thread of the process that forks is not in its children. It holds the SDK's manager, which
keeps nothing of one request for the next.
"""

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .exchange import Application, Exchange, NoReply

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

log = logging.getLogger(__name__)

_START_SECONDS = 20.0
_STOP_SECONDS = 2.0


class EventLoop:
    """A running loop that serves a protocol's server over HTTP."""

    def __init__(self, server: "Server[Any]", *, most_bytes: int) -> None:
        # The SDK takes half a second to load, which every command would wait for: all of them know the addresses.
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        self._manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=most_bytes
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._application: Application | None = None
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mcp", daemon=True)
        self._thread.start()
        if not self._began.wait(_START_SECONDS):
            raise NoReply("The event loop does not start.")
        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def hand_over(self, exchange: Exchange) -> None:
        """Begin to serve a request; its own `wait` gets the reply. Raises NoReply where the loop is gone."""
        try:
            assert self._loop is not None  # noqa: S101  (began)
            assert self._application is not None  # noqa: S101
            self._loop.call_soon_threadsafe(exchange.begin, self._application)
        except RuntimeError as error:
            raise NoReply("The event loop is closed.") from error

    def stop(self) -> None:
        """End the loop and its thread."""
        atexit.unregister(self.stop)
        if self._loop is not None and self._stopping is not None and self.is_running:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            # The next request begins another loop.
            log.error("event_loop_failed", exc_info=error)
            self._began.set()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        async with self._manager.run():
            self._loop, self._application = asyncio.get_running_loop(), self._manager.handle_request
            self._began.set()
            await self._stopping.wait()


class LoopOfProcess:
    """The event loop of whichever process asks."""

    def __init__(self, build_server: "Callable[[], Server[Any]]") -> None:
        self._build_server = build_server
        self._lock = threading.Lock()
        self._found: EventLoop | None = None
        # A fork in the very moment in which another thread holds the lock would leave it held for ever.
        os.register_at_fork(after_in_child=self._forget)

    def running(self, *, most_bytes: int) -> EventLoop:
        """The loop, begun where there is none or where it ended. Raises NoReply."""
        with self._lock:
            if self._found is None or not self._found.is_running:
                self._found = EventLoop(self._build_server(), most_bytes=most_bytes)
            return self._found

    def stop(self) -> None:
        with self._lock:
            found, self._found = self._found, None
        if found is not None:
            found.stop()

    def _forget(self) -> None:
        self._lock, self._found = threading.Lock(), None
