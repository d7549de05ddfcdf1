"""Where a caller's code runs: in a thread that may wait for disks and databases, never on the event loop.

Over HTTP that is the thread which Django serves the request in, so that connections and the caller are that request's;
on standard input and output it is one thread beside the loop.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from sessions.records import Caller

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

SCOPE_KEY = "sessionsite.desk"
"""Under this name a request brings its desk along."""


class Desk(Protocol):
    """Who asks, and a thread for what is done in their name."""

    caller: Caller

    async def run[T](self, job: Callable[[], T]) -> T:
        """What the job returns, or raises; awaited without keeping others waiting."""
        ...


def desk_of(context: "ServerRequestContext[Any, Any]") -> Desk:
    """The desk of a request: one of its own over HTTP, else that of the whole connection."""
    if context.request is not None:
        desk: Desk = context.request.scope[SCOPE_KEY]
        return desk
    lasting: Desk = context.lifespan_context
    return lasting
