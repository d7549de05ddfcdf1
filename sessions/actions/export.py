"""Giving a session out, whole."""

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from sessions import mapping
from sessions.errors import InvalidInput
from sessions.exporters import catalogue, markdown
from sessions.exporters.formats import Conversation, Format
from sessions.models import Interaction, Merge, Session
from sessions.records import InteractionRecord

from .find import get_session

_CHUNK = 500
_TRANSCRIPT_CHUNK = 50


def export_session(session_id: str, form: str = catalogue.DEFAULT) -> Iterator[str]:
    """A session in one of the formats of `catalogue.FORMATS`, as a stream of text.

    Raises InvalidInput for an unknown format and SessionNotFound, both at once, not on the way.
    """
    format = export_format(form)
    return format.write(_conversation(get_session(session_id), format))


def export_format(form: str) -> Format:
    """The format of a name. Raises InvalidInput where there is none."""
    found = catalogue.FORMATS.get(form)
    if found is None:
        raise InvalidInput("format", f"must be one of {', '.join(catalogue.FORMATS)}.")
    return found


def _conversation(session: Session, format: Format) -> Conversation:
    merges = _merges_below(session.pk)
    return Conversation(
        header=mapping.session_record(session, session.tags.values_list("name", flat=True)),
        merges=[mapping.merge_record(row) for row in merges],
        interactions=lambda: _interactions(session.pk, format),
        total_interactions=session.total_interactions,
        exported_at=timezone.now(),
        absorbed=lambda: _left_with(_absorbed_by(merges)),
    )


def _merges_below(session_id: str) -> list[Merge]:
    """The merges that made a session what it is: its own, then those of the sessions that it absorbed, and so on."""
    found: list[Merge] = []
    survivors, seen = [session_id], {session_id}
    while survivors:
        level = Merge.objects.filter(survivor_id__in=survivors).order_by("merged_at", "id")
        found += level
        # Files may say anything; a circle is gone round once.
        survivors = [pk for pk in _absorbed_by(level) if pk not in seen]
        seen.update(survivors)
    return found


def _absorbed_by(merges: Iterable[Merge]) -> list[str]:
    """The sessions that standing merges absorbed, each once."""
    return list(dict.fromkeys(row.absorbed_id for row in merges if row.undone_at is None))


def _left_with(absorbed_ids: Sequence[str]) -> Iterator[tuple[str, InteractionRecord]]:
    """What they have still. Mostly none has anything, which is asked for all of them at once."""
    having = set(
        Session.objects.filter(pk__in=absorbed_ids, interaction_count__gt=0).order_by().values_list("pk", flat=True)
    )
    for absorbed_id in filter(having.__contains__, absorbed_ids):
        for row in Interaction.objects.of(absorbed_id).iterator(chunk_size=_CHUNK):
            yield absorbed_id, mapping.interaction_record(row)


def _interactions(session_id: str, format: Format) -> Iterator[InteractionRecord]:
    rows = Interaction.objects.of(session_id)
    if format.with_sources:
        read = rows.iterator(chunk_size=_CHUNK)
    else:
        read = map(_without_original, rows.defer("source_record").iterator(chunk_size=_CHUNK))
    records = map(mapping.interaction_record, read)
    return _with_each_key_once(records) if format.ids_from_keys else records


def _with_each_key_once(records: Iterator[InteractionRecord]) -> Iterator[InteractionRecord]:
    """The records, those without a key whose key stood ahead: sessions that a merge made one may both have had it."""
    seen: set[str] = set()
    for record in records:
        key = record.idempotency_key
        yield record if key is None or key not in seen else replace(record, idempotency_key=None)
        if key is not None:
            seen.add(key)


@dataclass(frozen=True, slots=True)
class Transcript:
    """The beginning of a conversation as Markdown; `after` is the last sequence in it where more follow, else None."""

    text: str
    after: int | None


def export_transcript(session_id: str, *, most_characters: int) -> Transcript:
    """As much of a session's Markdown as fits, in whole interactions from the first on. Raises SessionNotFound."""
    session = get_session(session_id)
    header = mapping.session_record(session, session.tags.values_list("name", flat=True))
    told = [markdown.opening(header)]
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
