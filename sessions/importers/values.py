"""What the formats have in common: times, session IDs, numbers, and text of a bearable length."""

import hashlib
import math
import re
from datetime import UTC, datetime
from typing import Any

from sessions.records import JSON

MAX_COUNT = 2**53
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_EPOCH_MILLISECONDS_FROM = 10**11  # as seconds this would be the year 5138
_EPOCH = re.compile(r"\d{9,13}(?:\.\d{1,9})?", re.ASCII)
_SAFE_SESSION_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def parse_time(value: JSON) -> datetime | None:
    """A point in time in UTC, from 1970 to 8999: ISO 8601 (naive means UTC), or epoch seconds or milliseconds, also
    where these stand in a string.

    None for all else.
    """
    moment = _moment(value)
    return moment if moment is not None and _EARLIEST <= moment < _LATEST else None


def _moment(value: JSON) -> datetime | None:
    try:
        if isinstance(value, str) and _EPOCH.fullmatch(value):
            value = float(value)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            # Python would take a naive time for the machine's own zone.
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _EPOCH_MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def safe_session_id(original: str, source: str) -> str:
    """The ID itself where it is safe as a file name, else one made from it: the same for the same original."""
    if _SAFE_SESSION_ID.fullmatch(original):
        return original
    return f"{source}-{digest(original)}"


def digest(value: str | bytes) -> str:
    """128 bits of SHA-256 as 32 hex digits; a string may hold lone surrogates."""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return hashlib.sha256(data).hexdigest()[:32]


def text(value: JSON) -> str:
    """The value if it is a string, else ""."""
    return value if isinstance(value, str) else ""


def mapping(value: JSON) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def count(value: JSON) -> int | None:
    """A number of things: a whole number from 0 to 2^53. None for all else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        return None
    return value


def milliseconds(value: JSON) -> float | None:
    """A duration that was measured: a finite number from 0. None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_COUNT:
        return None
    return float(value) if math.isfinite(value) else None


def clip(value: str, length: int) -> str:
    """At most `length` characters, the last of them an ellipsis where something was cut."""
    return value if len(value) <= length else value[: length - 1] + "…"


def one_line(value: str) -> str:
    """The text without control characters and superfluous blanks, fit to be a name."""
    return " ".join("".join(character if character.isprintable() else " " for character in value).split())


_NOT_A_NAME = re.compile(r"[^\w .:/()+-]", re.ASCII)


def name_of(value: JSON) -> str:
    """A type's name, fit to stand in a reason that is counted: short, printable, never conversation text."""
    return clip(_NOT_A_NAME.sub("?", value), 60) if isinstance(value, str) and value else "without a type"
