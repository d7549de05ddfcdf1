"""The same view as the site's, over a server that has the suite's fixtures too."""

import os
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import path

from sessions.mcp_server.http import endpoint

from .fixtures import build_server

urlpatterns = [path("mcp", endpoint(build_server))]


class WithToken:
    """Gives every request the token that the suite cannot send."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {os.environ['CONFORMANCE_TOKEN']}"
        return self.get_response(request)
