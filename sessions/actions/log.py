"""Logging interactions: the verb that everything else is built around."""

import logging
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sessions import figures, mapping, statements, validation
from sessions.database import LedElsewhere, releasing_locks
from sessions.errors import IdempotencyConflict, InvalidInput, SessionTrashed
from sessions.mirror import bell
from sessions.mirror.codec import Entry
from sessions.mirror.layout import is_safe_id
from sessions.models import Interaction, Session
from sessions.records import INTERACTION_CONTENT, Actor, InteractionDraft, new_interaction_id

from .find import lock_session
from .keys import known_by_key, same_content, scope_of

log = logging.getLogger(__name__)
_COUNTERS = (
    "revision",
    "debt_since",
    "last_activity_at",
    "last_sequence",
    "interaction_count",
    "error_count",
    "input_tokens",
    "output_tokens",
    "cost_microusd",
    "opening",
)
_NEEDED = ("session_id", "mirrored_revision", "trashed_at", "merged_into_id", "model_names", *_COUNTERS)


@dataclass(frozen=True, slots=True)
class Appended:
    """The rows that stand for the drafts, in their order; how many are new; the new ones' journal entries; and when.

    `session_id` is the session that holds them: the one that was named, or the one that absorbed it. `recorded_at` is
    the new rows' moment. The last of `rows` may be an old one. `counted` names the session's fields that the caller
    saves: hardly an append brings a model that the session does not know.
    """

    session_id: str
    rows: Sequence[Interaction]
    added: int
    entries: Sequence[Entry]
    recorded_at: datetime
    counted: tuple[str, ...]


def log_interaction(session_id: str, draft: InteractionDraft, *, actor: Actor) -> Interaction:
    """Store one interaction; when this returns, both copies have it. See `log_interactions`."""
    return log_interactions(session_id, [draft], actor=actor)[0]


def log_interactions(session_id: str, drafts: Iterable[InteractionDraft], *, actor: Actor) -> Sequence[Interaction]:
    """Store interactions in their order, all or none, and return them. See `append_interactions`."""
    return append_interactions(session_id, drafts, actor=actor).rows


def append_interactions(session_id: str, drafts: Iterable[InteractionDraft], *, actor: Actor) -> Appended:
    """Store interactions in their order, all or none, with one transaction and one journal write.

    A draft whose idempotency key the session knows is answered with the interaction that it became; nothing is
    added twice. Raises InvalidInput, SessionNotFound, SessionTrashed, IdempotencyConflict, and MirrorUnavailable
    when the database has the change but the journal could not be written: retry with the same keys.
    """
    checked = [validation.interaction(draft) for draft in drafts]
    if not checked:
        raise InvalidInput("interactions", "must not be empty.")
    with transaction.atomic(durable=True):
        session = lock_for_append(session_id)
        if session.trashed_at is not None:
            raise SessionTrashed(
                f"Session {session.pk!r} lies in the trash.", hint="Resume it first; that brings it back."
            )
        appended = append(session, checked, scope=scope_of(session_id, session.pk))
        if appended.added:
            session.last_activity_at = max(session.last_activity_at, appended.recorded_at)
        # A retry writes as well: a commit that SQLite recovered from a killed process may not be on the disk yet,
        # and only a commit that has something to write is synced.
        statements.update(session, appended.counted)
        # After a retry too: the copy on disk may be what its first try was missing.
        bell.ring_for_session(session.pk, appended.entries)
    if log.isEnabledFor(logging.DEBUG):
        details = {"session_id": session.pk, "added": appended.added, "sequence": session.last_sequence}
        log.debug("interaction_logged", extra={**details, "face": actor.face})
    return appended


def lock_for_append(session_id: str) -> Session:
    """The session that an ID leads to, locked, with just the fields that an append touches."""
    if is_safe_id(session_id):
        with suppress(LedElsewhere), releasing_locks():
            session = statements.lock(Session, _NEEDED, session_id)
            if session is not None and session.merged_into_id is None:
                return session
            raise LedElsewhere
    return lock_session(session_id)


def append(
    session: Session,
    drafts: Sequence[InteractionDraft],
    *,
    scope: str,
    known: dict[str | None, Interaction] | None = None,
) -> Appended:
    """Insert drafts behind a locked session's last interaction and count them on it; the caller saves it.

    Their keys are of that scope (see `keys`). `known` are the session's interactions that the drafts name by key, where
    the caller has them.
    """
    if known is None:
        keys = {key for draft in drafts for key in (draft.idempotency_key, draft.parent_key) if key is not None}
        known = known_by_key(session.pk, scope, keys)
    known_models = session.model_names
    now = timezone.now()
    rows: list[Interaction] = []
    new: list[Interaction] = []
    entries: list[Entry] = []
    for draft in drafts:
        row = known.get(draft.idempotency_key) if draft.idempotency_key is not None else None
        if row is None:
            row = _new_row(session, draft, scope, known, now)
            new.append(row)
            entries.append(Entry(row.revision, mapping.interaction_record(row)))
            if draft.idempotency_key is not None:
                known[draft.idempotency_key] = row
        elif not same_content(row, draft):
            raise IdempotencyConflict(
                f"The idempotency key {draft.idempotency_key!r} was used in this session for another interaction.",
                hint="Use a new key for new content; nothing was stored.",
            )
        rows.append(row)
    statements.insert(new)
    counted: tuple[str, ...] = _COUNTERS
    if session.model_names is not known_models:
        figures.note_models(session)
        counted = (*_COUNTERS, "model_names")
    return Appended(session.pk, rows, len(new), entries, now, counted)


def _new_row(
    session: Session, draft: InteractionDraft, scope: str, known: dict[str | None, Interaction], now: datetime
) -> Interaction:
    values = {name: getattr(draft, name) for name in INTERACTION_CONTENT}
    row = statements.row(
        Interaction,
        {
            **values,
            "id": new_interaction_id(),
            "session_id": session.pk,
            "sequence": session.last_sequence + 1,
            "revision": session.raise_revision(),
            "kind": str(draft.kind),
            "occurred_at": draft.occurred_at or now,
            "recorded_at": now,
            "idempotency_key": draft.idempotency_key,
            "key_scope": scope if draft.idempotency_key is not None else "",
            "parent_id": _parent_id(draft, known),
            "source_record": _packed(draft.source_record),
            "origins": [],
        },
    )
    figures.count_in(session, row)
    return row


def _packed(source_record: bytes | None) -> bytes | None:
    if source_record is None:
        return None
    packed = zlib.compress(source_record)
    if len(packed) > validation.MAX_SOURCE_RECORD_BYTES:
        raise InvalidInput("source_record", f"takes more than {validation.MAX_SOURCE_RECORD_BYTES:,} bytes compressed.")
    return packed


def _parent_id(draft: InteractionDraft, known: dict[str | None, Interaction]) -> UUID | None:
    if draft.parent_id is None and draft.parent_key is not None and draft.parent_key in known:
        return known[draft.parent_key].pk
    return draft.parent_id
