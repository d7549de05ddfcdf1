"""Who is not signed in comes to sign in, and from there back to a page."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse


class SignInFirst(LoginRequiredMiddleware):
    """Django's, but for a form that was sent after the login had run out: its address is no page to come back to."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        messages.warning(request, "Your sign-in had run out, so nothing was changed. Sign in, and send it again.")
        return redirect_to_login(
            _page_of(request), resolve_url(self.get_login_url(view_func)), self.get_redirect_field_name(view_func)
        )


def _page_of(request: HttpRequest) -> str:
    """The page of this site that a form stood on, as far as the browser tells; else the first one."""
    try:
        there = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        there = urlsplit("")
    if not there.path or there.netloc != request.get_host():
        return reverse("sessions:home")
    return there._replace(scheme="", netloc="", fragment="").geturl()


__all__ = ["SignInFirst"]
