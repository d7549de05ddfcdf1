"""Merging two users' identities into one, and taking that back at any later time.

The absorbed user's sessions go over to the kept one, and the absorbed ID becomes an alias: what still comes under it
belongs to the kept user (`identity`). Both profiles stay; the absorbed one leads to the kept one and its journal holds
the record of the merge. All of it is one transaction; the sessions' journals are told after it, first here and then
by the worker.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, QuerySet, Sum, When
from django.utils import timezone

from sessions import database, validation
from sessions.errors import MirrorUnavailable, NotFound, UserMergeRefused, UserNotFound, UserUnmergeRefused
from sessions.mirror import drain
from sessions.models import Profile, Session, UserMerge
from sessions.querysets import SessionQuerySet
from sessions.records import ANONYMOUS, JSON, Actor

from . import audit
from .identity import resolve_user
from .profiles import Preferences, changed_names, lock_profile, write_preferences

log = logging.getLogger(__name__)

_BATCH = 500
# A merge of many sessions answers after this long; the worker goes on with what the journals still lack.
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PreferenceMerge:
    """One preference of two users; a conflict is where both have it and not the same. None where one lacks it."""

    name: str
    kept_value: JSON
    absorbed_value: JSON
    conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMergePreview:
    """What a merge of users would do: how many sessions and interactions go over, and each preference of either."""

    kept: str
    absorbed: str
    sessions: int
    interactions: int
    kept_sessions: int
    preferences: Sequence[PreferenceMerge]

    @property
    def conflicts(self) -> list[PreferenceMerge]:
        return [one for one in self.preferences if one.conflict]

    @property
    def others(self) -> list[PreferenceMerge]:
        return [one for one in self.preferences if not one.conflict]


def preview_user_merge(kept: str, absorbed: str) -> UserMergePreview:
    """What merging would do. Changes nothing. Raises UserNotFound and UserMergeRefused as merging would."""
    kept = _fit_pair(kept, absorbed)
    profiles = {row.pk: row.preferences for row in Profile.objects.filter(pk__in=[kept, absorbed])}
    moving = Session.objects.filter(user_id=absorbed).order_by()
    return UserMergePreview(
        kept=kept,
        absorbed=absorbed,
        sessions=moving.count(),
        interactions=moving.aggregate(total=Sum(F("interaction_count") + F("stated_interactions")))["total"] or 0,
        kept_sessions=Session.objects.filter(user_id=kept).order_by().count(),
        preferences=_compared(profiles.get(kept, {}), profiles.get(absorbed, {})),
    )


def merge_users(kept: str, *, absorbed: str, take: Iterable[str] = (), actor: Actor) -> UserMerge:
    """Merge the user `absorbed` into the user `kept`.

    Where both have a preference and not the same, the kept user's stands, but for those that `take` names. Raises
    UserNotFound and UserMergeRefused, and MirrorUnavailable when the database has the change and some files do not
    yet.
    """
    with transaction.atomic(durable=True):
        kept = _hold_pair(kept, absorbed)
        kept_profile, absorbed_profile = _lock_profiles(kept, absorbed)
        moving = Session.objects.filter(user_id=absorbed)
        merge = UserMerge(
            kept_id=kept,
            absorbed_id=absorbed,
            merged_by=actor.name[:255],
            kept_before=kept_profile.preferences,
            kept_after=_joined(kept_profile.preferences, absorbed_profile.preferences, set(take)),
            session_ids=_locked_ids(moving),
        )
        merge.session_count = len(merge.session_ids)
        _give(moving, kept)
        if changed_names(merge.kept_before, merge.kept_after):
            write_preferences(kept_profile, merge.kept_after)
            kept_profile.save()
        absorbed_profile.merged_into = kept
        _save_both(absorbed_profile, merge)
        audit.record(actor, "users_merged", kept=kept, absorbed=absorbed, sessions=merge.session_count)
    log.info("users_merged", extra={"sessions": merge.session_count, "face": actor.face})
    _settle(merge.session_ids)
    return merge


def unmerge_users(merge_id: UUID | str, *, actor: Actor) -> UserMerge:
    """Take a merge of users back: what went over goes back, what came since stays with the kept user.

    Raises NotFound for an unknown merge, UserUnmergeRefused for one that is undone already or whose kept user was
    merged away since, and MirrorUnavailable as `merge_users` does.
    """
    with transaction.atomic(durable=True):
        merge = _find_merge(merge_id)
        _hold_names(merge.kept_id, merge.absorbed_id)
        kept_profile, absorbed_profile = _lock_profiles(merge.kept_id, merge.absorbed_id)
        merge.refresh_from_db()
        _refuse_undoing(merge, kept_profile)
        moved = _move_back(merge)
        _take_preferences_back(merge, kept_profile)
        absorbed_profile.merged_into = None
        merge.undone_at = timezone.now()
        merge.undone_by = actor.name[:255]
        _save_both(absorbed_profile, merge)
        audit.record(actor, "users_unmerged", kept=merge.kept_id, absorbed=merge.absorbed_id, sessions=len(moved))
    log.info("users_unmerged", extra={"sessions": len(moved), "face": actor.face})
    _settle(moved)
    return merge


def user_merges(user_id: str) -> QuerySet[UserMerge]:
    """The merges that a user took part in as the kept one, latest first, without their lists of sessions."""
    return UserMerge.objects.filter(kept_id=user_id).defer("session_ids", "kept_before", "kept_after")


def finish_moves() -> int:
    """Move sessions that stand under an absorbed user's ID, as files that a crash left behind may say; return how many.

    For when both copies are made whole: the merge was decided, only its last files were not written.
    """
    moved: list[str] = []
    for user_id in Profile.objects.filter(merged_into__isnull=False).values_list("pk", flat=True):
        target = resolve_user(user_id)
        if target == user_id:
            continue
        with transaction.atomic(durable=True):
            rows = Session.objects.filter(user_id=user_id)
            moved += _locked_ids(rows)
            _give(rows, target)
    with suppress(MirrorUnavailable):
        _settle(moved)
    return len(moved)


def _fit_pair(kept: str, absorbed: str) -> str:
    """The kept user's present ID. Raises UserNotFound and UserMergeRefused for two that cannot be merged."""
    validation.identifier("user_id", absorbed)
    present = resolve_user(validation.identifier("user_id", kept))
    if ANONYMOUS in (present, absorbed):
        raise UserMergeRefused(
            f"“{ANONYMOUS}” is no user, but everybody who did not say who they are.",
            hint="It cannot be merged: sessions of many people would become one person's, or the other way round.",
        )
    leads_to = resolve_user(absorbed)
    if leads_to == present:
        if kept == absorbed:
            raise UserMergeRefused("A user cannot be merged into themselves.")
        alias = absorbed if present != absorbed else kept
        raise UserMergeRefused(f"{alias!r} is already merged into {present!r}: both are one user.")
    if leads_to != absorbed:
        raise UserMergeRefused(
            f"{absorbed!r} is already merged into {leads_to!r}.",
            hint=f"Merge {leads_to!r} instead, or undo that merge first.",
        )
    for user_id in (present, absorbed):
        known = Session.objects.filter(user_id=user_id).exists() or Profile.objects.filter(pk=user_id).exists()
        if not known:
            raise UserNotFound(user_id)
    return present


