"""How operations are declared: the one place that says which scope each needs, and what it may answer.

What is declared here is what ninja routes, what OpenAPI shows, and what `operations` tells the tests.
"""

import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase
from ninja import Router
from ninja.operation import Operation
from pydantic import BaseModel

from sessions import errors
from sessions.errors import SessionsiteError
from sessions.records import Scope

from .entrance import Entrance
from .errors import BodyTooLarge, NotJSON, StoreUnavailable, meaning_of

type Route = Callable[..., HttpResponseBase]
type Refusals = Sequence[type[SessionsiteError]]
type Answers = type[BaseModel] | Mapping[int, type[BaseModel] | None]

_SESSION_PATH = (errors.SessionNotFound, errors.SessionPurged)
_TOKEN_WANTED = (errors.TokenRefused, errors.TooManyRequests, errors.InvalidInput)


@dataclass(frozen=True, slots=True)
class Declared:
    """One operation. `scope` is None where no token is asked for."""

    method: str
    path: str
    operation_id: str
    scope: Scope | None
    refusals: Refusals


class Routes:
    """The operations of one subject, in the order of their addresses."""

    def __init__(self, subject: str) -> None:
        self.router = Router(tags=[subject])
        self.declared: list[Declared] = []

    def get(self, path: str, **wanted: Any) -> Callable[[Route], Route]:
        return self._operation("GET", path, **wanted)

    def post(self, path: str, **wanted: Any) -> Callable[[Route], Route]:
        return self._operation("POST", path, **wanted)

    def put(self, path: str, **wanted: Any) -> Callable[[Route], Route]:
        return self._operation("PUT", path, **wanted)

    def patch(self, path: str, **wanted: Any) -> Callable[[Route], Route]:
        return self._operation("PATCH", path, **wanted)

    def delete(self, path: str, **wanted: Any) -> Callable[[Route], Route]:
        return self._operation("DELETE", path, **wanted)

    def _operation(
        self, method: str, path: str, *, scope: Scope | None, answers: Answers, refusals: Refusals = ()
    ) -> Callable[[Route], Route]:
        """An operation whose ID is its function's name, whose summary the first line of its docstring.

        `refusals` are what it may refuse with beyond what its kind always may.
        """

        def declare(route: Route) -> Route:
            entrance = None if scope is None else Entrance(scope)
            summary, _, description = inspect.cleandoc(route.__doc__ or "").partition("\n")
            decorated: Route = self.router.api_operation(
                [method],
                path,
                auth=entrance,
                response=answers if isinstance(answers, Mapping) else {200: answers},
                operation_id=route.__name__,
                summary=summary.rstrip("."),
                description=_unfolded(description),
                by_alias=True,
            )(route)
            operation: Operation = route._ninja_operation  # type: ignore[attr-defined]
            if entrance is not None:
                entrance.parameters = _parameters(operation)
            possible = _possible(operation, scope, method, path, refusals)
            operation.openapi_extra = {"x-scope": scope, "responses": _told(possible)}
            self.declared.append(Declared(method, _template(path), route.__name__, scope, possible))
            return decorated

        return declare


def _unfolded(text: str) -> str:
    """A docstring's text with a line for each of its paragraphs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def _template(path: str) -> str:
    """The path as OpenAPI has it, without the names of Django's converters."""
    return re.sub(r"{\w+:", "{", path)


def _parameters(operation: Operation) -> Mapping[str, bool]:
    """The names that a query may hold, and which of them several times."""
    models = [model for model in operation.models if model.__ninja_param_source__ == "query"]
    return {name: name in model.__ninja_collection_fields__ for model in models for name in model.__ninja_flatten_map__}


def _possible(operation: Operation, scope: Scope | None, method: str, path: str, refusals: Refusals) -> Refusals:
    """All that an operation may refuse with."""
    possible: list[type[SessionsiteError]] = [*refusals]
    if scope is not None:
        possible += [*_TOKEN_WANTED, StoreUnavailable]
    if scope in (Scope.WRITE, Scope.ADMIN):
        possible.append(errors.ScopeMissing)
    if "{session_id}" in path:
        possible += _SESSION_PATH
    if method != "GET":
        possible += [errors.MirrorUnavailable, errors.MirrorConflict]
    if any(model.__ninja_param_source__ == "body" for model in operation.models):
        possible += [BodyTooLarge, NotJSON]
    return list(dict.fromkeys(possible))


def _told(possible: Refusals) -> dict[int, Any]:
    """Refusals as OpenAPI's responses: by status, each naming its codes."""
    codes: dict[int, list[str]] = defaultdict(list)
    for kind in possible:
        codes[meaning_of(kind)[0]].append(kind.code)
    return {status: {"x-codes": sorted(set(found))} for status, found in sorted(codes.items())}
