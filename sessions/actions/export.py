"""Giving a session out, whole."""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from sessions import mapping
from sessions.exporters import document, markdown
from sessions.models import Interaction, Merge

from .find import get_session

_CHUNK = 500
_TRANSCRIPT_CHUNK = 50


def export_session(session_id: str) -> Iterator[str]:
    """A session's complete document as a stream of text. Raises SessionNotFound at once, not on the way."""
    return _written(document.stream, session_id)


def export_lines(session_id: str) -> Iterator[str]:
    """The same as JSON Lines, an interaction a line, with a last line that counts them."""
    return _written(document.lines, session_id)


def _written(write: Callable[..., Iterator[str]], session_id: str) -> Iterator[str]:
    session = get_session(session_id)
    interactions = Interaction.objects.of(session.pk).iterator(chunk_size=_CHUNK)
    return write(
        mapping.session_record(session, session.tags.values_list("name", flat=True)),
        [mapping.merge_record(row) for row in Merge.objects.filter(survivor_id=session.pk).order_by("merged_at", "id")],
        (mapping.interaction_record(row) for row in interactions),
        total_interactions=session.total_interactions,
        exported_at=timezone.now(),
    )


def export_markdown(session_id: str) -> Iterator[str]:
    """A session as a Markdown document for people, as a stream of text. Raises SessionNotFound at once."""
    session = get_session(session_id)
    interactions = Interaction.objects.of(session.pk).defer("source_record").iterator(chunk_size=_CHUNK)
    return markdown.stream(
        mapping.session_record(session, session.tags.values_list("name", flat=True)),
        (mapping.interaction_record(_without_original(row)) for row in interactions),
    )


@dataclass(frozen=True, slots=True)
class Transcript:
    """The beginning of a conversation as Markdown; `after` is the last sequence in it where more follow, else None."""

    text: str
    after: int | None


def export_transcript(session_id: str, *, most_characters: int) -> Transcript:
    """As much of a session's Markdown as fits, in whole interactions from the first on. Raises SessionNotFound."""
    session = get_session(session_id)
    header = mapping.session_record(session, session.tags.values_list("name", flat=True))
    told = list(markdown.stream(header, []))
    last, room = 0, most_characters - sum(map(len, told))
    # Left early once the room is full; the cursor must not be left open for the garbage collector to find.
    with closing(_told_rows(session.pk)) as rows:
        for row in rows:
            text = markdown.interaction(mapping.interaction_record(row))
            room -= len(text)
            if room < 0:
                return Transcript("".join(told), last)
            told.append(text)
            last = row.sequence
    return Transcript("".join(told), None)


def _told_rows(session_id: str) -> Generator[Interaction]:
    rows = Interaction.objects.of(session_id).defer("source_record")
    for row in rows.iterator(chunk_size=_TRANSCRIPT_CHUNK):
        yield _without_original(row)


def _without_original(row: Interaction) -> Interaction:
    """The row, its deferred original record left unread: nobody reads it, and each would be a query of its own."""
    row.source_record = None
    return row


def export_document(session_id: str) -> dict[str, Any]:
    """The same document as one value, for callers that want it in memory."""
    content: dict[str, Any] = json.loads("".join(export_session(session_id)))
    return content
