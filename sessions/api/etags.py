"""Conditions upon a version (RFC 9110 §13): what If-Match and If-None-Match say of it."""

import re
from collections.abc import Sequence

from sessions.errors import InvalidInput

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
ANY = "*"


def tag_of(version: str) -> str:
    return f'"{version}"'


def wanted_by(header: str | None, name: str) -> Sequence[str] | None:
    """The versions that a header names, weakly named ones as `W/...`; None without one, [ANY] for any at all.

    Raises InvalidInput for what is no list of entity tags.
    """
    if header is None:
        return None
    if header.strip() == ANY:
        return [ANY]
    found: list[str] = []
    place = 0
    while place < len(header):
        match = _TAG.match(header, place)
        if match is None:
            break
        found.append(f"{match[1] or ''}{match[2]}")
        place = match.end() + 1
        if header[match.end() : place] not in ("", ","):
            break
    else:
        if found:
            return found
    raise InvalidInput(name, "must be `*`, or entity tags in quotation marks with commas between them.")


def is_fresh(header: str | None, version: str) -> bool:
    """Whether If-None-Match names a version, so that it need not be sent again; strong or weak is the same here."""
    named = wanted_by(header, "If-None-Match")
    return named is not None and any(one.removeprefix("W/") in (ANY, version) for one in named)
