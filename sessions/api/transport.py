"""HTTP around every operation: methods, heads, what all answers carry, and what nobody else caught."""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.core.signals import request_finished
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from sessions import bookkeeping
from sessions.errors import InvalidInput, SessionsiteError

from .bearer import tell_budget
from .errors import MethodNotAllowed, StoreUnavailable, Unexpected, UnknownAddress, refusal

log = logging.getLogger(__name__)

# Sent when the answer is on its way: how far a journal is, or when a token was used, is noted while the client reads.
request_finished.connect(bookkeeping.write_due, dispatch_uid="bookkeeping")

_HOSTS_HINT = "An administrator can add it to SESSIONSITE_ALLOWED_HOSTS."
# Nothing that is answered here is a page, whatever a browser takes it for.
_POLICY = "default-src 'none'; frame-ancestors 'none'"

# NUL, and what Django leaves escaped because it is no UTF-8: it would be taken for some other name.
_UNFIT = re.compile("\0|%[89A-F][0-9A-F]")

type View = Callable[..., HttpResponseBase]


def facing(view: View, methods: Sequence[str]) -> View:
    """The view as programs meet it: whatever happens within is answered as a problem.

    A program has no login, and nothing that a browser sends by itself lets it in: neither the sign-in page nor the
    token against forged forms has a meaning here.
    """
    allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])
    known = frozenset(methods)

    def answering(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        method = request.method
        try:
            request.get_host()
            if method == "HEAD":
                # The same as a GET, but for the body of its answer.
                request.method = "GET"
            if request.method not in known:
                raise MethodNotAllowed(allowed)
            if _UNFIT.search(request.path_info):
                raise UnknownAddress
            with bookkeeping.putting_off():
                response = view(request, **parts)
        except Exception as error:  # noqa: BLE001  (nothing further out would answer as a problem)
            response = told(request, error)
        request.method = method
        return _finished(request, response)

    return for_programs(answering)


def for_programs(view: View) -> View:
    """Mark a view as one that no browser's layers need to look at (`sessionsite.short_way`)."""
    view.for_programs = True  # type: ignore[attr-defined]
    # The same for whoever comes by the long way.
    return csrf_exempt(login_not_required(view))


def unknown_address(request: HttpRequest, **parts: Any) -> HttpResponseBase:
    """Below /api nothing answers with a page."""
    return _finished(request, refusal(UnknownAddress()))


def told(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to whatever an operation raised."""
    if isinstance(error, SessionsiteError):
        return refusal(error)
    if isinstance(error, DisallowedHost):
        return refusal(InvalidInput("Host", "is not one that this site answers to.", hint=_HOSTS_HINT))
    if isinstance(error, OperationalError | InterfaceError):
        log.error("store_unavailable", exc_info=error)
        return refusal(StoreUnavailable())
    log.error("request_failed", exc_info=error, extra={"path": request.path})
    return refusal(Unexpected())


def _finished(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    admission = getattr(request, "auth", None)
    if admission is not None:
        tell_budget(response, admission)
    response["Content-Security-Policy"] = _POLICY
    if "Cache-Control" not in response:
        response["Cache-Control"] = "no-store"
    if isinstance(response, HttpResponse) and response.status_code != 304:
        response["Content-Length"] = str(len(response.content))
    if request.method == "HEAD":
        _drop_body(response)
    return response


def _drop_body(response: HttpResponseBase) -> None:
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = ()
    elif isinstance(response, HttpResponse):
        response.content = b""
