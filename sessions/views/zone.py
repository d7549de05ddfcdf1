"""The viewer's time zone: what a page calls a day is the viewer's day, as far as the browser has told its zone."""

from collections.abc import Callable
from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "timezone"
_LONGEST_NAME = 64


class ViewersZone:
    """Middleware: the zone that the browser's cookie names is Django's current one while the request is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(viewers_zone(request)):
            return self._get_response(request)


def viewers_zone(request: HttpRequest) -> ZoneInfo:
    """The zone of the cookie, UTC where there is none or where it names none that is known."""
    name = unquote(request.COOKIES.get(COOKIE, "")[: 3 * _LONGEST_NAME])
    return ZoneInfo(name if name in _known() else "UTC")


@cache
def _known() -> frozenset[str]:
    """Looked up by membership: a name from outside never becomes a file's path."""
    return frozenset(name for name in available_timezones() if len(name) <= _LONGEST_NAME)
