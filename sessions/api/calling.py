"""Calling operations as they were declared to ninja, without what it does around a call for others' routes.

Ninja reads each operation's signature into models, one for each place that a request holds something in; here they are
filled. What it would do beside that (looking whether a route is asynchronous, building an answer from what it returns,
checking that against a model) has no meaning here, and takes a sixth of the time that a request is not in its action.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.operation import Operation
from pydantic import ValidationError

from sessions.errors import InvalidInput

from .errors import refusal

MOST_TOLD = 20
_FIELD_CHARACTERS = 100

type View = Callable[..., HttpResponseBase]


def view_of(api: NinjaAPI, operations: Iterable[Operation]) -> View:
    """A view of one address: the operations of its methods. Asked with no other method."""
    by_method = {method: operation for operation in operations for method in operation.methods}

    def view(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        operation = by_method[str(request.method)]
        for entrance in operation.auth_callbacks:
            entrance(request)
        values: dict[str, Any] = {}
        wrong = []
        for model in operation.models:
            try:
                values.update(vars(model.resolve(request, api, parts)))
            except ValidationError as error:
                wrong += _told(model, error)
        return _misshapen(wrong) if wrong else operation.view_func(request, **values)

    return view


def _told(model: Any, error: ValidationError) -> list[dict[str, str]]:
    """What is wrong, and in which field. What was sent is not repeated."""
    source, names = model.__ninja_param_source__, model.__ninja_flatten_map_reverse__
    return [
        {"field": _field(source, names.get(one["loc"], one["loc"])), "message": _message(one["type"], one["msg"])}
        for one in error.errors(include_url=False, include_input=False)
    ]


def _misshapen(wrong: list[dict[str, str]]) -> HttpResponse:
    """The answer to what does not have the shape that is asked for."""
    first = wrong[0]
    more = len(wrong) - 1
    told_more = f" And {more:,} more." if more else ""
    return refusal(InvalidInput(first["field"], f"{first['message']}.{told_more}"), errors=wrong[:MOST_TOLD])


def _field(source: str, place: tuple[str | int, ...]) -> str:
    # In a body, what the route calls it comes first.
    inside = place[1:] if source == "body" and len(place) > 1 else place
    return ".".join(str(part) for part in inside)[:_FIELD_CHARACTERS] if inside else source


# Pydantic's own words are of its own world, and those on UUIDs repeat a part of what was sent.
_MESSAGES = {
    "extra_forbidden": "is not a known member",
    "missing": "is missing",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
}


def _message(kind: str, message: str) -> str:
    return _MESSAGES.get(kind, message.removeprefix("Value error, ").rstrip("."))
