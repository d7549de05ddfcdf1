"""What stands in addresses, headers and bodies, as the routes declare it."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

from django.http import HttpRequest
from django.urls import register_converter
from ninja import NinjaAPI
from ninja.params.functions import Query
from ninja.params.models import Body, BodyModel, HeaderModel
from ninja.params.models import Header as NinjaHeader
from pydantic import BeforeValidator, WithJsonSchema

from sessions.actions.listing import MAX_PAGE
from sessions.errors import NotFound, SessionNotFound
from sessions.mirror.layout import is_safe_id
from sessions.validation import MAX_INTEGER
from sessions.views.addresses import UserConverter

from . import bodies

__all__ = [
    "Flag",
    "Header",
    "Id",
    "MergeId",
    "Name",
    "Query",
    "Sent",
    "SentOrNot",
    "SessionId",
    "Size",
    "Whole",
    "cursor",
    "limit",
    "one_of",
    "whole_up_to",
]

_WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)
_CURSOR = "`next_cursor` of the page before."


class _JSONModel(BodyModel):
    """Ninja's way to a body, with our own reader in the place of its own."""

    @classmethod
    def get_request_data(cls, request: HttpRequest, api: NinjaAPI, path_params: Mapping[str, Any]) -> Any:
        value = bodies.read_json(request)
        return None if value is None else {cls.__read_from_single_attr__: value}


class _JSONBody(Body):  # type: ignore[misc]  # as ninja's own
    _model = _JSONModel

    @classmethod
    def _param_source(cls) -> str:
        return "body"


class _NamedHeaders(HeaderModel):
    """Ninja's way to headers, without a mapping of all that a request has."""

    @classmethod
    def get_request_data(cls, request: HttpRequest, api: NinjaAPI, path_params: Mapping[str, Any]) -> Any:
        return {name: request.META.get(f"HTTP_{name.upper().replace('-', '_')}") for name in cls.__ninja_flatten_map__}


class Header(NinjaHeader):  # type: ignore[misc]
    """What is taken from a request's header."""

    _model = _NamedHeaders


if TYPE_CHECKING:
    T = TypeVar("T")
    Sent = Annotated[T, "a body"]
    SentOrNot = Annotated[T | None, "a body, or none"]
else:

    class Sent:
        """`Sent[InteractionIn]`: the request's body, of that shape."""

        def __class_getitem__(cls, shape: Any) -> Any:
            return Annotated[shape, _JSONBody(...)]

    class SentOrNot:
        """The same where a request need not have a body; None then."""

        def __class_getitem__(cls, shape: Any) -> Any:
            return Annotated[shape | None, _JSONBody(None)]


def one_of(names: Iterable[str]) -> WithJsonSchema:
    """Tells which values there are; that it is one of them is checked further down."""
    return WithJsonSchema({"type": "string", "enum": list(names)})


def _known_session_id(value: str) -> str:
    # What could name no session is as unknown as any other ID.
    if not is_safe_id(value):
        raise SessionNotFound(value)
    return value


def _known_id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound("Nothing has this ID.") from None


def _whole_number(value: Any) -> Any:
    """Digits as a number; no form beside the usual one, and nothing that a database could not be asked for."""
    if not isinstance(value, str):
        return value
    if not _WHOLE.fullmatch(value) or int(value) > MAX_INTEGER:
        raise ValueError("must be a whole number from 0 to 2^63-1")
    return int(value)


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("must be true or false")
        return value == "true"
    return value


SessionId = Annotated[
    str,
    BeforeValidator(_known_session_id),
    WithJsonSchema(
        {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$", "description": "A session's ID."}
    ),
]
Id = Annotated[UUID, BeforeValidator(_known_id), WithJsonSchema({"type": "string", "format": "uuid"})]
MergeId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Whole = Annotated[
    int, BeforeValidator(_whole_number), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_INTEGER})
]
Flag = Annotated[bool, BeforeValidator(_truth)]
Name = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1})]
Size = Annotated[
    int, BeforeValidator(_whole_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE})
]


def whole_up_to(most: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """What makes an int a whole number in an address, from 1 to so many; that it is one is checked further down."""
    return BeforeValidator(_whole_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": most})


def limit(default: int) -> Any:
    return Query(default, description=f"How many at most; up to {MAX_PAGE}.")


def cursor() -> Any:
    return Query("", description=_CURSOR)


class NameConverter(UserConverter):
    """A tag or a user in a path; `/` may stand in it, as what `%2F` has become by the time that it arrives here."""

    regex = r"[\s\S]+"


register_converter(NameConverter, "name")
