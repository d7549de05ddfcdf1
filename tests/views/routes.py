"""Every address of the browser face, made up from its route: for what must hold of all of them, new ones included."""

import re

from django.urls import Resolver404, resolve

from sessions.urls import urlpatterns

SAMPLES = {"str": "main", "int": "1", "uuid": "00000000-0000-7000-8000-000000000000", "slug": "main", "path": "main"}
# These change what is the viewer's own; all others are an administrator's.
READERS_MAY_SEND = frozenset(
    {"account", "account-sign-out-others", "export-many", "view-create", "view-change", "view-delete"}
)
OPEN = frozenset({"sign-in", "sign-out", "hook-bundle"})
UNSAFE_METHODS = ("post", "put", "patch", "delete")


def addresses() -> list[tuple[str, str]]:
    """Name and sample address of each page that only staff may see."""
    named = [(str(pattern.name), str(pattern.pattern)) for pattern in urlpatterns]  # type: ignore[union-attr]
    return [(name, _sample(route)) for name, route in named if name not in OPEN]


def _sample(route: str) -> str:
    return "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES.get(found[1] or "str", "main"), route)


def changes_offered(html: str, own_address: str) -> list[str]:
    """What a page lets its viewer send that changes anything but their own: addresses, as the page has them."""
    sent = re.findall(r'(?:hx-(?:post|put|patch|delete)|formaction)="([^"]*)"', html)
    for form in re.findall(r'<form\b[^>]*method="post"[^>]*>', html, re.IGNORECASE):
        action = re.search(r'\baction="([^"]*)"', form)
        sent.append(action[1] if action else own_address)
    return [address for address in sent if not _is_own(address)]


def _is_own(address: str) -> bool:
    try:
        return resolve(address.partition("?")[0]).url_name in READERS_MAY_SEND | OPEN
    except Resolver404:
        return False
