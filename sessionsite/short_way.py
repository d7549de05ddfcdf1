"""The short way for programs, past what is there for browsers: cookies, logins, forged forms, messages, time zones.

Those layers take longer than a request of a program does by itself, and none of them means anything to it: its token
is in a header, and what it is answered is for nobody's screen.
"""

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, get_urlconf, resolve

PREFIXES = ("/api", "/mcp")


# A program that logs a conversation comes to one address again and again.
@lru_cache(maxsize=1024)
def _resolved(path: str, urlconf: str | None) -> ResolverMatch:
    return resolve(path, urlconf)


class ShortWay:
    """Middleware: a view that is marked `for_programs` is called from here. Those before this one still see it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PREFIXES):
            try:
                match = _resolved(request.path_info, get_urlconf())
            except Resolver404:
                return self.get_response(request)
            if getattr(match.func, "for_programs", False):
                request.resolver_match = match
                response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
                return response
        return self.get_response(request)
