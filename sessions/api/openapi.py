"""The OpenAPI document: ninja's, completed by what it does not know of: problems, headers, scopes and files."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ninja.openapi.schema import OpenAPISchema

from sessions.agents import FORMATS
from sessions.views.problems import CONTENT_TYPE

from . import errors
from .bodies import JSON_TYPE
from .examples import EXAMPLES

SECURITY = "token"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ABOUT = """\
Log conversations with AI assistants, resume, find, export and merge them.

Send a token with every request: `Authorization: Bearer sst_...`. Every refusal is a problem (RFC 9457) whose `code` is
stable. docs/rest-api.md tells the rest."""
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token, made in the dashboard or by `manage.py token`. Its scope is read, write or admin; each "
    "includes those before. `x-scope` of an operation tells which it needs. A token that is bound to a user knows only "
    "that user's sessions; all others are as unknown.",
}
_HEADERS: Mapping[str, Mapping[str, Any]] = {
    "RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "How many are left of them.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until all are there again.", "schema": {"type": "integer"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to come in.", "schema": {"type": "string"}},
    "ETag": {"description": "The version of the context.", "schema": {"type": "string"}},
    "Location": {"description": "Where it tells how far it is.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "The file's name.", "schema": {"type": "string"}},
}
_BUDGET = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_TAGGED = ("get_context", "edit_context", "add_tag", "remove_tag")
_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
# What is no JSON, by operation.
_FILES: Mapping[str, Mapping[str, Any]] = {
    "export_session": {
        # Several are JSON, some of them a list.
        kind: {"schema": {"type": ["object", "array"] if kind == "application/json" else "string"}}
        for kind in (one.media_type.partition(";")[0] for one in FORMATS.values())
    },
    "export_sessions": _ZIP,
    "export_named_sessions": _ZIP,
    "get_metrics": {"text/plain": {"schema": {"type": "string"}}},
    "get_openapi": {"application/json": {"schema": {"type": "object"}}},
}
_UPLOADS = ("start_import",)
_UPLOAD = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@cache
def as_json() -> bytes:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def document() -> Mapping[str, Any]:
    """The whole of it. It is the same for everybody, so it is made once."""
    # Its operations are imported only now: one of them hands out what is made here.
    from .face import api

    found = dict(OpenAPISchema(api, path_prefix=""))
    found["info"] = {"title": api.title, "version": api.version, "description": _ABOUT}
    found["servers"] = [{"url": "/api/v1"}]
    schemas = {name: _plain(schema) for name, schema in found["components"]["schemas"].items()}
    found["components"] = {
        "schemas": {**_used(schemas, found["paths"]), "Problem": errors.schema()},
        "securitySchemes": {SECURITY: _SCHEME},
        "headers": dict(_HEADERS),
    }
    found["paths"] = {
        path: {method: _operation(one) for method, one in methods.items()} for path, methods in found["paths"].items()
    }
    return found


def _operation(found: Mapping[str, Any]) -> dict[str, Any]:
    operation = {**found, "parameters": [_parameter(one) for one in found["parameters"]]}
    scope = operation["x-scope"]
    if scope is None:
        del operation["x-scope"]
        operation["security"] = []
    else:
        operation["security"] = [{SECURITY: []}]
    if operation["operationId"] in _UPLOADS:
        operation["requestBody"] = {"required": True, "content": dict(_UPLOAD)}
    elif "requestBody" in operation:
        body = operation["requestBody"] = _plain(operation["requestBody"])
        body["content"][JSON_TYPE]["example"] = EXAMPLES[operation["operationId"]]
    operation["responses"] = {
        str(status): _response(operation, int(status), one) for status, one in sorted(operation["responses"].items())
    }
    return operation


def _parameter(found: Mapping[str, Any]) -> dict[str, Any]:
    schema = _plain(found["schema"])
    # A parameter is there or not; null is a value of bodies.
    kinds = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if len(kinds) == 1:
        schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}
    schema.pop("description", None)
    return {**found, "schema": schema}


def _response(operation: Mapping[str, Any], status: int, found: Mapping[str, Any]) -> dict[str, Any]:
    name, needs_token = operation["operationId"], "x-scope" in operation
    response: dict[str, Any] = _plain(found)
    codes = response.pop("x-codes", None)
    headers = [*_BUDGET] if needs_token and status != 401 else []
    if codes:
        response["description"] = ", ".join(f"`{code}`" for code in codes)
        response["content"] = {CONTENT_TYPE: {"schema": _PROBLEM}}
        headers += {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}.get(status, [])
    elif status == 200 and name in _FILES:
        response["content"] = dict(_FILES[name])
        headers += ["Content-Disposition"] * name.startswith("export_")
    elif status == 202:
        headers.append("Location")
    if name in _TAGGED and not codes:
        headers.append("ETag")
    if headers:
        response["headers"] = {header: {"$ref": f"#/components/headers/{header}"} for header in headers}
    return response


def _used(schemas: Mapping[str, Any], paths: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas that something refers to; ninja also leaves those that it took apart into parameters."""
    told = json.dumps([schemas, paths])
    return {name: schema for name, schema in schemas.items() if f'"#/components/schemas/{name}"' in told}


def _plain(schema: Any) -> Any:
    """A schema without the titles that pydantic makes of names."""
    return _walked(schema, lambda found: {name: value for name, value in found.items() if name != "title"})


def _walked(found: Any, change: Callable[[dict[str, Any]], dict[str, Any]], *, names: bool = False) -> Any:
    """A document with each of its schemas changed; what stands under `properties` are names of somebody else's."""
    if isinstance(found, list):
        return [_walked(one, change) for one in found]
    if not isinstance(found, dict):
        return found
    changed = found if names else change(found)
    return {name: _walked(value, change, names=not names and name == "properties") for name, value in changed.items()}
