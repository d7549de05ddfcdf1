"""A session given out whole."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sessions import actions
from sessions.errors import InvalidInput
from sessions.records import Caller, Scope

from .callers import require, visible_session


@dataclass(frozen=True, slots=True)
class Export:
    """A document as a stream of text, what it is, and how a file of it is called."""

    media_type: str
    file_name: str
    chunks: Iterator[str]


@dataclass(frozen=True, slots=True)
class Format:
    media_type: str
    ending: str
    write: Callable[[str], Iterator[str]]


FORMATS: Mapping[str, Format] = {
    "json": Format("application/json", "json", actions.export_session),
    "jsonl": Format("application/x-ndjson", "jsonl", actions.export_lines),
    "markdown": Format("text/markdown; charset=utf-8", "md", actions.export_markdown),
}


def export_session(caller: Caller, session_id: str, *, form: str = "json") -> Export:
    """Needs `read`. Raises InvalidInput for an unknown format; SessionNotFound at once, not on the way."""
    require(caller, Scope.READ)
    session = visible_session(caller, session_id)
    chosen = FORMATS.get(form)
    if chosen is None:
        raise InvalidInput("format", f"must be one of {', '.join(FORMATS)}.")
    return Export(chosen.media_type, f"{session.pk}.{chosen.ending}", chosen.write(session.pk))
