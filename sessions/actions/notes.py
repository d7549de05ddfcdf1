"""What people fasten to a session: notes, pins of single interactions, tags.

None of it counts as activity: it is said about a conversation, not in it. Each raises SessionNotFound, SessionPurged,
SessionTrashed, and InvalidInput for what may not be stored.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sessions import mapping, validation
from sessions.errors import NoteChanged, NotFound, SessionTrashed
from sessions.models import Interaction, Session
from sessions.records import JSON, Actor, Note, new_interaction_id

from . import audit
from .begin import change_header
from .context import set_tags
from .find import lock_session

log = logging.getLogger(__name__)


# --- Notes ---


def add_note(session_id: str, text: str, *, actor: Actor) -> Note:
    """Write a note, signed by the actor, behind those that are there."""
    note = Note(
        id=new_interaction_id(),
        text=validation.note_text("note", text),
        author=actor.name[: validation.MAX_SHORT_CHARACTERS],
        written_at=timezone.now(),
    )
    with _changing(session_id, "note_added", actor, note=str(note.id)) as session:
        _write_notes(session, [*mapping.read_notes(session.notes), note])
    return note


def edit_note(session_id: str, note_id: UUID, text: str, *, seen: datetime | None = None, actor: Actor) -> Note:
    """Let a note say something else; its author and the time it was written stay.

    `seen` is when the version was written that the editor saw. Raises NoteChanged where there is a later one that
    says something else, and NotFound.
    """
    validation.note_text("note", text)
    with _changing(session_id, "note_edited", actor, note=str(note_id)) as session:
        notes = mapping.read_notes(session.notes)
        present = _found(notes, note_id)
        if seen is not None and (present.edited_at or present.written_at) > seen and present.text != text:
            who = present.edited_by or present.author
            raise NoteChanged(f"{who} changed it meanwhile.", hint="Look at both versions, then decide.")
        by = actor.name[: validation.MAX_SHORT_CHARACTERS]
        edited = replace(present, text=text, edited_at=timezone.now(), edited_by=by)
        _write_notes(session, [edited if note.id == note_id else note for note in notes])
    return edited


def remove_note(session_id: str, note_id: UUID, *, actor: Actor) -> Note:
    """Take a note away and hand it back: `restore_note` puts it where it was. Raises NotFound."""
    with _changing(session_id, "note_removed", actor, note=str(note_id)) as session:
        notes = mapping.read_notes(session.notes)
        removed = _found(notes, note_id)
        _write_notes(session, [note for note in notes if note.id != note_id])
    return removed


def restore_note(session_id: str, note: Note, *, actor: Actor) -> Note:
    """Put a removed note back as it was. One that is there already stays as it is."""
    with _changing(session_id, "note_restored", actor, note=str(note.id)) as session:
        others = [one for one in mapping.read_notes(session.notes) if one.id != note.id]
        _write_notes(session, sorted([*others, note], key=lambda one: (one.written_at, one.id)))
    return note


def _found(notes: Sequence[Note], note_id: UUID) -> Note:
    for note in notes:
        if note.id == note_id:
            return note
    raise NotFound("The session has no such note.", hint="Somebody may have removed it meanwhile.")


def _write_notes(session: Session, notes: Sequence[Note]) -> None:
    session.notes = mapping.write_notes(validation.notes(notes))


# --- Pins ---


def pin_interaction(session_id: str, interaction_id: UUID, *, actor: Actor) -> Session:
    """Pin an interaction: it is listed beside the transcript and handed to whoever resumes. Raises NotFound."""
    with _changing(session_id, "interaction_pinned", actor, interaction=str(interaction_id)) as session:
        if not Interaction.objects.filter(session=session, pk=interaction_id).exists():
            raise NotFound("The session has no such interaction.", hint="Nothing was pinned.")
        _write_pins(session, [*session.pins, str(interaction_id)])
    return session


def unpin_interaction(session_id: str, interaction_id: UUID, *, actor: Actor) -> Session:
    """Take a pin away; one that is not there is no mistake."""
    with _changing(session_id, "interaction_unpinned", actor, interaction=str(interaction_id)) as session:
        _write_pins(session, [pin for pin in session.pins if pin != str(interaction_id)])
    return session


def pinned_interactions(session: Session, *, limit: int) -> list[Interaction]:
    """The first `limit` pinned interactions in the order of the conversation, without their original records."""
    pins = mapping.read_pins(session.pins)
    return list(
        Interaction.objects.filter(session=session, pk__in=pins).defer("source_record").order_by("sequence")[:limit]
    )


def _write_pins(session: Session, pins: Sequence[str]) -> None:
    session.pins = [str(pin) for pin in validation.pins([UUID(one) for one in dict.fromkeys(pins)])]


# --- Tags ---


def add_tag(session_id: str, name: str, *, actor: Actor) -> Session:
    """Give a session one more tag; one that it has is no mistake."""
    (tag,) = validation.tags([name])
    with _changing(session_id, "tag_added", actor, tag=tag) as session:
        set_tags(session, {*_tag_names(session), tag})
    return session


def remove_tag(session_id: str, name: str, *, actor: Actor) -> Session:
    """Take a tag from a session; one that it has not is no mistake."""
    validation.text("tags", name, longest=validation.MAX_TAG_CHARACTERS)
    with _changing(session_id, "tag_removed", actor, tag=name) as session:
        set_tags(session, set(_tag_names(session)) - {name})
    return session


def _tag_names(session: Session) -> list[str]:
    return list(session.tags.values_list("name", flat=True))


@contextmanager
def _changing(session_id: str, verb: str, actor: Actor, **details: JSON) -> Iterator[Session]:
    """The session, locked, for one change of its header, which is then saved, audited and mirrored."""
    with transaction.atomic(durable=True):
        session = lock_session(session_id)
        if session.trashed_at is not None:
            raise SessionTrashed(f"Session {session.pk!r} lies in the trash.", hint="Resume or restore it first.")
        yield session
        change_header(session)
        audit.record(actor, verb, session.pk, **details)
    log.info(verb, extra={"session_id": session.pk, "face": actor.face})
