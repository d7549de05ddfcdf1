"""A session given out whole."""

from collections.abc import Iterator
from dataclasses import dataclass

from sessions import actions
from sessions.exporters.catalogue import DEFAULT, FORMATS
from sessions.records import Caller, Scope

from .callers import require, visible_session


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


__all__ = ["FORMATS", "Export", "export_session"]
