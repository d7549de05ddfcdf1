"""Merging two sessions into one, and taking that back at any later time.

The absorbed session's interactions move to the survivor, in time order, each remembering the merge, its session and
its sequence there. The absorbed row stays as an address that leads to the survivor. An interaction that both have
(one idempotency key, one content) stays with the absorbed row, so the survivor shows it once and undoing the merge
gives it back.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sessions import mapping
from sessions.errors import MergeRefused, NotFound
from sessions.figures import recount
from sessions.mirror import codec
from sessions.models import Interaction, Merge, Session
from sessions.records import Actor, SessionRecord

from . import audit, context_merge, weaving
from .begin import change_header
from .context import set_tags
from .context_merge import ContextMerge
from .find import find_row, get_session, lock_rows

log = logging.getLogger(__name__)

_PREVIEW_ITEMS = 200


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """An interaction as a preview shows it: where it comes from, when, and how it begins."""

    session_id: str
    sequence: int
    occurred_at: datetime
    kind: str
    opening: str
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """What a merge would combine. `timeline` holds the first 200 interactions, the duplicates among them."""

    survivor: Session
    absorbed: Session
    interactions_from_survivor: int
    interactions_from_absorbed: int
    duplicates: int
    total: int
    context: list[ContextMerge]
    timeline: list[TimelineItem]


def preview_merge(survivor_id: str, absorbed_id: str) -> MergePreview:
    """What merging would do. Changes nothing. Raises SessionNotFound and MergeRefused as merging would."""
    survivor, absorbed = get_session(survivor_id), find_row(absorbed_id)
    _refuse_unfit(survivor, absorbed)
    duplicates = weaving.duplicates(survivor, absorbed)
    moving = absorbed.interaction_count - len(duplicates)
    return MergePreview(
        survivor=survivor,
        absorbed=absorbed,
        interactions_from_survivor=survivor.interaction_count,
        interactions_from_absorbed=moving,
        duplicates=len(duplicates),
        total=survivor.interaction_count + moving,
        context=context_merge.comparison(_record(survivor), _record(absorbed)),
        timeline=_timeline(survivor, absorbed, duplicates),
    )


def merge_sessions(survivor_id: str, *, absorbed: str, actor: Actor) -> Merge:
    """Merge the session `absorbed` into the survivor. Raises SessionNotFound and MergeRefused."""
    with transaction.atomic(durable=True):
        survivor_pk = get_session(survivor_id).pk
        rows = lock_rows({survivor_pk, absorbed})
        survivor, absorbed_row = rows[survivor_pk], rows[absorbed]
        _refuse_unfit(survivor, absorbed_row)
        before, absorbed_before = _record(survivor), _record(absorbed_row)
        after = context_merge.merged(before, absorbed_before)
        merge = Merge(
            survivor_id=survivor.pk,
            absorbed_id=absorbed_row.pk,
            merged_by=actor.name[:255],
            survivor_before=codec.to_payload(before),
            survivor_after=codec.to_payload(after),
            absorbed_before=codec.to_payload(absorbed_before),
        )
        moved = weaving.move_in(survivor, absorbed_row, merge.pk)
        _write_record(survivor, after)
        _save_rewritten(survivor, merge)
        absorbed_row.merged_into = survivor
        recount(absorbed_row)
        change_header(absorbed_row)
        audit.record(actor, "sessions_merged", survivor.pk, absorbed=absorbed_row.pk, interactions=moved)
    log.info("sessions_merged", extra={"session_id": survivor.pk, "absorbed": absorbed_row.pk, "interactions": moved})
    return merge


def unmerge(merge_id: UUID | str, *, actor: Actor) -> Merge:
    """Take a merge back: both sessions are as they were, and what was said since stays with the survivor.

    Raises NotFound for an unknown merge, MergeRefused for one that is undone or that a later merge builds upon.
    """
    with transaction.atomic(durable=True):
        merge, later, rows = _lock_merge(merge_id)
        survivor, absorbed = rows[merge.survivor_id], rows[merge.absorbed_id]
        _refuse_unmerge(merge, survivor)
        moved = weaving.move_back(survivor, absorbed, merge.pk)
        # What two absorbed sessions had in common is now the other one's alone to give.
        givers = [one for one in later if weaving.move_in(survivor, rows[one.absorbed_id], one.pk)]
        _write_record(survivor, _without(merge, later, _record(survivor)))
        _write_record(absorbed, codec.from_payload(SessionRecord, merge.absorbed_before))
        absorbed.merged_into = None
        # A cleanup plan made before counts neither of them as idle.
        absorbed.settled_at = survivor.settled_at = timezone.now()
        for row in (absorbed, *(rows[one.absorbed_id] for one in givers)):
            # The absorbed sessions' files first: until the survivor's is rewritten, both hold what was moved.
            recount(row)
            change_header(row)
        merge.undone_at = timezone.now()
        merge.undone_by = actor.name[:255]
        _save_rewritten(survivor, merge)
        audit.record(actor, "sessions_unmerged", survivor.pk, absorbed=absorbed.pk, interactions=moved)
    log.info("sessions_unmerged", extra={"session_id": survivor.pk, "absorbed": absorbed.pk, "interactions": moved})
    return merge


def merges_of(session_id: str) -> QuerySet[Merge]:
    """The merges that a session took part in, on either side, latest first."""
    return Merge.objects.filter(Q(survivor_id=session_id) | Q(absorbed_id=session_id))


def _refuse_unfit(survivor: Session, absorbed: Session) -> None:
    if survivor.pk == absorbed.pk:
        raise MergeRefused("A session cannot be merged into itself.")
    if absorbed.merged_into_id is not None:
        raise MergeRefused(f"Session {absorbed.pk!r} is already merged into {absorbed.merged_into_id!r}.")
    if survivor.merged_into_id is not None:
        raise MergeRefused(f"Session {survivor.pk!r} was merged into {survivor.merged_into_id!r} meanwhile.")
    for session in (survivor, absorbed):
        if session.trashed_at is not None:
            raise MergeRefused(f"Session {session.pk!r} lies in the trash.", hint="Restore it first.")


def _lock_merge(merge_id: UUID | str) -> tuple[Merge, list[Merge], dict[str, Session]]:
    """A merge, its survivor's later ones that still stand, and every session that undoing it touches, all locked."""
    try:
        key = merge_id if isinstance(merge_id, UUID) else UUID(merge_id)
        merge = Merge.objects.get(pk=key)
    except (ValueError, AttributeError, Merge.DoesNotExist):
        raise NotFound(f"There is no merge {str(merge_id)[:64]!r}.") from None
    while True:
        names = _touched(merge)
        rows = lock_rows(names)
        if _touched(merge) == names:
            merge.refresh_from_db()
            return merge, list(_later(merge)), rows


