"""How cleanups, the trash and the store's health look on a page."""

from datetime import datetime, timedelta

from django import template

from sessions import conf
from sessions.models import CleanupRun, Session

register = template.Library()

_FACES = {
    "schedule": "the nightly schedule",
    "browser": "in the browser",
    "admin": "in the admin",
    "command": "on the command line",
    "python": "from Python",
    "rest": "over REST",
    "mcp": "over MCP",
}


@register.filter
def moment(text: str) -> datetime | None:
    """A time that was written as ISO 8601; None for what is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@register.filter
def expires_at(session: Session) -> datetime:
    """When a session that nobody uses meanwhile will be expired."""
    return session.last_activity_at + timedelta(days=conf.expire_days())


@register.filter
def face_name(run: CleanupRun) -> str:
    """Through what a cleanup was started, in words."""
    return _FACES.get(run.face, run.face)


@register.filter
def percent_of(done: int, planned: int) -> int:
    return min(100, done * 100 // planned) if planned else 100
