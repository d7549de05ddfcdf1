"""What an agent reads of the tools before it calls one."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sessions.mcp_server import tool_scopes
from sessions.mcp_server.tools import TOOLS
from sessions.records import Scope

every_tool = pytest.mark.parametrize("name", TOOLS)


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """All objects in a schema."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from parts(one)


def test_it_knows_every_tool_with_its_scope() -> None:
    known = dict(tool_scopes())
    assert known["list_sessions"] is Scope.READ
    assert known["merge_sessions"] is Scope.WRITE
    assert known["cleanup_sessions"] is Scope.ADMIN
    assert set(known) == set(TOOLS)


@every_tool
def test_it_describes_itself(name: str) -> None:
    told = TOOLS[name].told()
    assert len(told.description or "") > 60
    assert told.annotations is not None
    assert told.annotations.open_world_hint is False
    assert told.title


@every_tool
def test_its_hints_agree_with_its_scope(name: str) -> None:
    tool = TOOLS[name]
    assert tool.effect.reads_only is (tool.scope is Scope.READ)
    assert not (tool.effect.reads_only and tool.effect.destroys)


def test_what_takes_two_steps_says_that_it_destroys() -> None:
    assert [name for name, tool in TOOLS.items() if tool.effect.destroys] == ["merge_sessions", "cleanup_sessions"]


@every_tool
def test_its_schemas_are_in_one_piece(name: str) -> None:
    told = TOOLS[name].told()
    for schema in (told.input_schema, told.output_schema):
        assert schema is not None
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert [part for part in parts(schema) if "$ref" in part or "$defs" in part] == []
        assert [
            part for part in parts(schema) if isinstance(part.get("type"), list) or part.get("type") == "null"
        ] == []


@every_tool
def test_it_takes_nothing_that_it_does_not_know(name: str) -> None:
    assert TOOLS[name].told().input_schema["additionalProperties"] is False


@every_tool
def test_it_describes_its_arguments(name: str) -> None:
    members = TOOLS[name].told().input_schema["properties"]
    assert [one for one, part in members.items() if "description" not in part] == []
