"""Around every request: address, token, time limits, when it is sent again, and how a refusal becomes an error."""

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from .errors import NotConfigured, Refused, TooManyRequests, Unavailable, Unreachable, kind_of
from .requests import Request
from .uploads import Upload

URL_VARIABLE = "SESSIONSITE_URL"
TOKEN_VARIABLE = "SESSIONSITE_TOKEN"  # noqa: S105  (a variable's name)
USER_AGENT = "sessionsite-client/0.1.0"
TIMEOUT = httpx.Timeout(30, connect=5)
# The server closes what is idle for 5 seconds: a connection must not be taken up again just then.
_LIMITS = httpx.Limits(keepalive_expiry=3)
# What did not even leave this machine may always be sent again.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the server is, and the token that lets this program in."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Site({self.url!r})"

    @property
    def base_url(self) -> str:
        return f"{self.url}/api/v1"


def site_of(url: str | None, token: str | None) -> Site:
    """What was given, or what the environment says. Raises NotConfigured."""
    url = url or os.environ.get(URL_VARIABLE, "")
    token = token or os.environ.get(TOKEN_VARIABLE, "")
    if not url or not token:
        missing = URL_VARIABLE if not url else TOKEN_VARIABLE
        raise NotConfigured(f"Give the client an address and a token, or set {missing}.")
    if urlsplit(url).scheme not in ("http", "https"):
        raise NotConfigured(f"The address must begin with http:// or https://, not {url.partition(':')[0]!r}.")
    return Site(url.rstrip("/").removesuffix("/api/v1"), token.strip())


@dataclass(frozen=True, slots=True)
class Retry:
    """When a request is sent again: after a random part of a pause that doubles, and not for ever.

    `attempts` counts the first one. A server that says when to come back is heard; where that lies further away than
    `most_seconds`, its answer is raised instead.
    """

    attempts: int = 5
    first_seconds: float = 0.2
    most_seconds: float = 20.0

    def pause(self, attempt: int) -> float:
        return random.uniform(0, min(self.most_seconds, self.first_seconds * 2 ** (attempt - 1)))  # noqa: S311

    def after_failure(self, request: Request[Any], error: httpx.TransportError, attempt: int) -> float | None:
        """How long to wait before the next attempt, after one without an answer; None for no more."""
        safe = request.repeatable or isinstance(error, _NEVER_SENT)
        return self.pause(attempt) if safe and attempt < self.attempts else None

    def after_refusal(self, request: Request[Any], refusal: Refused, attempt: int) -> float | None:
        """The same after an answer that says no."""
        # Too many requests: this one was not looked at. Unavailable: it may have been done all the same.
        again = isinstance(refusal, TooManyRequests) or (isinstance(refusal, Unavailable) and request.repeatable)
        if not again or attempt >= self.attempts:
            return None
        stated = refusal.retry_after_seconds
        if stated is None:
            return self.pause(attempt)
        # A little later than told, and not all at once.
        return stated + random.uniform(0, self.first_seconds) if stated <= self.most_seconds else None  # noqa: S311


NO_RETRY = Retry(attempts=1)


def http_options(site: Site, timeout: httpx.Timeout | float) -> Mapping[str, Any]:
    """What both of httpx's clients are made with."""
    headers = {"Authorization": f"Bearer {site.token}", "User-Agent": USER_AGENT, "Accept": "application/json"}
    return {"base_url": site.base_url, "headers": headers, "timeout": timeout, "limits": _LIMITS}


def arguments_of(request: Request[Any], pieces: Callable[[Upload], Any]) -> dict[str, Any]:
    """A request as httpx's `request` and `build_request` take it; `pieces` says how their client reads a file."""
    headers, content = dict(request.headers), request.body
    if isinstance(content, Upload):
        # Told beforehand, so that what is too large is refused before it is sent.
        headers["Content-Length"] = str(content.size_bytes)
        content = pieces(content)
    elif content is not None:
        headers["Content-Type"] = "application/json"
    return {
        "method": request.method,
        "url": request.path,
        "params": list(request.parameters) or None,
        "content": content,
        "headers": headers,
    }


def refusal_of(response: httpx.Response) -> Refused:
    """The error that an answer other than success tells."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    told: Mapping[str, Any] = problem if isinstance(problem, dict) else {}
    hint = str(told.get("hint", ""))
    if response.is_redirect:
        hint = f"The address leads to {response.headers.get('Location', 'another one')!r}; name that one."
    return kind_of(response.status_code)(
        response.status_code,
        code=str(told.get("code", "")),
        detail=str(told.get("detail", "")),
        hint=hint,
        retry_after_seconds=_seconds(response.headers.get("Retry-After")),
        problem=told,
    )


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; the server never sends a date."""
    return float(header) if header and header.isascii() and header.isdigit() else None


def unreachable(site: Site, error: httpx.TransportError) -> Unreachable:
    return Unreachable(f"{site.url} does not answer: {type(error).__name__}: {error}".rstrip(": "))


Sleep = Callable[[float], None]
