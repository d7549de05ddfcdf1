"""The REST face put together: ninja's API, its errors told as ours, its addresses as `facing` presents them."""

from collections.abc import Iterator

import ninja.errors
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from ninja import NinjaAPI

from sessions.actions import version
from sessions.errors import InvalidInput
from sessions.records import Scope
from sessions.views.page import page

from . import docs
from .errors import refusal
from .routes import ROUTES
from .transport import facing, for_programs, told, unknown_address

MOST_TOLD = 20
_FIELD_CHARACTERS = 100


class Face(NinjaAPI):
    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        # Ninja makes one for every request, in case that a route wants to write into it. None does here.
        return None  # type: ignore[return-value]


api = Face(title="Sessionsite", version=version(), openapi_url=None, docs_url=None, urls_namespace="api")


@api.exception_handler(Exception)
def _any(request: HttpRequest, error: Exception) -> HttpResponse:
    return told(request, error)


@api.exception_handler(ninja.errors.ValidationError)
def _misshapen(request: HttpRequest, error: ninja.errors.ValidationError) -> HttpResponse:
    """What does not have the shape that is asked for. What was sent is not repeated."""
    found = [
        {"field": _field(one["loc"]), "message": _message(one["type"], one["msg"])} for one in error.errors[:MOST_TOLD]
    ]
    first = found[0]
    more = len(error.errors) - 1
    told_more = f" And {more:,} more." if more else ""
    return refusal(InvalidInput(first["field"], f"{first['message']}.{told_more}"), errors=found)


def _field(place: tuple[str | int, ...]) -> str:
    # First comes where it stands (body, query, path), in a body then what the route calls it.
    source, *rest = place
    inside = rest[1:] if source == "body" and len(rest) > 1 else rest
    return ".".join(str(part) for part in inside)[:_FIELD_CHARACTERS] if inside else str(source)


# Pydantic's own words are of its own world, and those on UUIDs repeat a part of what was sent.
_MESSAGES = {
    "extra_forbidden": "is not a known member",
    "missing": "is missing",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
}


def _message(kind: str, message: str) -> str:
    return _MESSAGES.get(kind, message.removeprefix("Value error, ").rstrip("."))


for routes in ROUTES:
    api.add_router("", routes.router)


def operations() -> Iterator[tuple[str, str, str, Scope | None]]:
    """Every operation: method, path below /api/v1 with its parts in braces, ID, and the scope it needs, or None."""
    for routes in ROUTES:
        yield from ((one.method, one.path, one.operation_id, one.scope) for one in routes.declared)


def _addresses() -> Iterator[URLPattern]:
    seen: set[str] = set()
    for bound in api._get_bound_routers():
        for template, view in bound.path_operations.items():
            assert template not in seen, template  # noqa: S101  (the second would never be reached)
            seen.add(template)
            methods = [method for operation in view.operations for method in operation.methods]
            route = template.lstrip("/").replace("{", "<").replace("}", ">")
            yield path(route, facing(view.get_view(), methods))


urlpatterns = [
    *_addresses(),
    page("docs", docs.docs, name="api-docs", readers=True),
    re_path(r"", for_programs(unknown_address)),
]
