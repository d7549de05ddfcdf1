"""Conversations read in pieces that a reader can hold: histories, summaries, transcripts, exports by stretches."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sessions import actions
from sessions.errors import InvalidInput
from sessions.models import Interaction
from sessions.records import Caller, Scope

from .callers import require, visible_session
from .exporting import export_session
from .shapes import ContextPackOut, ConversationSummary, ExportPart, History, Provenance, SessionLine, Told, Transcript

MAX_CHARACTERS = 1_000_000
"""So much of a conversation at most is handed out at once."""
LEAST_CHARACTERS = 1_000
_SUMMARY_TOKENS = 2_000
_TURNS_IN_SUMMARY = 3
_TEXTS = ("prompt", "response", "error_message", "reasoning")
_VALUES = ("tool_parameters", "metadata")


def history(
    caller: Caller,
    session_id: str,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
    most_characters: int = MAX_CHARACTERS,
) -> History:
    """Interactions behind a sequence, or the last ones ahead of one, fewer than `limit` where they are long.

    At least one is told of, its texts cut where it is longer by itself. Needs `read`. Raises InvalidInput,
    SessionNotFound.
    """
    require(caller, Scope.READ)
    _check_length(most_characters)
    session = visible_session(caller, session_id)
    page = actions.list_interactions(session.pk, after=after, before=before, limit=limit)
    shown = _fitting(page.interactions, most_characters, from_end=before is not None)
    cut = len(shown) < len(page.interactions)
    return History.model_construct(
        origin=Provenance.of(session),
        interactions=[_told(row, most_characters) for row in shown],
        before=shown[0].sequence if cut and before is not None else page.before,
        after=shown[-1].sequence if cut and before is None else page.after,
    )


def conversation_summary(caller: Caller, session_id: str) -> ConversationSummary:
    """What a conversation is about, in some 2,000 tokens. Changes nothing. Needs `read`. Raises SessionNotFound."""
    require(caller, Scope.READ)
    session = visible_session(caller, session_id)
    pack = ContextPackOut.of(actions.context_pack(session.pk, max_tokens=_SUMMARY_TOKENS))
    return ConversationSummary.model_construct(
        origin=Provenance.of(session),
        session=SessionLine.of(session),
        opening=session.opening,
        context_summary=pack.context.summary,
        active_topics=pack.context.active_topics,
        pinned=pack.pinned,
        latest=pack.latest[-_TURNS_IN_SUMMARY:],
    )


def transcript(caller: Caller, session_id: str, *, most_characters: int = MAX_CHARACTERS) -> Transcript:
    """A conversation as Markdown, from its beginning, as far as it fits. Needs `read`. Raises SessionNotFound."""
    require(caller, Scope.READ)
    _check_length(most_characters)
    session = visible_session(caller, session_id)
    found = actions.export_transcript(session.pk, most_characters=most_characters)
    return Transcript(origin=Provenance.of(session), text=found.text, after=found.after)


def export_part(
    caller: Caller, session_id: str, *, form: str = "json", offset: int = 0, most_characters: int = MAX_CHARACTERS
) -> ExportPart:
    """A stretch of an export, for those who cannot take a stream. Needs `read`. Raises InvalidInput, SessionNotFound.

    `offset` counts characters. A session that went on between two stretches may tell things anew at the end.
    """
    require(caller, Scope.READ)
    _check_length(most_characters)
    if offset < 0:
        raise InvalidInput("offset", "must not be negative.")
    session = visible_session(caller, session_id)
    export = export_session(caller, session.pk, form=form)
    content, more = _stretch(export.chunks, offset, most_characters)
    return ExportPart(
        origin=Provenance.of(session),
        format=form,
        media_type=export.media_type,
        file_name=export.file_name,
        offset=offset,
        content=content,
        next_offset=offset + len(content) if more else None,
    )


def _check_length(most_characters: int) -> None:
    if not LEAST_CHARACTERS <= most_characters <= MAX_CHARACTERS:
        raise InvalidInput("max_characters", f"must lie between {LEAST_CHARACTERS:,} and {MAX_CHARACTERS:,}.")


def _stretch(chunks: Iterator[str], offset: int, length: int) -> tuple[str, bool]:
    """So many characters behind an offset, and whether more follow."""
    found: list[str] = []
    room = length
    for chunk in chunks:
        piece, offset = chunk[offset:], max(0, offset - len(chunk))
        if len(piece) > room:
            return "".join([*found, piece[:room]]), True
        found.append(piece)
        room -= len(piece)
    return "".join(found), False


# --- Interactions within a length ---------------------------------------------------------------------------


def _fitting(rows: Sequence[Interaction], room: int, *, from_end: bool) -> Sequence[Interaction]:
    """The first rows that fit, or the last ones; one at least."""
    count = 0
    for row in reversed(rows) if from_end else rows:
        room -= sum(map(len, _said(row).values()))
        if room < 0 and count:
            break
        count += 1
    return rows[len(rows) - count :] if from_end else rows[:count]


def _said(row: Interaction) -> dict[str, str]:
    """What of an interaction may be long, as text."""
    values = {name: json.dumps(value, ensure_ascii=False) for name in _VALUES if (value := getattr(row, name))}
    return {name: getattr(row, name) for name in _TEXTS} | values


def _told(row: Interaction, room: int) -> Told:
    """The interaction; where it takes more than the room by itself, without the ends of what comes last."""
    told = Told.of(row)
    for name, text in _said(row).items():
        if len(text) > room:
            told.left_out = {**told.left_out, name: len(text) - room}
            setattr(told, name, _cut(name, text[:room]))
        room = max(0, room - len(text))
    return told


def _cut(name: str, beginning: str) -> Any:
    # Metadata is an object in every case; half of one would be none.
    return {} if name == "metadata" else beginning
