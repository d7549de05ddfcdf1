"""The page of the REST API: what the OpenAPI document says, for people, in the site's own design."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from sessions.views.page import Request, show

from . import openapi

# In the order in which a newcomer needs them, which is not that of the addresses.
SUBJECTS = ("Sessions", "Interactions", "Merges", "Users", "Imports", "Cleanup", "Service")
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
_FORMATS = {"date-time": "time", "uuid": "UUID"}
_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a type's name; `shape` is the name of the shape that it leads to."""

    text: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a member of a shape. `place` tells where a parameter stands; `default` is "" without one."""

    name: str
    kind: Sequence[Piece]
    required: bool
    default: str
    description: SafeString
    place: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    description: SafeString
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the shapes that it may hold, or the codes of the problem that it is."""

    status: int
    phrase: str
    kinds: Sequence[Sequence[Piece]]
    codes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Described:
    """An operation. `body` is the type of what is sent, empty where nothing is, `members` what that has; `example` is a
    command."""

    name: str
    method: str
    path: str
    summary: str
    description: SafeString
    scope: str
    parameters: Sequence[Member]
    body: Sequence[Piece]
    members: Sequence[Member]
    body_required: bool
    replies: Sequence[Reply]
    example: str


@require_safe
def docs(request: Request) -> HttpResponse:
    base = request.build_absolute_uri("/api/v1")
    context = {
        "subjects": _subjects(base),
        "shapes": _shapes(),
        "base": base,
        "version": openapi.document()["info"]["version"],
    }
    return show(request, "sessions/api.html", context)


@cache
def _shapes() -> Sequence[Shape]:
    found = openapi.document()["components"]["schemas"]
    return [
        Shape(name, _said(schema.get("description", "")), _members(schema))
        for name, schema in sorted(found.items())
        if "properties" in schema
    ]


def _subjects(base: str) -> list[tuple[str, Sequence[Described]]]:
    def place(found: tuple[str, Described]) -> int:
        return SUBJECTS.index(found[0])

    grouped = groupby(sorted(_operations(base), key=place), key=lambda found: found[0])
    return [(subject, [one for _, one in found]) for subject, found in grouped]


def _operations(base: str) -> Iterator[tuple[str, Described]]:
    for path, methods in openapi.document()["paths"].items():
        for method, found in methods.items():
            yield found["tags"][0], _described(base, method.upper(), path, found)


def _described(base: str, method: str, path: str, found: Mapping[str, Any]) -> Described:
    body = found.get("requestBody")
    content = body["content"] if body else {}
    kind = _kind(content["application/json"]["schema"]) if "application/json" in content else []
    return Described(
        name=found["operationId"],
        method=method,
        path=path,
        summary=found["summary"],
        description=_said(found.get("description", "")),
        scope=found.get("x-scope", ""),
        parameters=[_parameter(one) for one in found["parameters"]],
        body=kind,
        members=next((one.members for one in _shapes() if kind and one.name == kind[0].shape), []),
        body_required=bool(body and body["required"]),
        replies=[_reply(int(status), one) for status, one in found["responses"].items()],
        example=_command(base, method, path, found),
    )


def _parameter(found: Mapping[str, Any]) -> Member:
    return Member(
        found["name"],
        _kind(found["schema"]),
        found["required"],
        _default(found["schema"]),
        _said(found.get("description", "")),
        found["in"],
    )


def _members(schema: Mapping[str, Any]) -> list[Member]:
    required = schema.get("required", [])
    return [
        Member(name, _kind(one), name in required, _default(one), _said(one.get("description", "")))
        for name, one in schema.get("properties", {}).items()
    ]


def _said(text: str) -> SafeString:
    """Text with paragraphs and `code` as HTML."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph]
    return format_html_join("", "<p>{}</p>", ((_with_code(paragraph),) for paragraph in paragraphs))


def _with_code(text: str) -> SafeString:
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if number % 2 else part,) for number, part in enumerate(parts))
    )


def _default(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    return "" if value in (None, "") else json.dumps(value)


def _reply(status: int, found: Mapping[str, Any]) -> Reply:
    contents = found.get("content", {})
    if "application/problem+json" in contents:
        return Reply(status, HTTPStatus(status).phrase, [], found["description"].replace("`", "").split(", "))
    kinds = [
        _kind(one["schema"]) if "$ref" in one["schema"] else [Piece(media_type)] for media_type, one in contents.items()
    ]
    return Reply(status, HTTPStatus(status).phrase, kinds, [])


def _kind(schema: Mapping[str, Any]) -> list[Piece]:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        meant = openapi.document()["components"]["schemas"][name]
        return [Piece(name, name)] if "properties" in meant else _kind(meant)
    if "enum" in schema:
        return [Piece("one of " + ", ".join(str(value) for value in schema["enum"]))]
    for several in ("anyOf", "allOf"):
        if several in schema:
            return _joined([_kind(one) for one in schema[several] if one != {"type": "null"}], " or ")
    if schema.get("type") == "array":
        return [Piece("list of "), *_kind(schema["items"])]
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return [Piece("object of "), *_kind(values)] if isinstance(values, dict) else [Piece("object")]
    return [Piece(_FORMATS.get(schema.get("format", ""), "") or _WORDS.get(schema.get("type", ""), "any value"))]


def _joined(kinds: Sequence[Sequence[Piece]], word: str) -> list[Piece]:
    found: list[Piece] = []
    for number, kind in enumerate(kinds):
        found += [*([Piece(word)] if number else []), *kind]
    return found


def _command(base: str, method: str, path: str, found: Mapping[str, Any]) -> str:
    """The operation as somebody types it; what stands in the path is written in capitals."""
    for one in found["parameters"]:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", one["name"].upper())
    query = "&".join(f"{one['name']}=..." for one in found["parameters"] if one["in"] == "query" and one["required"])
    address = f"{base}{path}{'?' if query else ''}{query}"
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{shlex.quote(address)}"]
    if "x-scope" in found:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in found:
        content = found["requestBody"]["content"]
        if "application/json" not in content:
            return " \\\n  ".join([*lines, "--data-binary @FILE"])
        example = content["application/json"]["example"]
        lines += [
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(example, ensure_ascii=False, indent=2))}",
        ]
    return " \\\n  ".join(lines)
