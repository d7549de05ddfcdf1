"""A place in a list of sessions that is ordered by a time."""

from datetime import UTC, datetime

from sessions import validation
from sessions.mirror.layout import is_safe_id

from . import cursors


def write_cursor(at: datetime, session_id: str) -> str:
    return cursors.write(at.astimezone(UTC).isoformat(), session_id)


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The place that a cursor names. Raises InvalidInput for what is none."""
    return cursors.read(cursor, _checked)


def _checked(moment: str, session_id: str) -> tuple[datetime, str]:
    at = datetime.fromisoformat(moment)
    validation.moment("cursor", at)
    if not isinstance(session_id, str) or not is_safe_id(session_id):
        raise ValueError("not a place in a list of sessions")
    return at, session_id