def _hold_pair(kept: str, absorbed: str) -> str:
    """The kept user's present ID, both held against other merges and against new sessions."""
    present = _fit_pair(kept, absorbed)
    _hold_names(present, absorbed)
    # Merged meanwhile, while this waited.
    if _fit_pair(present, absorbed) != present:
        raise UserMergeRefused(f"{present!r} was merged into another user meanwhile.", hint="Look at it once more.")
    return present


def _hold_names(*user_ids: str) -> None:
    for user_id in sorted(user_ids):
        database.hold_alone(user_id)


def _lock_profiles(kept: str, absorbed: str) -> tuple[Profile, Profile]:
    locked = {user_id: lock_profile(user_id) for user_id in sorted((kept, absorbed))}
    return locked[kept], locked[absorbed]


def _locked_ids(rows: SessionQuerySet) -> list[str]:
    """The IDs of some sessions, locked in the one order that all transactions keep."""
    return list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))


def _give(rows: SessionQuerySet, user_id: str) -> None:
    """Let locked sessions belong to a user: a change of their headers, which the drain finds; no activity."""
    rows.order_by().update(
        user_id=user_id,
        debt_since=Case(When(revision=F("mirrored_revision"), then=timezone.now()), default=F("debt_since")),
        header_revision=F("revision") + 1,
        revision=F("revision") + 1,
    )


