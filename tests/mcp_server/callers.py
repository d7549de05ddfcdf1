"""Callers without a protocol: a tool's code alone, as the server calls it."""

from typing import Any

from mcp_types import CallToolResult

from sessions.mcp_server.tools import TOOLS
from sessions.records import Actor, Caller, Face, Scope

from .agents import text_of


def caller(scope: Scope = Scope.ADMIN, user_id: str = "") -> Caller:
    return Caller(Actor("token:robot", Face.MCP), scope, user_id)


def call(tool: str, by: Caller | None = None, /, **arguments: Any) -> CallToolResult:
    return TOOLS[tool].call(by or caller(), arguments)


def data(tool: str, by: Caller | None = None, /, **arguments: Any) -> dict[str, Any]:
    """What a tool answers, which must not be an error."""
    result = call(tool, by, **arguments)
    assert not result.is_error, text_of(result)
    found: dict[str, Any] = result.structured_content
    return found


def refusal(tool: str, by: Caller | None = None, /, **arguments: Any) -> str:
    """How a tool refuses, which it must."""
    result = call(tool, by, **arguments)
    assert result.is_error, result.structured_content
    assert result.structured_content is None
    return text_of(result)
