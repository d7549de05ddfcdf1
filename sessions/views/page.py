"""What every page has in common: who asks, what is shown, and how it may be kept."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.cache import patch_cache_control, patch_vary_headers
from django_htmx.middleware import HtmxDetails

from sessions.records import Actor, Face

from .errors import translated

type View = Callable[..., HttpResponseBase]


class Request(HttpRequest):
    """A request as the views get it: of somebody who is signed in, perhaps made by htmx."""

    user: User
    htmx: HtmxDetails


def page(route: str, view: View, *, name: str) -> URLPattern:
    """An address for staff, whose view may raise domain errors and whose answers stay in the viewer's browser."""
    return path(route, _private(_staff_only(translated(view))), name=name)


def _staff_only(view: View) -> View:
    @wraps(view)
    def guarded(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def _private(view: View) -> View:
    @wraps(view)
    def marked(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        # One address answers htmx with a part and everybody else with the whole.
        patch_vary_headers(response, ["HX-Request"])
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return marked


def show(
    request: Request, template: str, context: Mapping[str, Any], *, part: str = "", status: int = 200
) -> HttpResponse:
    """A page, or of it the part that htmx asked for. A restored history entry needs the whole page."""
    if part and request.htmx and not request.htmx.history_restore_request:
        template = f"{template}#{part}"
    return render(request, template, context, status=status)


def actor_of(request: Request) -> Actor:
    return Actor(request.user.get_username(), Face.BROWSER)


def tell(request: Request, text: str, *, undo: str = "") -> None:
    """Say what was done, on the next page; `undo` is the address whose POST takes it back."""
    messages.success(request, text, extra_tags=f"undo:{undo}" if undo else "")


def query(**values: object) -> str:
    """A query string of those values that are not empty, with its question mark; "" when none is left."""
    given = {name: value for name, value in values.items() if value not in ("", None, False)}
    return f"?{urlencode(given)}" if given else ""
