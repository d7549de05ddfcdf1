"""Domain errors for programs: RFC 9457 problem details, with the stable code and the hint of the error."""

from typing import Any

from django.http import JsonResponse

from sessions import errors

from .errors import meaning_of

CONTENT_TYPE = "application/problem+json"


def problem(error: errors.SessionsiteError, *, status: int = 0, title: str = "", **members: Any) -> JsonResponse:
    """The answer that tells an error, as a page would tell it unless a status and a title are given."""
    meaning = meaning_of(error)
    response = _answer(
        status or meaning.status, title or meaning.heading, error.message, error.code, error.hint, **members
    )
    if isinstance(error, errors.MirrorUnavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def sign_in_first() -> JsonResponse:
    """The answer to somebody who is not signed in."""
    hint = "Send the cookie of a login."
    response = _answer(401, "Sign in first", "This is only for those who are signed in.", "not_signed_in", hint)
    response["WWW-Authenticate"] = 'Cookie realm="Sessionsite"'
    return response


def _answer(status: int, title: str, detail: str, code: str, hint: str, **more: Any) -> JsonResponse:
    members = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, "hint": hint}
    told = {name: value for name, value in (members | more).items() if value}
    return JsonResponse(told, status=status, content_type=CONTENT_TYPE)
