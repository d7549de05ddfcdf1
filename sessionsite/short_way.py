"""The short way for programs, past what is there for browsers: cookies, logins, forged forms, messages, time zones.

Those layers take longer than a request of a program does by itself, and none of them means anything to it: its token
is in a header, and what it is answered is for nobody's screen.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

PREFIXES = ("/api", "/mcp")


class ShortWay:
    """Middleware: a view that is marked `for_programs` is called from here. Those before this one still see it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PREFIXES):
            try:
                match = resolve(request.path_info)
            except Resolver404:
                return self.get_response(request)
            if getattr(match.func, "for_programs", False):
                request.resolver_match = match
                response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
                return response
        return self.get_response(request)