def _move_back(merge: UserMerge) -> list[str]:
    """Give the sessions that went over, and are still there, back; return their IDs."""
    moved: list[str] = []
    for batch in batched(sorted(merge.session_ids), _BATCH, strict=False):
        rows = Session.objects.filter(pk__in=batch, user_id=merge.kept_id)
        moved += _locked_ids(rows)
        _give(rows, merge.absorbed_id)
    return moved


def _take_preferences_back(merge: UserMerge, profile: Profile) -> None:
    """Undo what the merge did to the kept user's preferences; what was changed since stays, or others gave too."""
    others = user_merges(merge.kept_id).filter(undone_at=None).exclude(pk=merge.pk).values("absorbed_id")
    given = [row.preferences for row in Profile.objects.filter(pk__in=others)]
    now = profile.preferences
    back = [
        name
        for name in changed_names(merge.kept_before, merge.kept_after)
        if not changed_names(_only(name, now), _only(name, merge.kept_after))
        and not any(_only(name, one) == _only(name, now) for one in given if name in one)
    ]
    after = {name: value for name, value in now.items() if name not in back}
    after |= {name: merge.kept_before[name] for name in back if name in merge.kept_before}
    if back:
        write_preferences(profile, after)
        profile.save()


def _only(name: str, preferences: Preferences) -> Preferences:
    return {name: preferences[name]} if name in preferences else {}


def _refuse_undoing(merge: UserMerge, kept_profile: Profile) -> None:
    if merge.undone_at is not None:
        raise UserUnmergeRefused("This merge is already undone.")
    if kept_profile.merged_into is not None:
        raise UserUnmergeRefused(
            f"{merge.kept_id!r} was itself merged into {kept_profile.merged_into!r} later.",
            hint="Undo that merge first.",
        )


def _find_merge(merge_id: UUID | str) -> UserMerge:
    try:
        return UserMerge.objects.get(pk=merge_id if isinstance(merge_id, UUID) else UUID(merge_id))
    except (ValueError, AttributeError, UserMerge.DoesNotExist):
        raise NotFound(f"There is no merge of users {str(merge_id)[:64]!r}.") from None


def _save_both(absorbed_profile: Profile, merge: UserMerge) -> None:
    """Save the absorbed user's profile as its next revision, and the merge, which stands in the same journal."""
    absorbed_profile.updated_at = timezone.now()
    merge.revision = absorbed_profile.raise_revision()
    merge.save()
    absorbed_profile.save()


def _compared(kept: Preferences, absorbed: Preferences) -> list[PreferenceMerge]:
    differing = set(changed_names(kept, absorbed))
    return [
        PreferenceMerge(
            name, kept.get(name), absorbed.get(name), name in kept and name in absorbed and name in differing
        )
        for name in sorted({**kept, **absorbed})
    ]


def _joined(kept: Preferences, absorbed: Preferences, take: set[str]) -> dict[str, JSON]:
    taken = {name: value for name, value in absorbed.items() if name not in kept or name in take}
    return {**kept, **taken}


def _settle(session_ids: Sequence[str]) -> None:
    """Write the journals' new headers for a while; what fails or is left over is the worker's."""
    until = time.monotonic() + SETTLE_SECONDS
    failure: MirrorUnavailable | None = None
    for session_id in session_ids:
        if time.monotonic() > until:
            break
        try:
            drain.drain_session(session_id)
        except MirrorUnavailable as error:
            failure = error
    if failure is not None:
        raise failure


__all__ = [
    "PreferenceMerge",
    "UserMergePreview",
    "finish_moves",
    "merge_users",
    "preview_user_merge",
    "unmerge_users",
    "user_merges",
]
