"""Programs that call: the SDK's own client, made synchronous, over HTTP or over standard input and output."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

ROOT = Path(__file__).resolve().parents[2]
ERAS = ("2026-07-28", "legacy")
"""The client's names of both revisions: the present one, and the one with a handshake (2025-11-25)."""


class Agent:
    """A connected client."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal = portal
        self.client = client

    def ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        """What a method of the client gives."""

        async def asked() -> Any:
            return await getattr(self.client, method)(*arguments, **named)

        return self._portal.call(asked)

    def try_call(self, tool: str, **arguments: Any) -> CallToolResult:
        result: CallToolResult = self.ask("call_tool", tool, arguments)
        return result

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The data of a tool's answer, which must not be an error."""
        result = self.try_call(tool, **arguments)
        assert not result.is_error, text_of(result)
        data: dict[str, Any] = result.structured_content
        return data

    def refusal(self, tool: str, **arguments: Any) -> str:
        """The text of a tool's error, which it must be."""
        result = self.try_call(tool, **arguments)
        assert result.is_error
        return text_of(result)

    def tools(self) -> list[str]:
        return [tool.name for tool in self.ask("list_tools").tools]


def text_of(result: CallToolResult) -> str:
    """The first text of an answer."""
    return getattr(result.content[0], "text", "")


@contextmanager
def over_http(url: str, token: str, *, era: str = ERAS[0]) -> Iterator[Agent]:
    """An agent that comes with a token."""
    with start_blocking_portal() as portal:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
        try:
            client = Client(streamable_http_client(url, http_client=http), mode=era)
            with portal.wrap_async_context_manager(client) as connected:
                yield Agent(portal, connected)
        finally:
            portal.call(http.aclose)


@contextmanager
def over_stdio(environment: Mapping[str, str], *options: str, era: str = ERAS[0]) -> Iterator[Agent]:
    """An agent that starts `manage.py mcp` and speaks with it."""
    command = StdioServerParameters(
        command=sys.executable, args=[str(ROOT / "manage.py"), "mcp", *options], env=dict(environment)
    )
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Client(command, mode=era)) as connected:
        yield Agent(portal, connected)
