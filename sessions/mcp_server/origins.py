"""Which web pages may speak to this server: its own.

A page of somebody else's could have its name lead to this machine (DNS rebinding) and so reach a server that listens
here alone. The browser then still says which page it was. https://modelcontextprotocol.io/specification (Transports,
Security Warning).
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import validate_host


def is_foreign(request: HttpRequest) -> bool:
    """Whether a request comes from a page that is not this site's; programs name none and are not.

    Raises DisallowedHost where the request is addressed to a name that is not this site's.
    """
    request.get_host()
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return False
    try:
        parts = urlsplit(origin)
        name = parts.hostname or ""
    except ValueError:
        return True
    is_address = parts.scheme in ("http", "https") and not (parts.path or parts.query or parts.fragment)
    return not (is_address and name and validate_host(_as_host(name), settings.ALLOWED_HOSTS))


def _as_host(name: str) -> str:
    """A name as a Host header has it: IPv6 in brackets."""
    return f"[{name}]" if ":" in name else name
