"""The protocol's address."""

from django.urls import path

from .http import endpoint


def _build_server() -> object:
    # The SDK takes the better part of a second to load; pages and commands need not wait for it.
    from .server import build_server

    return build_server()


urlpatterns = [path("", endpoint(_build_server), name="mcp")]
