"""Rows to records and back: the one place that knows both shapes."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from . import models
from .records import (
    INTERACTION_CONTENT,
    JSON,
    InteractionRecord,
    MergeRecord,
    Note,
    Origin,
    ProfileRecord,
    SessionRecord,
    TombstoneRecord,
    TrashRecord,
    UserMergeRecord,
)

_SHARED_INTERACTION_FIELDS = (
    *INTERACTION_CONTENT,
    "id",
    "sequence",
    "occurred_at",
    "recorded_at",
    "idempotency_key",
    "key_scope",
    "parent_id",
)
# One call for all of them: every append reads a row.
_read_interaction = attrgetter(*_SHARED_INTERACTION_FIELDS)
SESSION_CONTENT_FIELDS = (
    "user_id",
    "title",
    "source",
    "created_at",
    "last_activity_at",
    "stated_interactions",
    "context_summary",
    "active_topics",
    "user_preferences",
    "project_context",
    "semantic_context",
    "metadata",
    "held_at",
    "held_by",
    "hold_reason",
)
_MERGE_FIELDS = (
    "id",
    "survivor_id",
    "absorbed_id",
    "group_id",
    "merged_at",
    "merged_by",
    "choices",
    "survivor_before",
    "survivor_after",
    "absorbed_before",
    "undone_at",
    "undone_by",
)
_TOMBSTONE_FIELDS = ("session_id", "purged_at", "purged_by", "reason", "interaction_count")
_PROFILE_FIELDS = ("user_id", "preferences", "created_at", "updated_at", "merged_into")
_USER_MERGE_FIELDS = (
    "id",
    "kept_id",
    "absorbed_id",
    "merged_at",
    "merged_by",
    "kept_before",
    "kept_after",
    "session_ids",
    "undone_at",
    "undone_by",
)


def session_record(session: models.Session, tags: Iterable[str]) -> SessionRecord:
    """The header of a session; `tags` are handed in because they lie in a table of their own."""
    values = {name: getattr(session, name) for name in SESSION_CONTENT_FIELDS}
    return SessionRecord(
        session_id=session.session_id,
        merged_into=session.merged_into_id,
        tags=sorted(tags),
        notes=read_notes(session.notes),
        pins=read_pins(session.pins),
        **values,
    )


def session_row(record: SessionRecord) -> models.Session:
    """An unsaved session; `merged_into` is left to the caller, since its target may not be there yet."""
    values = {name: getattr(record, name) for name in SESSION_CONTENT_FIELDS}
    values["active_topics"] = list(record.active_topics)
    row = models.Session(session_id=record.session_id, **values)
    write_annotations(row, record)
    return row


def write_annotations(row: models.Session, record: SessionRecord) -> None:
    """Give a row a record's notes and pins; the caller saves it."""
    row.notes, row.pins = write_notes(record.notes), [str(pin) for pin in record.pins]


def read_notes(stored: list[dict[str, JSON]]) -> list[Note]:
    """Notes as the column holds them, the oldest first."""
    return [
        Note(
            id=UUID(one["id"]),
            text=one["text"],
            author=one["author"],
            written_at=datetime.fromisoformat(one["written_at"]),
            edited_at=datetime.fromisoformat(one["edited_at"]) if one["edited_at"] else None,
            # Rows from before there was one have none.
            edited_by=one.get("edited_by", ""),
        )
        for one in stored
    ]


def write_notes(notes: Iterable[Note]) -> list[dict[str, JSON]]:
    """Notes as JSON for the column."""
    return [
        {
            "id": str(note.id),
            "text": note.text,
            "author": note.author,
            "written_at": note.written_at.isoformat(),
            "edited_at": note.edited_at.isoformat() if note.edited_at else None,
            "edited_by": note.edited_by,
        }
        for note in notes
    ]


def read_pins(stored: list[str]) -> list[UUID]:
    """Pins as the column holds them, in the order in which they were pinned."""
    return [UUID(one) for one in stored]


def trash_record(session: models.Session) -> TrashRecord | None:
    """The record that stands beside a trashed journal; None for a session that is not in the trash."""
    if session.trashed_at is None:
        return None
    return TrashRecord(
        session_id=session.session_id,
        trashed_at=session.trashed_at,
        trashed_by=session.trashed_by,
        reason=session.trash_reason,
    )


def interaction_record(row: models.Interaction) -> InteractionRecord:
    values = dict(zip(_SHARED_INTERACTION_FIELDS, _read_interaction(row), strict=True))
    source_record = None if row.source_record is None else bytes(row.source_record)
    return InteractionRecord(**values, source_record=source_record, origins=read_origins(row.origins))


def interaction_row(record: InteractionRecord, session_id: str, revision: int) -> models.Interaction:
    values = {name: getattr(record, name) for name in _SHARED_INTERACTION_FIELDS}
    return models.Interaction(
        session_id=session_id,
        revision=revision,
        source_record=record.source_record,
        origins=write_origins(record.origins),
        **values,
    )


def read_origins(stored: list[dict[str, JSON]]) -> list[Origin]:
    """Origins as the column holds them, the oldest first."""
    return [Origin(**{**one, "merge_id": UUID(one["merge_id"])}) for one in stored]


def write_origins(origins: Iterable[Origin]) -> list[dict[str, JSON]]:
    """Origins as JSON for the column."""
    return [{**asdict(origin), "merge_id": str(origin.merge_id)} for origin in origins]


def merge_record(row: models.Merge) -> MergeRecord:
    return MergeRecord(**{name: getattr(row, name) for name in _MERGE_FIELDS})


def merge_row(record: MergeRecord, revision: int) -> models.Merge:
    return models.Merge(revision=revision, **{name: getattr(record, name) for name in _MERGE_FIELDS})


def tombstone_record(row: models.Tombstone) -> TombstoneRecord:
    return TombstoneRecord(**{name: getattr(row, name) for name in _TOMBSTONE_FIELDS})


def tombstone_row(record: TombstoneRecord) -> models.Tombstone:
    return models.Tombstone(**{name: getattr(record, name) for name in _TOMBSTONE_FIELDS})


def profile_record(row: models.Profile) -> ProfileRecord:
    return ProfileRecord(**{name: getattr(row, name) for name in _PROFILE_FIELDS})


def profile_row(record: ProfileRecord, revision: int) -> models.Profile:
    return models.Profile(revision=revision, **{name: getattr(record, name) for name in _PROFILE_FIELDS})


def user_merge_record(row: models.UserMerge) -> UserMergeRecord:
    return UserMergeRecord(**{name: getattr(row, name) for name in _USER_MERGE_FIELDS})


def user_merge_row(record: UserMergeRecord, revision: int) -> models.UserMerge:
    values = {name: getattr(record, name) for name in _USER_MERGE_FIELDS}
    return models.UserMerge(
        revision=revision,
        session_count=len(record.session_ids),
        **{**values, "session_ids": list(record.session_ids)},
    )
