"""Merging two sessions or more into one.

The absorbed sessions' interactions move to the survivor, in time order, each remembering the merge, its session and
its sequence there. The absorbed rows stay as addresses that lead to the survivor. An interaction that two of them
have (one idempotency key, one content) stays with the later one's row, so the survivor shows it once and undoing the
merge gives it back. Each absorbed session has a merge record of its own, so one of several can be taken out again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sessions import mapping, validation
from sessions.errors import MergeRefused, NotFound, PlanChanged
from sessions.figures import recount
from sessions.mirror import codec
from sessions.models import Merge, Session, SessionTag
from sessions.records import Actor, SessionRecord, new_interaction_id

from . import audit, context_merge, weaving
from .begin import change_header
from .context import set_tags
from .context_merge import Choices
from .find import get_session, lock_rows
from .pinning import with_pins_on_twins

log = logging.getLogger(__name__)

MAX_MERGED = 20


@dataclass(frozen=True, slots=True)
class MergeGroup:
    """What one call merged: a record for each absorbed session, in their order. `pk` names all of it."""

    pk: UUID
    survivor_id: str
    merges: Sequence[Merge]

    @property
    def absorbed_ids(self) -> list[str]:
        return [merge.absorbed_id for merge in self.merges]

    @property
    def standing(self) -> list[Merge]:
        """Those that are not undone."""
        return [merge for merge in self.merges if merge.undone_at is None]


def merge_sessions(
    survivor_id: str,
    *,
    absorbed: str | Sequence[str],
    choices: Choices | None = None,
    as_of: Mapping[str, int] | None = None,
    actor: Actor,
) -> MergeGroup:
    """Merge one session or several into the survivor, all or none.

    `choices` decides where the contexts differ (see `context_merge`); without one the survivor's value stands. `as_of`
    holds the revisions that a plan was made of. Raises SessionNotFound, MergeRefused, PlanChanged where a session is at
    another revision, and InvalidInput for a choice that makes no sense or a result too large to keep.
    """
    named = [absorbed] if isinstance(absorbed, str) else [*dict.fromkeys(absorbed)]
    with transaction.atomic(durable=True):
        survivor, others = _lock_fit(survivor_id, named)
        if as_of is not None:
            _refuse_changed([survivor, *others], as_of)
        decided = context_merge.checked(choices or {}, [survivor.pk, *named])
        group = _merges_of(survivor, others, decided, actor)
        moved = weaving.move_in(survivor, list(zip(others, [merge.pk for merge in group.merges], strict=True)))
        write_record(survivor, codec.from_payload(SessionRecord, group.merges[-1].survivor_after))
        save_rewritten(survivor, group.merges)
        for other in others:
            other.merged_into = survivor
            recount(other)
            change_header(other)
        audit.record(
            actor, "sessions_merged", survivor.pk, absorbed=named, interactions=sum(moved.values()), merge=str(group.pk)
        )
    details = {"session_id": survivor.pk, "absorbed": named, "interactions": sum(moved.values())}
    log.info("sessions_merged", extra=details)
    return group


def merges_of(session_id: str) -> QuerySet[Merge]:
    """The merges that a session took part in, on either side, latest first."""
    return Merge.objects.filter(Q(survivor_id=session_id) | Q(absorbed_id=session_id))


def get_merge(merge_id: UUID | str) -> MergeGroup:
    """What was merged at once, by its own ID or by that of one session's part in it. Raises NotFound."""
    try:
        key = merge_id if isinstance(merge_id, UUID) else UUID(merge_id)
    except (ValueError, AttributeError):
        key = None
    found = Merge.objects.filter(Q(pk=key) | Q(group_id=key)).first() if key else None
    if found is None:
        raise NotFound(f"There is no merge {str(merge_id)[:64]!r}.")
    if found.group_id is None:
        return MergeGroup(found.pk, found.survivor_id, [found])
    together = Merge.objects.filter(group_id=found.group_id, survivor_id=found.survivor_id)
    return MergeGroup(found.group_id, found.survivor_id, list(together.order_by("merged_at", "id")))