def _touched(merge: Merge) -> set[str]:
    return {merge.survivor_id, merge.absorbed_id, *_later(merge).values_list("absorbed_id", flat=True)}


def _later(merge: Merge) -> QuerySet[Merge]:
    standing = Merge.objects.filter(survivor_id=merge.survivor_id, undone_at=None).exclude(pk=merge.pk)
    return standing.filter(merged_at__gte=merge.merged_at).order_by("merged_at", "id")


def _without(merge: Merge, later: Sequence[Merge], now: SessionRecord) -> SessionRecord:
    """The survivor's record as it would be without a merge; the later merges' records are told likewise and saved."""
    base, was = _before(merge), _after(merge)
    for other in later:
        before = context_merge.unmerged(_before(other), base, was)
        after = context_merge.merged(before, codec.from_payload(SessionRecord, other.absorbed_before))
        base, was = after, _after(other)
        other.survivor_before, other.survivor_after = codec.to_payload(before), codec.to_payload(after)
        other.save()
    return context_merge.unmerged(now, base, was)


def _before(merge: Merge) -> SessionRecord:
    return codec.from_payload(SessionRecord, merge.survivor_before)


def _after(merge: Merge) -> SessionRecord:
    return codec.from_payload(SessionRecord, merge.survivor_after)


def _refuse_unmerge(merge: Merge, survivor: Session) -> None:
    if merge.undone_at is not None:
        raise MergeRefused("This merge is already undone.")
    if survivor.merged_into_id is not None:
        raise MergeRefused(
            f"Session {survivor.pk!r} was itself merged into {survivor.merged_into_id!r} later.",
            hint="Undo that merge first.",
        )
    if survivor.trashed_at is not None:
        raise MergeRefused(f"Session {survivor.pk!r} lies in the trash.", hint="Restore it first.")


def _record(session: Session) -> SessionRecord:
    return mapping.session_record(session, session.tags.values_list("name", flat=True))


def _write_record(session: Session, record: SessionRecord) -> None:
    """Give a locked row a record's content; the caller saves it."""
    for field in mapping.SESSION_CONTENT_FIELDS:
        value = getattr(record, field)
        setattr(session, field, list(value) if field == "active_topics" else value)
    set_tags(session, record.tags)


def _save_rewritten(survivor: Session, merge: Merge) -> None:
    """Save a survivor whose journal must be written anew, and the merge with it."""
    recount(survivor)
    survivor.rewrite_revision = merge.revision = survivor.revision + 1
    merge.save()
    change_header(survivor)


def _timeline(survivor: Session, absorbed: Session, duplicates: set[UUID]) -> list[TimelineItem]:
    fields = ("id", "session_id", "sequence", "occurred_at", "kind", "prompt", "response", "tool_name", "error_message")
    heads = [
        list(Interaction.objects.of(session.pk).only(*fields)[:_PREVIEW_ITEMS]) for session in (survivor, absorbed)
    ]
    return [
        TimelineItem(row.session_id, row.sequence, row.occurred_at, row.kind, _opening(row), row.pk in duplicates)
        for row in weaving.in_time_order(*heads)[:_PREVIEW_ITEMS]
    ]


def _opening(row: Interaction) -> str:
    text = row.prompt or row.response or row.error_message or row.tool_name
    return " ".join(text[:600].split())[:160]


__all__ = [
    "ContextMerge",
    "MergePreview",
    "TimelineItem",
    "merge_sessions",
    "merges_of",
    "preview_merge",
    "unmerge",
]
