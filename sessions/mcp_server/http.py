"""The protocol over HTTP, as a Django view: one POST, one reply, nothing kept in between.

A stream that the server could speak on of itself would hold a thread for each client, so there is none: GET is
answered at once, and subscriptions are no method that is known.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import DisallowedHost
from django.db import Error as DatabaseFailure
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sessions import bookkeeping, conf
from sessions.actions import Admission
from sessions.api.bearer import admit, tell_budget, tell_refusal
from sessions.api.bodies import read_body
from sessions.api.errors import BodyTooLarge
from sessions.api.transport import for_programs
from sessions.errors import InvalidInput, SessionsiteError, TokenRefused, TooManyRequests
from sessions.records import Face

from .origins import is_foreign

log = logging.getLogger(__name__)

WAIT_SECONDS = 30.0
"""So long the event loop may be silent; the tool's own work is not measured by it."""
_INVALID_REQUEST = -32600
_INTERNAL_ERROR = -32603
# The token is for the entrance alone, and a browser's login means nothing here.
_LEFT_OUT = frozenset({"authorization", "cookie"})
# The server that stands between says these itself.
_ITS_OWN = frozenset({b"content-length", b"connection", b"transfer-encoding"})

type View = Callable[[HttpRequest], HttpResponseBase]


def endpoint(build_server: Callable[[], Any]) -> View:
    """A view that serves a protocol's server over HTTP."""
    from .loop import LoopOfProcess

    loop = LoopOfProcess(build_server)

    @for_programs
    def view(request: HttpRequest) -> HttpResponseBase:
        with bookkeeping.putting_off():
            response = _barred(request) or _admitted(request, loop)
        response["Cache-Control"] = "no-store"
        return response

    return view


def _barred(request: HttpRequest) -> HttpResponse | None:
    """The answer to what is not heard, whoever asks; None for all else."""
    try:
        if is_foreign(request):
            return _refusal(403, "foreign_origin", "A page of another site may not speak to this server.")
    except DisallowedHost:
        return _refusal(400, "foreign_host", "This site does not answer to that name.")
    return None if request.method == "POST" else _only_post()


def _admitted(request: HttpRequest, loop: Any) -> HttpResponse:
    """The answer to whoever comes with a token, and to who comes without."""
    try:
        admission = admit(request, face=Face.MCP)
    except (TokenRefused, TooManyRequests) as error:
        response = _told(401 if isinstance(error, TokenRefused) else 429, error)
        tell_refusal(response, error)
        return response
    except DatabaseFailure as error:
        log.error("store_unavailable", exc_info=error)
        return _later("store_unavailable", "The database does not answer.")
    response = _reply(request, admission, loop)
    tell_budget(response, admission)
    return response


def _reply(request: HttpRequest, admission: Admission, loop: Any) -> HttpResponse:
    from .exchange import Exchange, NoReply

    try:
        exchange = Exchange(admission.caller, request.path, _headers(request), read_body(request))
        loop.running(most_bytes=conf.max_request_bytes()).hand_over(exchange)
        reply = exchange.wait(WAIT_SECONDS)
    except BodyTooLarge as error:
        return _told(413, error)
    except InvalidInput as error:
        return _told(400, error)
    except NoReply as error:
        log.error("event_loop_silent", exc_info=error)
        return _later("no_reply", "The server did not answer in time.")
    response = HttpResponse(reply.body, status=reply.status)
    del response["Content-Type"]
    for name, value in reply.headers:
        if name not in _ITS_OWN:
            response[name.decode("latin-1")] = value.decode("latin-1")
    # Programs pass none of the layers that would say so, and without it the reply goes out in chunks.
    response["Content-Length"] = str(len(reply.body))
    return response


def _headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in request.headers.items()
        if name.lower() not in _LEFT_OUT
    ]


def _only_post() -> HttpResponse:
    response = _refusal(405, "method_not_allowed", "This address takes POST alone; it keeps no streams open.")
    response["Allow"] = "POST"
    # Clients of the revision before ask for a stream each time they connect; that is no event for the log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _later(code: str, message: str) -> HttpResponse:
    response = _refusal(503, code, message, hint="Send it again, with the same idempotency keys.")
    response["Retry-After"] = "5"
    return response


def _told(status: int, error: SessionsiteError) -> HttpResponse:
    return _refusal(status, error.code, error.message, hint=error.hint)


def _refusal(status: int, code: str, message: str, *, hint: str = "") -> HttpResponse:
    """A refusal before the protocol was spoken, as its error without a request's ID."""
    data = {"code": code, "hint": hint} if hint else {"code": code}
    number = _INTERNAL_ERROR if status >= 500 else _INVALID_REQUEST
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": number, "message": message, "data": data}}
    return HttpResponse(json.dumps(body), status=status, content_type="application/json")
