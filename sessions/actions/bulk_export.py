"""Many sessions given out at once: a document each, and a manifest of what is in it.

They go out in the order of their IDs, which never changes, so that an export that was cut off can be gone on with
behind the last session that it holds. What is known of them at any time is one page of IDs and one document's piece.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import IO

from django.utils import timezone

from sessions.errors import InvalidInput, SessionNotFound
from sessions.exporters import archive, catalogue, manifest
from sessions.exporters.formats import Format
from sessions.mirror.layout import is_safe_id
from sessions.models import Session

from .export import export_format, export_session
from .listing import SessionFilters, matching

_MANIFEST_IN_MEMORY = 1024 * 1024
_CHUNK = 64 * 1024
_PAGE = 500

type Chosen = Sequence[str] | SessionFilters
"""Sessions by their IDs, or all that fit some filters."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A session whose turn it is; `left_out` says why it has no document, "" where it has one."""

    session_id: str
    row: Session | None
    left_out: str = ""


def export_archive(
    sessions: Chosen,
    form: str = catalogue.DEFAULT,
    *,
    after: str = "",
    progress: Callable[[manifest.Tally], None] = lambda tally: None,
) -> Iterator[bytes]:
    """A ZIP of sessions in one of the formats, as a stream; with `after`, of those whose IDs come behind that one.

    The manifest comes last: what it says of a document (SHA-256, bytes) is known only then. A session that is gone by
    its turn, or was merged into another, has a line that says so, and no document. Raises InvalidInput at once; what
    fails on the way ends the stream without manifest and directory.
    """
    format = export_format(form)
    total = count_chosen(sessions, after=after)
    return archive.stream(_members(turns(sessions, after=after), format, total, progress))


def count_chosen(sessions: Chosen, *, after: str = "") -> int:
    """How many there are to give out. Raises InvalidInput for filters, or an `after`, that make no sense."""
    if after and not is_safe_id(after):
        raise InvalidInput("after", "must be a session's ID.")
    if not isinstance(sessions, SessionFilters):
        return len(_behind(sessions, after))
    found = matching(sessions)
    return (found.filter(pk__gt=after) if after else found).count()


def turns(sessions: Chosen, *, after: str = "") -> Iterator[Turn]:
    """The sessions one after the other, each as it is when its turn comes."""
    for session_id in _ids(sessions, after):
        row = Session.objects.filter(pk=session_id).first()
        reason = "gone" if row is None else "merged" if row.merged_into_id is not None else ""
        yield Turn(session_id, row, reason)


def _ids(sessions: Chosen, after: str) -> Iterator[str]:
    if not isinstance(sessions, SessionFilters):
        yield from _behind(sessions, after)
        return
    while True:
        found = matching(sessions)
        found = found.filter(pk__gt=after) if after else found
        page = list(found.order_by("pk").values_list("pk", flat=True)[:_PAGE])
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]


def _behind(session_ids: Iterable[str], after: str) -> list[str]:
    return sorted({session_id for session_id in session_ids if session_id > after})


def _members(
    given: Iterator[Turn], format: Format, total: int, progress: Callable[[manifest.Tally], None]
) -> Iterator[tuple[str, Iterable[bytes]]]:
    tally = manifest.Tally()
    with closing(tempfile.SpooledTemporaryFile(_MANIFEST_IN_MEMORY)) as lines:
        lines.write(manifest.header(exported_at=timezone.now(), form=format.name, sessions=total))
        for turn in given:
            if (opened := opened_document(turn, format)) is None:
                tally.left_out += 1
                lines.write(manifest.left_out(turn.session_id, turn.left_out or "gone"))
            else:
                document, name = opened, f"sessions/{manifest.file_name(turn.session_id, format.ending)}"
                yield name, document
                described = describe(turn, format, name, document)
                tally.add(described)
                lines.write(described.line())
            progress(tally)
        lines.write(tally.line())
        yield manifest.NAME, _from_start(lines)


def opened_document(turn: Turn, format: Format) -> manifest.Measured | None:
    """The document of a session, its first piece made already; None where there is no such session any more."""
    if turn.left_out:
        return None
    try:
        texts = export_session(turn.session_id, format.name)
        start = next(texts, "")
    except SessionNotFound:
        return None
    return manifest.Measured(chain([start], texts))


def describe(turn: Turn, format: Format, name: str, document: manifest.Measured) -> manifest.Document:
    """A document's line in the manifest, once all of it is out. The revision is the one before it was read."""
    return manifest.Document(
        session_id=turn.session_id,
        file=name,
        title=str(turn.row),
        format=format.name,
        revision=turn.row.revision if turn.row else 0,
        size_bytes=document.size_bytes,
        digest=document.digest,
    )


def _from_start(lines: IO[bytes]) -> Iterator[bytes]:
    lines.seek(0)
    return iter(lambda: lines.read(_CHUNK), b"")
