"""Taking merges back at any later time, in any order, one session at a time or all that were merged at once."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from sessions.database import LedElsewhere, releasing_locks
from sessions.errors import UnmergeRefused
from sessions.figures import recount
from sessions.mirror import codec
from sessions.models import Merge, Session
from sessions.records import Actor, SessionRecord

from . import audit, context_merge, weaving
from .begin import change_header
from .find import lock_rows
from .identity import hold_users, resolve_user
from .merging import MergeGroup, get_merge, records_of, save_rewritten, write_record
from .pinning import parted_pins, with_more_pins, with_pins_on_twins

log = logging.getLogger(__name__)


def unmerge(merge_id: UUID | str, *, actor: Actor) -> MergeGroup:
    """Take a merge back: the sessions are as they were, and what was said since stays with the survivor.

    The ID is that of one session's merge, or of several that were merged at once; of those, what still stands is
    undone. Raises NotFound for an unknown merge, UnmergeRefused for one that is undone or that a later merge builds
    upon.
    """
    with transaction.atomic(durable=True):
        undone, later, rows = _lock_merges(merge_id)
        survivor = rows[undone.survivor_id]
        _refuse_unmerge(undone, survivor)
        homes = {merge.pk: rows[merge.absorbed_id] for merge in undone.merges}
        moved = weaving.move_back(survivor, homes)
        # They lead nowhere any more, so that nothing which moves below counts them as at home here.
        Session.objects.filter(pk__in=[home.pk for home in homes.values()]).update(merged_into=None)
        # What two absorbed sessions had in common is now the other one's alone to give.
        given = weaving.move_in(survivor, [(rows[one.absorbed_id], one.pk) for one in later]) if later else {}
        record, leaving = parted_pins(_without(undone.merges, later, *records_of([survivor])))
        write_record(survivor, replace(record, user_id=resolve_user(record.user_id)))
        _set_free(undone.merges, homes, survivor, leaving)
        # The absorbed sessions' files first: until the survivor's is rewritten, both hold what was moved.
        for row in (*homes.values(), *(rows[pk] for pk, count in given.items() if count)):
            recount(row)
            change_header(row)
        for merge in undone.merges:
            merge.undone_at, merge.undone_by = timezone.now(), actor.name[:255]
        save_rewritten(survivor, undone.merges)
        details = {"absorbed": undone.absorbed_ids, "interactions": sum(moved.values())}
        audit.record(actor, "sessions_unmerged", survivor.pk, merge=str(undone.pk), **details)
    log.info("sessions_unmerged", extra={"session_id": survivor.pk, **details})
    return undone


def _lock_merges(merge_id: UUID | str) -> tuple[MergeGroup, list[Merge], dict[str, Session]]:
    """What an ID undoes, the later merges that still stand, and every session that undoing it touches, all locked."""
    while True:
        with suppress(LedElsewhere), releasing_locks():
            asked = _named(merge_id)
            names = _touched(asked)
            # A session may go back to a user of whom no other is held, and who is being merged into another one.
            hold_users({_before(merge).user_id for merge in [*asked.merges, *_later(asked)] if merge.survivor_before})
            rows = lock_rows(names)
            asked = _named(merge_id)
            if _touched(asked) == names:
                return asked, list(_later(asked)), rows
            raise LedElsewhere


def _named(merge_id: UUID | str) -> MergeGroup:
    """The part that an ID names; of several merged at once, those that are not undone, if there are any."""
    group = get_merge(merge_id)
    one = [merge for merge in group.merges if str(merge.pk) == str(merge_id)]
    if one:
        return MergeGroup(one[0].pk, group.survivor_id, one)
    return MergeGroup(group.pk, group.survivor_id, group.standing or group.merges)


def _touched(asked: MergeGroup) -> set[str]:
    return {asked.survivor_id, *asked.absorbed_ids, *_later(asked).values_list("absorbed_id", flat=True)}


def _later(asked: MergeGroup) -> QuerySet[Merge]:
    """The survivor's merges that stand and came after the first of these."""
    standing = Merge.objects.filter(survivor_id=asked.survivor_id, undone_at=None)
    others = standing.exclude(pk__in=[merge.pk for merge in asked.merges])
    return others.filter(merged_at__gte=min(merge.merged_at for merge in asked.merges)).order_by("merged_at", "id")


def _refuse_unmerge(asked: MergeGroup, survivor: Session) -> None:
    if not asked.standing:
        raise UnmergeRefused("This merge is already undone.", session_id=survivor.pk)
    if survivor.merged_into_id is not None:
        raise UnmergeRefused(
            f"Session {survivor.pk!r} was itself merged into {survivor.merged_into_id!r} later.",
            hint="Undo that merge first.",
            session_id=survivor.pk,
        )
    if survivor.trashed_at is not None:
        raise UnmergeRefused(
            f"Session {survivor.pk!r} lies in the trash.", hint="Restore it first.", session_id=survivor.pk
        )


def _set_free(
    merges: Sequence[Merge], homes: dict[UUID, Session], survivor: Session, pins: Mapping[str, Sequence[UUID]]
) -> None:
    """Give the absorbed rows their content back; the caller saves them."""
    # A cleanup plan made before counts none of them as idle.
    survivor.settled_at = timezone.now()
    for merge in merges:
        absorbed = homes[merge.pk]
        # Whose it is may have been decided anew since: two users made one.
        user_id = absorbed.user_id
        before = codec.from_payload(SessionRecord, merge.absorbed_before)
        write_record(absorbed, with_more_pins(before, pins.get(absorbed.pk, ())))
        absorbed.user_id = user_id
        absorbed.merged_into = None
        absorbed.settled_at = survivor.settled_at


def _without(merges: Sequence[Merge], later: Sequence[Merge], now: SessionRecord) -> SessionRecord:
    """The survivor's record as it would be without some merges; the later ones' records are told likewise and saved."""
    for merge in reversed(merges):
        base, was = _before(merge), _after(merge)
        for other in later:
            if other.merged_at < merge.merged_at:
                continue
            before = context_merge.unmerged(_before(other), base, was)
            absorbed = codec.from_payload(SessionRecord, other.absorbed_before)
            after = context_merge.merged(before, with_pins_on_twins(absorbed, [other.survivor_id]), other.choices)
            base, was = after, _after(other)
            other.survivor_before, other.survivor_after = codec.to_payload(before), codec.to_payload(after)
        now = context_merge.unmerged(now, base, was)
    for other in later:
        other.save()
    return now


def _before(merge: Merge) -> SessionRecord:
    return codec.from_payload(SessionRecord, merge.survivor_before)


def _after(merge: Merge) -> SessionRecord:
    return codec.from_payload(SessionRecord, merge.survivor_after)


__all__ = ["unmerge"]
