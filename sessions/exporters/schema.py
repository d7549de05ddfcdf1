"""The JSON Schema of our own exports: of the JSON document, and of a line of JSON Lines. Knows no database.

It follows from the records that `document` writes down, so what is added to them stands in it too. It is published as
docs/schemas/session-export-1.schema.json, which a test compares with what is made here:

    python -m sessions.exporters.schema > docs/schemas/session-export-1.schema.json
"""

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sessions.records import (
    InteractionKind,
    InteractionRecord,
    MergeRecord,
    Note,
    Origin,
    SessionRecord,
)

from .document import CONTEXT_FIELDS, EXPORT_VERSION

ID = f"urn:sessionsite:session-export:{EXPORT_VERSION}"

type Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    UUID: {"type": "string", "format": "uuid"},
}
_OWN: Mapping[Any, str] = {Note: "note", Origin: "origin"}
_SOURCE: Schema = {
    "description": "The record as the tool wrote it: as text, or where it is none the bytes in base64.",
    "oneOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"base64": {"type": "string", "contentEncoding": "base64"}},
            "required": ["base64"],
        },
    ],
}
_SESSION_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$"}
_LEFT = (
    "What absorbed sessions have still, since the survivor had the same when they were merged: no part of the "
    "conversation; undoing the merge gives it back. In the order of `merges`, then of `sequence`."
)
_ABOUT = (
    "A session as Sessionsite exports it. A member that is left out has its default: an empty text, list or object, or "
    "null. What a reader does not know it passes over: members may be added without a new version."
)


def schema() -> Schema:
    """The document's schema; `$defs/line` is that of a line of JSON Lines."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": f"Sessionsite session export, version {EXPORT_VERSION}",
        "description": _ABOUT,
        **_document(),
        "$defs": {
            "session_info": _session_info(),
            "context": _context(),
            "merge": _of(MergeRecord),
            "interaction": _interaction(),
            "absorbed": _absorbed(),
            "note": _of(Note),
            "origin": _of(Origin),
            "line": _line(),
        },
    }


def _document() -> Schema:
    opening = _opening()
    listed = {"type": "array", "items": {"$ref": "#/$defs/interaction"}, "description": "In the order of `sequence`."}
    left = {"type": "array", "items": {"$ref": "#/$defs/absorbed"}, "description": _LEFT}
    return _object({**opening, "interactions": listed, "absorbed": left}, required=[*opening, "interactions"])


def _absorbed() -> Schema:
    return _object(
        {"session_id": _SESSION_ID, "interaction": {"$ref": "#/$defs/interaction"}},
        required=["session_id", "interaction"],
    )


def _opening() -> dict[str, Schema]:
    return {
        "export_version": {"const": EXPORT_VERSION},
        "export_timestamp": {"type": "string", "format": "date-time"},
        "session_info": {"$ref": "#/$defs/session_info"},
        "context": {"$ref": "#/$defs/context"},
        "merges": {"type": "array", "items": {"$ref": "#/$defs/merge"}},
    }


def _line() -> Schema:
    """The first line tells of the session, the last counts; those between are interactions, and what was absorbed."""
    opening = _opening()
    first = _object({"kind": {"const": "session"}, **opening}, required=["kind", *opening])
    number = {"type": "integer", "minimum": 0}
    last = _object({"kind": {"const": "end"}, "interactions": number, "absorbed": number})
    last["required"] = ["kind", "interactions"]
    left = _object({"kind": {"const": "absorbed"}, **_absorbed()["properties"]})
    left["required"] = ["kind", "session_id", "interaction"]
    return {"oneOf": [first, {"$ref": "#/$defs/interaction"}, left, last]}


def _session_info() -> Schema:
    found = _of(SessionRecord)
    properties = {name: value for name, value in found["properties"].items() if name not in CONTEXT_FIELDS}
    properties["last_activity"] = properties.pop("last_activity_at")
    properties["total_interactions"] = {"type": "integer", "minimum": 0}
    properties["session_id"] = _SESSION_ID
    required = ["session_id", "user_id", "created_at", "last_activity", "metadata", "total_interactions"]
    return _object(properties, required=required)


def _context() -> Schema:
    found = _of(SessionRecord)["properties"]
    return _object({name: found[name] for name in CONTEXT_FIELDS}, required=list(CONTEXT_FIELDS))


def _interaction() -> Schema:
    found = _of(InteractionRecord)
    found["properties"]["kind"] = {"enum": [kind.value for kind in InteractionKind]}
    found["properties"]["sequence"] = {"type": "integer", "minimum": 1}
    found["properties"]["source_record"] = _SOURCE
    return found


def _of(record_type: Any) -> Schema:
    """A record's fields; those without a default are required."""
    hints = typing.get_type_hints(record_type)
    required = [
        field.name
        for field in dataclasses.fields(record_type)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return _object({name: _type(hint) for name, hint in hints.items()}, required=required)


def _type(hint: Any) -> Schema:
    if isinstance(hint, types.UnionType):
        inner = next(member for member in hint.__args__ if member is not types.NoneType)
        return {"anyOf": [_type(inner), {"type": "null"}]}
    origin = typing.get_origin(hint)
    if origin is Sequence:
        return {"type": "array", "items": _type(hint.__args__[0])}
    if origin is Mapping:
        return {"type": "object"}
    if hint in _OWN:
        return {"$ref": f"#/$defs/{_OWN[hint]}"}
    # Any other is a value that JSON can hold.
    return dict(_PLAIN.get(hint, {}))


def _object(properties: Mapping[str, Schema], *, required: Sequence[str] = ()) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def as_text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
