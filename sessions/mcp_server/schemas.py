"""JSON schemas that every client understands: in one piece, with one type for each member.

Some clients map schemas onto dialects that know neither `$ref` nor several types, and titles that repeat a member's
name cost tokens. The Inspector's `--strict` says what is portable.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

_DEFINITIONS = "#/$defs/"
# Where a schema has members with names of their own choosing.
_NAMED = ("properties", "$defs")


def portable_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model, its references written out. Its own docstring is left out, those of its parts stay."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)
    written: dict[str, Any] = _written_out(schema, definitions)
    return written


def _written_out(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_written_out(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if (reference := part.get("$ref", "")).startswith(_DEFINITIONS):
        # What stands beside a reference, such as a description, is said of this very place.
        meant = deepcopy(definitions[reference.removeprefix(_DEFINITIONS)])
        return _written_out({**meant, **{key: value for key, value in part.items() if key != "$ref"}}, definitions)
    told = {key: _members(key, value, definitions) for key, value in part.items() if not _is_idle(key, value)}
    return _without_null(told)


def _is_idle(key: str, value: Any) -> bool:
    """Whether it says nothing: a title that repeats the name, a default that means "not given"."""
    return key == "title" or (key == "default" and value in (None, ""))


def _members(key: str, value: Any, definitions: Mapping[str, Any]) -> Any:
    if key in _NAMED:
        return {name: _written_out(one, definitions) for name, one in value.items()}
    return value if key in ("default", "enum", "const") else _written_out(value, definitions)


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """What may also be null as what it is otherwise: it is left out of answers then, and may be left out of arguments.

    A null that is sent all the same is taken for left out.
    """
    others = [one for one in part.get("anyOf", []) if one != {"type": "null"}]
    if len(others) != 1:
        return part
    told = {key: value for key, value in part.items() if key != "anyOf"}
    return {**others[0], **told}
