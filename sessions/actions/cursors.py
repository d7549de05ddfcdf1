"""Places in a list, as an address holds them."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from sessions.errors import InvalidInput


def write(*place: Any) -> str:
    """The cursor of a place, whose values JSON can hold."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read[T](cursor: str, check: Callable[..., T]) -> T:
    """What `check` makes of a cursor's values. Raises InvalidInput for one that does not come from this list."""
    try:
        values = json.loads(base64.urlsafe_b64decode((cursor + "=" * (-len(cursor) % 4)).encode("ascii")))
        if not isinstance(values, list):
            raise TypeError("not a place")
        return check(*values)
    except (ValueError, TypeError, binascii.Error, RecursionError, InvalidInput) as error:
        raise InvalidInput("cursor", "is not a cursor of this list.", hint="Start from the first page.") from error
