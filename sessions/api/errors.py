"""What REST refuses by itself, and the status of every refusal: each a problem of RFC 9457, with a stable code."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import JsonResponse

from sessions import errors
from sessions.errors import SessionsiteError
from sessions.views.errors import MEANINGS
from sessions.views.problems import problem

from .bearer import tell_refusal


class BodyTooLarge(SessionsiteError):
    code = "body_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The body is larger than the {limit_bytes:,} bytes that are taken at once.",
            hint="Send less at once, or let SESSIONSITE_MAX_REQUEST_MB be raised.",
        )


class NotJSON(SessionsiteError):
    code = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("The body must be JSON in UTF-8.", hint="Send it with `Content-Type: application/json`.")


class UnknownAddress(errors.NotFound):
    """No operation has this address."""

    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Nothing has this address.", hint="All addresses are in /api/v1/openapi.json.")


class MethodNotAllowed(SessionsiteError):
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__("This address does not take that method.", hint=f"It takes {allowed}.")
        self.allowed = allowed


class StoreUnavailable(SessionsiteError):
    """The database does not answer; whether the change was made is unknown."""

    code = "store_unavailable"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database does not answer.", hint="Send it again, with the same idempotency keys.")


class NotReady(SessionsiteError):
    """Something is missing that the server cannot do its work without."""

    code = "not_ready"
    retry_after_seconds = 5

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"Without an answer: {', '.join(missing)}.", hint="The server's log tells more.")


class Unexpected(SessionsiteError):
    """A mistake of the server's own; the log tells more."""

    code = "server_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on the server.", hint="The server's log tells what.")


# These have another meaning here than on a page, or none there.
_HERE: tuple[tuple[type[SessionsiteError], int, str], ...] = (
    (BodyTooLarge, 413, "Too large"),
    (NotJSON, 415, "Not JSON"),
    (MethodNotAllowed, 405, "Method not allowed"),
    (StoreUnavailable, 503, "The store does not answer"),
    (NotReady, 503, "Not ready"),
    (Unexpected, 500, "Something went wrong"),
    (errors.ContextChanged, 412, "The context is another one by now"),
)


def meaning_of(kind: type[SessionsiteError]) -> tuple[int, str]:
    """The status and the title that an error is told with."""
    for known, status, title in _HERE:
        if issubclass(kind, known):
            return status, title
    return next(((one.status, one.heading) for known, one in MEANINGS if issubclass(kind, known)), (500, ""))


def refusal(error: SessionsiteError, **members: Any) -> JsonResponse:
    """The answer that tells an error, with more members of the problem where there are any."""
    status, title = meaning_of(type(error))
    response = problem(error, status=status, title=title, **members)
    if isinstance(error, errors.TokenRefused | errors.TooManyRequests):
        tell_refusal(response, error)
    if isinstance(error, MethodNotAllowed):
        response["Allow"] = error.allowed
    if isinstance(error, StoreUnavailable | NotReady):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def schema() -> Mapping[str, Any]:
    """The shape of a problem, for the OpenAPI document."""
    text = {"type": "string"}
    return {
        "title": "Problem",
        "description": "Why something was refused (RFC 9457). `code` is stable, the texts are for people.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": text,
            "hint": text | {"description": "What to do next."},
            "errors": {
                "description": "What is wrong with which member or parameter.",
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {"field": text, "message": text},
                },
            },
        },
    }
