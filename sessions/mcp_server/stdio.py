"""The protocol on standard input and output, for a program that starts this one and speaks to it alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from django.db import close_old_connections, connections
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from sessions.records import Caller

from .server import build_server


class LastingDesk:
    """One caller for as long as the program runs, and one thread, with its own connection, that works for it."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def run[T](self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _with_connection, job)

    def close(self) -> None:
        """Let what was begun end, so that it is whole in both copies."""
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True)


def serve_stdio(caller: Caller) -> None:
    """Speak the protocol until the other side closes."""

    @asynccontextmanager
    async def at_the_desk(_: Server[Any]) -> AsyncIterator[LastingDesk]:
        desk = LastingDesk(caller)
        try:
            yield desk
        finally:
            desk.close()

    asyncio.run(_serve(build_server(at_the_desk)))


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _with_connection[T](job: Callable[[], T]) -> T:
    close_old_connections()
    return job()
