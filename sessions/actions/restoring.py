"""Taking in what an export of our own holds: the session itself, with its IDs, times, notes, pins and merges.

A session that is not here comes in as it was, so that it can be exported again without a difference. To one that is
here, what it lacks is added; what differs is left as it is, and named.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone

from sessions import figures, mapping, statements, validation
from sessions.analytics import tally
from sessions.errors import DamagedLine, InvalidInput, SessionExists, SessionPurged
from sessions.mirror import codec
from sessions.mirror.codec import Entry
from sessions.models import Interaction, Merge, Session, SessionTag
from sessions.records import (
    ANONYMOUS,
    ExportedInteraction,
    ExportedSession,
    InteractionRecord,
    MergeRecord,
    SessionDraft,
    SessionRecord,
    SetAside,
)

from .begin import checked_header, checked_session_id, refuse_used_id
from .find import lock_session
from .identity import claim_user
from .keys import known_by_key, same_content, scope_of, with_absorbed

MERGE_OF_KNOWN = "a merge of a session that was here before"
MERGE_OF_SEPARATE = "a merge with a session that is here by itself"
LEFT_WITH_OTHER = "an interaction of an absorbed session that is not one here"

# A numbering may have gaps, where something was set aside; one that leaps further is somebody's joke.
_LONGEST_GAP = 1_000_000
type ScopedKey = tuple[str, str | None]
_ABOUT = (
    "title",
    "context_summary",
    "active_topics",
    "user_preferences",
    "project_context",
    "semantic_context",
    "metadata",
)


@dataclass(slots=True)
class Restored:
    """What became of a part of an export: the session that has it now, and what was added, known, and left out.

    `first` is the sequence of the first that was added, 0 without any. `entries` are the new interactions' journal
    entries; with `has_merges` the journal needs more than these.
    """

    session: Session
    is_new: bool
    added: int = 0
    first: int = 0
    known: int = 0
    differing: list[str] = field(default_factory=list)
    asides: list[SetAside] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    has_merges: bool = False


def restore(
    event: ExportedSession,
    waiting: Sequence[ExportedInteraction],
    *,
    is_exact: bool,
    user_id: str | None,
    tags: Iterable[str],
) -> Restored:
    """Take in a session and some of its interactions, within the caller's transaction, who saves the session.

    `is_exact` says that the session came with an earlier part of the same export, so that the rest may be put behind
    it with the numbers that it has there. Raises InvalidInput, SessionPurged or SessionExists where the session as a
    whole cannot come in.
    """
    session_id = checked_session_id(event.record.session_id)
    is_new = not Session.objects.filter(pk=session_id).exists()
    session = _new_session(event.record, user_id, tags) if is_new else lock_session(session_id)
    restored = Restored(session, is_new)
    if session.trashed_at is None:
        if is_new:
            _restore_merges(restored, event)
        elif event.merges and not is_exact:
            _name_merges(restored, event)
        scope = scope_of(session_id, session.pk)
        own = [one for one in waiting if not one.absorbed_id]
        rows = _restore_interactions(restored, session, own, scope, is_exact=is_new or is_exact)
        restored.added = len(rows)
        restored.first = rows[0].sequence if rows else 0
        restored.entries = [Entry(row.revision, mapping.interaction_record(row)) for row in rows]
        if len(own) < len(waiting):
            _restore_left(restored, event.merges, [one for one in waiting if one.absorbed_id])
    return restored


def draft_of(record: SessionRecord) -> SessionDraft:
    """What a header says of a session that is here already."""
    return SessionDraft(
        session_id=record.session_id,
        source=record.source,
        created_at=record.created_at,
        last_activity_at=record.last_activity_at,
        **{name: getattr(record, name) or None for name in _ABOUT},
    )


def differs(session: Session, record: SessionRecord) -> bool:
    """Whether a session that is here says something else than the header of its export."""
    present = mapping.session_record(session, ())
    names = (*_ABOUT, "notes", "pins", "held_at")
    return any(getattr(record, name) and getattr(record, name) != getattr(present, name) for name in names)


def _new_session(record: SessionRecord, user_id: str | None, tags: Iterable[str]) -> Session:
    """The session as it was; whose it is decides a merge of users, as for every session that begins."""
    is_nobodys = record.user_id == ANONYMOUS and user_id
    return _inserted(record, user_id if is_nobodys and user_id else record.user_id, {*record.tags, *tags})


def _inserted(record: SessionRecord, user_id: str, tags: Iterable[str], merged_into: Session | None = None) -> Session:
    validation.stored_session(record)
    refuse_used_id(record.session_id)
    now = timezone.now()
    session = mapping.session_row(record)
    session.user_id, _ = claim_user(user_id)
    session.created_at = min(record.created_at, now)
    session.last_activity_at = min(record.last_activity_at, now)
    session.settled_at = now
    session.merged_into = merged_into
    session.header_revision = session.raise_revision()
    session.unmirrored = [checked_header(session, tags)]
    session.save(force_insert=True)
    SessionTag.objects.bulk_create([SessionTag(session=session, name=name) for name in sorted(set(tags))])
    return session


# --- merges -----------------------------------------------------------------------------------------------------


def _restore_merges(restored: Restored, event: ExportedSession) -> None:
    """The merges that made the session what it is; the IDs of the absorbed lead to it again."""
    family = {restored.session.pk: restored.session}
    separate: set[str] = set()
    for merge in event.merges:
        try:
            validation.stored_merge(merge)
            if merge.survivor_id in separate or _is_separate(merge, family):
                if merge.undone_at is None:
                    separate.add(merge.absorbed_id)
                restored.asides.append(SetAside(place=event.place, reason=MERGE_OF_SEPARATE, damaged=False))
            else:
                _restore_merge(restored, merge, family)
        except (InvalidInput, SessionPurged, SessionExists, DamagedLine) as error:
            restored.asides.append(SetAside(place=event.place, reason=error.message, damaged=True))


def _is_separate(merge: MergeRecord, family: Collection[str]) -> bool:
    """Whether what a standing merge absorbed is here, and not as a part of this session."""
    if merge.undone_at is not None or merge.absorbed_id in family:
        return False
    return Session.objects.filter(pk=checked_session_id(merge.absorbed_id)).exists()


def _restore_merge(restored: Restored, merge: MergeRecord, family: dict[str, Session]) -> None:
    """`family` holds the session and those absorbed that are restored; an absorbed one may have absorbed others."""
    survivor = family.get(merge.survivor_id)
    if survivor is None:
        raise InvalidInput("survivor_id", "is another session.")
    if merge.absorbed_id == survivor.pk or (merge.undone_at is None and merge.absorbed_id in family):
        raise InvalidInput("absorbed_id", "is this session, or one that is part of it already.")
    if Merge.objects.filter(pk=merge.id).exists():
        raise InvalidInput("merges", "hold one that is here with another session.")
    if merge.undone_at is None:
        for payload in (merge.survivor_before, merge.survivor_after):
            # Undoing it reads them.
            codec.from_payload(SessionRecord, dict(payload))
        absorbed = codec.from_payload(SessionRecord, dict(merge.absorbed_before))
        if absorbed.session_id != merge.absorbed_id:
            raise InvalidInput("absorbed_id", "is another session.")
        family[merge.absorbed_id] = _inserted(absorbed, absorbed.user_id, absorbed.tags, survivor)
    Merge.objects.bulk_create([mapping.merge_row(merge, survivor.raise_revision())])
    if survivor is not restored.session:
        survivor.unmirrored = None
        survivor.save()
    restored.has_merges = True


def _name_merges(restored: Restored, event: ExportedSession) -> None:
    """A session that is here is not merged with others because an export says that it was elsewhere."""
    known = set(Merge.objects.filter(pk__in=[merge.id for merge in event.merges]).values_list("pk", flat=True))
    for merge in event.merges:
        if merge.id not in known:
            restored.asides.append(SetAside(place=event.place, reason=MERGE_OF_KNOWN, damaged=False))


# --- interactions -----------------------------------------------------------------------------------------------


def _restore_interactions(
    restored: Restored,
    session: Session,
    waiting: Sequence[ExportedInteraction],
    scope: str,
    *,
    is_exact: bool,
    taken: set[int] | None = None,
) -> list[Interaction]:
    """Insert what a session does not have yet; returns that.

    For one that was absorbed, which has gaps, `taken` are its sequences: what it lacks gets its own if that is free.
    """
    known_models = session.model_names
    present = present_among(session.pk, [one.record for one in waiting], scope)
    rows: list[Interaction] = []
    for one in waiting:
        try:
            validation.stored_interaction(one.record)
        except InvalidInput as error:
            raw = one.record.source_record or b""
            restored.asides.append(SetAside(place=one.place, reason=error.message, damaged=True, raw=raw))
            continue
        known = present.get(one.record.id) or present.get(scoped_key(one.record, scope))
        if known is not None:
            restored.known += 1
            if not same_content(known, one.record):
                restored.differing.append(one.place)
            continue
        row = _row(session, one.record, scope, is_exact=is_exact, taken=taken)
        rows.append(row)
        present[row.pk] = row
        if row.idempotency_key is not None:
            present[scoped_key(one.record, scope)] = row
    statements.insert(rows)
    tally.add(rows)
    if session.model_names is not known_models:
        figures.note_models(session)
    return rows


def _restore_left(restored: Restored, merges: Sequence[MergeRecord], waiting: Sequence[ExportedInteraction]) -> None:
    """What absorbed sessions had in common with others: they have it again, where these very merges absorbed them.

    Another merge of the same two took other interactions along. It is no part of the conversation, and counts neither
    as added nor as known.
    """
    known = restored.known
    by_absorbed: dict[str, list[ExportedInteraction]] = {}
    for one in waiting:
        by_absorbed.setdefault(one.absorbed_id, []).append(one)
    present = present_ids(one.record.id for one in waiting)
    here = _absorbed_by(restored.session, merges, by_absorbed)
    for absorbed_id, ones in by_absorbed.items():
        absorbed = here.get(absorbed_id)
        if absorbed is None:
            missing = [one for one in ones if one.record.id not in present]
            asides = [SetAside(place=one.place, reason=LEFT_WITH_OTHER, damaged=False) for one in missing]
            restored.asides += asides
        elif _restore_interactions(restored, absorbed, ones, "", is_exact=True, taken=_taken(absorbed)):
            absorbed.unmirrored = None
            absorbed.save()
    restored.known = known


def _taken(absorbed: Session) -> set[int]:
    rows = Interaction.objects.of(absorbed.pk)
    # A new one has none, and is not asked.
    return set(rows.values_list("sequence", flat=True)) if absorbed.last_sequence else set()


def _absorbed_by(session: Session, merges: Sequence[MergeRecord], wanted: Collection[str]) -> dict[str, Session]:
    """The locked rows of those wanted that are a part of a session by some of these merges."""
    standing = Merge.objects.filter(pk__in=[merge.id for merge in merges], undone_at=None)
    names = {*standing.values_list("absorbed_id", flat=True)} & {*with_absorbed([session.pk])} & {*wanted}
    rows = Session.objects.select_for_update().filter(pk__in=names - {session.pk}).order_by("pk")
    return {row.pk: row for row in rows}


def present_among(
    session_id: str, records: Sequence[InteractionRecord], scope: str
) -> dict[UUID | ScopedKey, Interaction]:
    """The interactions that are here already: by their IDs in whichever session, by their keys in this one.

    `scope` is that of the keys which the export's own session gave (see `keys`).
    """
    present: dict[UUID | ScopedKey, Interaction] = {}
    by_scope: dict[str, list[str]] = {}
    for record in records:
        if record.idempotency_key is not None:
            by_scope.setdefault(record.key_scope or scope, []).append(record.idempotency_key)
    for one, keys in by_scope.items():
        present |= {(one, key): row for key, row in known_by_key(session_id, one, keys).items()}
    return present | present_ids(record.id for record in records)


def present_ids(ids: Iterable[UUID]) -> dict[UUID, Interaction]:
    """The interactions that are here already, in whichever session."""
    return {row.pk: row for row in Interaction.objects.filter(pk__in=list(ids)).order_by()}


def scoped_key(record: InteractionRecord, scope: str) -> ScopedKey:
    """What `present_among` finds an interaction by, where its ID is not here."""
    return record.key_scope or scope, record.idempotency_key


def _row(
    session: Session, record: InteractionRecord, scope: str, *, is_exact: bool, taken: set[int] | None
) -> Interaction:
    row = mapping.interaction_row(record, session.pk, session.raise_revision())
    if row.idempotency_key is not None:
        row.key_scope = record.key_scope or scope
    behind = session.last_sequence + 1
    is_ahead = is_exact and behind < record.sequence <= behind + _LONGEST_GAP
    fills_gap = taken is not None and record.sequence < behind and record.sequence not in taken
    row.sequence = record.sequence if is_ahead or fills_gap else behind
    if taken is not None:
        taken.add(row.sequence)
    figures.count_in(session, row)
    return row