def refuse_unfit(survivor: Session, others: Sequence[Session]) -> None:
    """Raise MergeRefused where these sessions cannot become one, naming the one that stands in the way."""
    if not others:
        raise MergeRefused("There is nothing to merge.", hint="Name two sessions or more.", session_id=survivor.pk)
    if len(others) >= MAX_MERGED:
        raise MergeRefused(
            f"{len(others) + 1} sessions are too many for one merge.",
            hint=f"Merge up to {MAX_MERGED} at once, then go on with the result.",
            session_id=survivor.pk,
        )
    for other in others:
        if other.pk == survivor.pk:
            raise MergeRefused(
                "A session cannot be merged into itself.", hint="Choose another one.", session_id=other.pk
            )
        if other.merged_into_id is not None:
            raise MergeRefused(
                f"Session {other.pk!r} is already merged into {other.merged_into_id!r}.",
                hint="Merge that one, or undo the earlier merge first.",
                session_id=other.pk,
            )
    if survivor.merged_into_id is not None:
        raise MergeRefused(
            f"Session {survivor.pk!r} was merged into {survivor.merged_into_id!r} meanwhile.",
            hint="Let that one survive.",
            session_id=survivor.pk,
        )
    for session in (survivor, *others):
        if session.trashed_at is not None:
            raise MergeRefused(
                f"Session {session.pk!r} lies in the trash.", hint="Restore it first.", session_id=session.pk
            )


def records_of(sessions: Sequence[Session]) -> list[SessionRecord]:
    """Their headers, with one query for the tags of all."""
    tags: dict[str, list[str]] = {session.pk: [] for session in sessions}
    for session_id, name in SessionTag.objects.filter(session__in=tags).values_list("session_id", "name"):
        tags[session_id].append(name)
    return [mapping.session_record(session, tags[session.pk]) for session in sessions]


def write_record(session: Session, record: SessionRecord) -> None:
    """Give a locked row a record's content; the caller saves it. Raises InvalidInput for what no store may hold."""
    validation.stored_session(record)
    for field in mapping.SESSION_CONTENT_FIELDS:
        value = getattr(record, field)
        setattr(session, field, list(value) if field == "active_topics" else value)
    mapping.write_annotations(session, record)
    set_tags(session, record.tags)


def save_rewritten(survivor: Session, merges: Sequence[Merge]) -> None:
    """Save a survivor whose journal must be written anew, and the merges with it."""
    recount(survivor)
    survivor.rewrite_revision = survivor.revision + 1
    for merge in merges:
        merge.revision = survivor.rewrite_revision
        merge.save()
    change_header(survivor)


def _lock_fit(survivor_id: str, named: Sequence[str]) -> tuple[Session, list[Session]]:
    """The sessions of a merge, locked, if they can be merged."""
    survivor_pk = get_session(survivor_id).pk
    rows = lock_rows({survivor_pk, *named})
    survivor, others = rows[survivor_pk], [rows[name] for name in named]
    refuse_unfit(survivor, others)
    return survivor, others


def _refuse_changed(sessions: Sequence[Session], as_of: Mapping[str, int]) -> None:
    changed = [session.pk for session in sessions if as_of.get(session.pk) != session.revision]
    if changed:
        names = ", ".join(map(repr, changed))
        raise PlanChanged(f"Changed since the plan was made: {names}.", hint="Make a new plan; nothing was merged.")


def _merges_of(survivor: Session, others: Sequence[Session], decided: Choices, actor: Actor) -> MergeGroup:
    """The records of a merge, unsaved, one building upon the other."""
    merges: list[Merge] = []
    before, *records = records_of([survivor, *others])
    now = timezone.now()
    group_id = new_interaction_id() if len(others) > 1 else None
    for place, (other, theirs) in enumerate(zip(others, records, strict=True)):
        earlier = [survivor.pk, *(one.pk for one in others[:place])]
        after = context_merge.merged(before, with_pins_on_twins(theirs, earlier), decided)
        merge = Merge(
            survivor_id=survivor.pk,
            absorbed_id=other.pk,
            group_id=group_id,
            # Their order is what undoing one of them goes by.
            merged_at=now + timedelta(microseconds=place),
            merged_by=actor.name[:255],
            choices=decided,
            survivor_before=codec.to_payload(before),
            survivor_after=codec.to_payload(after),
            absorbed_before=codec.to_payload(theirs),
        )
        merges.append(merge)
        before = after
    return MergeGroup(group_id or merges[0].pk, survivor.pk, merges)


__all__ = [
    "MAX_MERGED",
    "MergeGroup",
    "get_merge",
    "merge_sessions",
    "merges_of",
    "records_of",
    "refuse_unfit",
    "save_rewritten",
    "write_record",
]
