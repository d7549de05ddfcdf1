"""Who knocks: the visitor's address, and whether their browser signed in to an account here before.

A browser that did carries a mark, a signed cookie for that one account which goes to the sign-in page alone. It opens
nothing; it only gives the browser a budget of failures of its own (`actions/sign_in.py`).
"""

import ipaddress
import secrets
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from sessions import actions

MARK_SECONDS = 365 * 24 * 3600
INTRODUCTION_SECONDS = 15 * 60
_MARK_SALT = "sessionsite.known_browser"
_INTRODUCTION_SALT = "sessionsite.introduction"
_NONCE_BYTES = 12


def address_of(request: HttpRequest) -> str:
    """The visitor's IP address: the last one that no trusted proxy has, "" where nobody tells."""
    address = str(request.META.get("REMOTE_ADDR") or "")
    told = request.headers.get("X-Forwarded-For", "").split(",")
    while told and _is_trusted_proxy(address):
        # Each proxy adds, on the right, whom it heard it from; what stands further left is hearsay.
        address = told.pop().strip() or address
    return address


def _is_trusted_proxy(address: str) -> bool:
    if not settings.SESSIONSITE_TRUSTED_PROXIES:
        return False
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in settings.SESSIONSITE_TRUSTED_PROXIES)


def mark_of(request: HttpRequest, name: str) -> str:
    """The mark of a browser that signed in to this account before, "" for any other."""
    try:
        mark = signing.loads(
            request.COOKIES.get(_cookie_name(name), ""), salt=_salt(_MARK_SALT, name), max_age=MARK_SECONDS
        )
    except signing.BadSignature:
        return ""
    return str(mark)


def remember(response: HttpResponseBase, name: str) -> None:
    """Give the browser a new mark for this account."""
    response.set_cookie(
        _cookie_name(name),
        signing.dumps(secrets.token_urlsafe(_NONCE_BYTES), salt=_salt(_MARK_SALT, name)),
        max_age=MARK_SECONDS,
        path=reverse("sessions:sign-in"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def introduction(name: str) -> str:
    """A path, good for a quarter of an hour, that makes the browser which opens it known to the account."""
    return f"{reverse('sessions:sign-in')}?{urlencode({'for': signing.dumps(name, salt=_INTRODUCTION_SALT)})}"


def introduced(request: HttpRequest) -> str:
    """The account that the address introduces this browser to, "" for none."""
    try:
        return str(signing.loads(request.GET.get("for", ""), salt=_INTRODUCTION_SALT, max_age=INTRODUCTION_SECONDS))
    except signing.BadSignature:
        return ""


def _cookie_name(name: str) -> str:
    return f"sessionsite_known_{actions.account_digest(name)[:12]}"


def _salt(purpose: str, name: str) -> str:
    return f"{purpose}:{actions.account_digest(name)}"
