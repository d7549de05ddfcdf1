"""MCP at /mcp and on standard input and output: tools, resources and prompts over the verbs of `sessions.agents`.

docs/mcp.md is the contract. The protocol itself is the official SDK's; nothing here imports it before it is needed,
since a command that has no business with it should not wait for it to load.
"""

from collections.abc import Iterator

from sessions.records import Scope


def tool_scopes() -> Iterator[tuple[str, Scope]]:
    """Every tool's name with the scope that it needs."""
    from .tools import TOOLS

    return ((tool.name, tool.scope) for tool in TOOLS.values())


__all__ = ["tool_scopes"]
