"""Letting programs in: `Authorization: Bearer TOKEN` (RFC 6750), and what every answer says of the token's budget."""

import math

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from sessions import actions
from sessions.actions import Admission
from sessions.errors import TokenRefused, TooManyRequests
from sessions.records import Face

REALM = 'Bearer realm="Sessionsite"'


def admit(request: HttpRequest, *, face: Face) -> Admission:
    """Who sends a request, one request counted. Raises TokenRefused and TooManyRequests."""
    kind, _, secret = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if kind.lower() != "bearer":
        raise TokenRefused
    return actions.admit(secret.strip(), face=face)


def tell_budget(response: HttpResponseBase, admission: Admission) -> None:
    """Write what is left of a token's minute (draft-ietf-httpapi-ratelimit-headers-07: seconds, whole numbers)."""
    allowance = admission.allowance
    response["RateLimit-Limit"] = str(allowance.limit)
    response["RateLimit-Remaining"] = str(allowance.remaining)
    response["RateLimit-Reset"] = str(math.ceil(allowance.reset_seconds))


def tell_refusal(response: HttpResponseBase, error: TokenRefused | TooManyRequests) -> None:
    """Write what a refused program needs to know: how to come in, or when to come back."""
    if isinstance(error, TokenRefused):
        response["WWW-Authenticate"] = REALM
        return
    response["Retry-After"] = str(error.wait_seconds)
    response["RateLimit-Limit"] = str(error.limit)
    response["RateLimit-Remaining"] = "0"
    response["RateLimit-Reset"] = str(error.reset_seconds)
