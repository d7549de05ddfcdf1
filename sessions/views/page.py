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
from django.template.loader import render_to_string
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


SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def page(route: str, view: View, *, name: str, readers: bool = False) -> URLPattern:
    """An address for staff, whose view may raise domain errors and whose answers stay in the viewer's browser.

    Only administrators may send it what changes something, unless `readers` lets all staff: for what is their own.
    """
    return path(route, _private(_staff_only(translated(view), readers=readers)), name=name)


def _staff_only(view: View, *, readers: bool) -> View:
    @wraps(view)
    def guarded(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        allowed = request.method in SAFE_METHODS or readers or may_change(request)
        if not (request.user.is_staff and allowed):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def may_change(request: Request) -> bool:
    """Whether the viewer is an administrator; other staff only read."""
    return request.user.is_active and request.user.is_superuser


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
    context = {**context, "may_change": may_change(request)}
    if not (part and request.htmx) or request.htmx.history_restore_request:
        return render(request, template, context, status=status)
    response = render(request, f"{template}#{part}", context, status=status)
    # What was done is told with the part that shows it; htmx puts it where the page's toasts are.
    response.write(render_to_string("sessions/parts/messages.html", {"out_of_band": True}, request))
    return response


def actor_of(request: Request) -> Actor:
    return Actor(request.user.get_username(), Face.BROWSER)


def tell(request: Request, text: str, *, undo: str = "", done: bool = True) -> None:
    """Say what was done, or was not, on the next page; `undo` is the address whose POST takes it back."""
    level = messages.SUCCESS if done else messages.WARNING
    messages.add_message(request, level, text, extra_tags=f"undo:{undo}" if undo else "")


def query(**values: object) -> str:
    """A query string of those values that are not empty, with its question mark; "" when none is left."""
    given = {name: value for name, value in values.items() if value not in ("", None, False)}
    return f"?{urlencode(given)}" if given else ""
