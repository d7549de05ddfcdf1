"""What a file claims to hold, checked as strictly as what somebody sends. Each raises InvalidInput.

A line that verifies was written by some program of this format; that it may be loaded is another question.
"""

from sessions.errors import InvalidInput
from sessions.records import (
    INTERACTION_CONTENT,
    InteractionDraft,
    InteractionKind,
    InteractionRecord,
    MergeRecord,
    ProfileRecord,
    SessionRecord,
    TombstoneRecord,
    TrashRecord,
    UserMergeRecord,
)

from .values import (
    MAX_INTEGER,
    MAX_SHORT_CHARACTERS,
    MAX_SOURCE_RECORD_BYTES,
    MAX_TITLE_CHARACTERS,
    count,
    identifier,
    interaction,
    json_object,
    moment,
    notes,
    pins,
    strings,
    tags,
    text,
)

MAX_SESSION_ID_CHARACTERS = 128
_SHARED_WITH_DRAFT = (
    *(name for name in INTERACTION_CONTENT if name != "kind"),
    "occurred_at",
    "idempotency_key",
)


def stored_interaction(record: InteractionRecord) -> None:
    """Check an interaction that a file claims to hold, as strictly as one that somebody logs. Raises InvalidInput."""
    interaction(
        InteractionDraft(
            kind=InteractionKind(record.kind) if record.kind in set(InteractionKind) else record.kind,  # type: ignore[arg-type]
            **{name: getattr(record, name) for name in _SHARED_WITH_DRAFT},
        )
    )
    moment("recorded_at", record.recorded_at)
    if record.key_scope:
        identifier("key_scope", record.key_scope, longest=MAX_SESSION_ID_CHARACTERS)
    if record.source_record is not None and len(record.source_record) > MAX_SOURCE_RECORD_BYTES:
        raise InvalidInput("source_record", "is larger than any that is kept.")
    for origin in record.origins:
        text("origins", origin.session_id, longest=MAX_SESSION_ID_CHARACTERS)
        count("origins", origin.sequence)
        if origin.key_scope:
            identifier("origins", origin.key_scope, longest=MAX_SESSION_ID_CHARACTERS)
        if origin.idempotency_key is not None:
            identifier("origins", origin.idempotency_key)
    if not 1 <= record.sequence <= MAX_INTEGER:
        raise InvalidInput("sequence", "must lie between 1 and 2^63-1.")


def stored_session(record: SessionRecord) -> None:
    """Check a session's header that a file claims to hold. Raises InvalidInput."""
    identifier("user_id", record.user_id)
    text("title", record.title, longest=MAX_TITLE_CHARACTERS)
    text("source", record.source, longest=64)
    text("context_summary", record.context_summary)
    strings("active_topics", list(record.active_topics))
    tags(list(record.tags))
    for name in ("user_preferences", "project_context", "semantic_context", "metadata"):
        json_object(name, getattr(record, name))
    for name in ("created_at", "last_activity_at"):
        moment(name, getattr(record, name))
    count("stated_interactions", record.stated_interactions)
    notes(record.notes)
    pins(record.pins)
    text("held_by", record.held_by, longest=MAX_SHORT_CHARACTERS)
    text("hold_reason", record.hold_reason)
    if record.merged_into is not None:
        identifier("merged_into", record.merged_into, longest=MAX_SESSION_ID_CHARACTERS)
    if record.held_at is not None:
        moment("held_at", record.held_at)


def stored_merge(record: MergeRecord) -> None:
    """Check a merge."""
    for name in ("survivor_id", "absorbed_id"):
        identifier(name, getattr(record, name), longest=MAX_SESSION_ID_CHARACTERS)
    for name in ("survivor_before", "survivor_after", "absorbed_before", "choices"):
        json_object(name, getattr(record, name))
    _signed(record.merged_by, record.merged_at, "merged")
    if record.undone_at is not None:
        _signed(record.undone_by, record.undone_at, "undone")


def stored_trash(record: TrashRecord) -> None:
    """Check what stands beside a journal in the trash."""
    _signed(record.trashed_by, record.trashed_at, "trashed")
    text("reason", record.reason)


def stored_tombstone(record: TombstoneRecord) -> None:
    """Check a tombstone."""
    _signed(record.purged_by, record.purged_at, "purged")
    text("reason", record.reason)
    count("interaction_count", record.interaction_count)


def stored_profile(record: ProfileRecord) -> None:
    """Check a profile."""
    identifier("user_id", record.user_id)
    json_object("preferences", record.preferences)
    moment("created_at", record.created_at)
    moment("updated_at", record.updated_at)
    if record.merged_into is not None:
        identifier("merged_into", record.merged_into)


def stored_user_merge(record: UserMergeRecord, *, absorbed_id: str) -> None:
    """Check a merge of users that the journal of `absorbed_id` claims to hold."""
    identifier("kept_id", record.kept_id)
    if record.absorbed_id != absorbed_id:
        raise InvalidInput("absorbed_id", "is another user.")
    for name in ("kept_before", "kept_after"):
        json_object(name, getattr(record, name))
    for session_id in record.session_ids:
        identifier("session_ids", session_id, longest=MAX_SESSION_ID_CHARACTERS)
    _signed(record.merged_by, record.merged_at, "merged")
    if record.undone_at is not None:
        _signed(record.undone_by, record.undone_at, "undone")


def _signed(by: object, at: object, what: str) -> None:
    text(f"{what}_by", by, longest=MAX_SHORT_CHARACTERS)
    moment(f"{what}_at", at)
