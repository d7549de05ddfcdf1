"""A session given out whole, or many at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils import timezone

from sessions import actions
from sessions.actions import SessionFilters
from sessions.exporters.catalogue import DEFAULT, FORMATS
from sessions.records import Caller, Scope

from .callers import narrowed_user, require, visible_session


@dataclass(frozen=True, slots=True)
class Export:
    """A document as a stream of text, what it is, and how a file of it is called."""

    media_type: str
    file_name: str
    chunks: Iterator[str]


def export_session(caller: Caller, session_id: str, *, form: str = DEFAULT) -> Export:
    """Needs `read`. Raises InvalidInput for an unknown format; SessionNotFound at once, not on the way."""
    require(caller, Scope.READ)
    session = visible_session(caller, session_id)
    chosen = actions.export_format(form)
    return Export(chosen.media_type, f"{session.pk}.{chosen.ending}", actions.export_session(session.pk, form))


@dataclass(frozen=True, slots=True)
class Archive:
    """A ZIP as a stream of bytes, and how a file of it is called."""

    file_name: str
    pieces: Iterator[bytes]


def export_sessions(
    caller: Caller, sessions: Sequence[str] | SessionFilters, *, form: str = DEFAULT, after: str = ""
) -> Archive:
    """Sessions by their IDs, or all that fit some filters, behind the ID `after`. Needs `read`.

    Of what fits, a bound caller gets its own. Raises InvalidInput, UserNotFound, and SessionNotFound where an ID is
    none that the caller may know; all at once, not on the way.
    """
    require(caller, Scope.READ)
    chosen: Sequence[str] | SessionFilters
    if isinstance(sessions, SessionFilters):
        chosen = replace(sessions, user_id=narrowed_user(caller, sessions.user_id))
    else:
        chosen = [visible_session(caller, session_id).pk for session_id in sessions]
    pieces = actions.export_archive(chosen, form, after=after)
    return Archive(f"sessions-{timezone.now():%Y-%m-%d}.zip", pieces)


__all__ = ["FORMATS", "Archive", "Export", "export_session", "export_sessions"]
