"""The preferences of a user, which new sessions begin with."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from sessions import validation
from sessions.database import LedElsewhere, releasing_locks
from sessions.errors import Conflict, InvalidInput, PreferencesChanged
from sessions.models import Profile
from sessions.records import JSON, Actor

from . import audit
from .identity import resolve_user

log = logging.getLogger(__name__)

type Preferences = Mapping[str, JSON]


def update_profile(
    user_id: str, *, actor: Actor, replace: Preferences | None = None, remove: Iterable[str] = ()
) -> Profile:
    """Set some preferences of a user and remove others; sessions started from now on begin with the result.

    The ID of a user who was merged into another changes that other's.
    """
    values = validation.json_object("preferences", replace or {})
    removed = set(validation.strings("remove", list(remove)))

    def change(present: Preferences) -> Preferences:
        return {**{name: value for name, value in present.items() if name not in removed}, **values}

    return _change(user_id, change, actor=actor)


def edit_preferences(user_id: str, *, before: Preferences, after: Preferences, actor: Actor) -> Profile:
    """Do to a user's preferences what somebody did who had `before` in front of them and made `after` of it.

    What others changed meanwhile stays. Raises PreferencesChanged where both changed the same, each otherwise.
    """
    before = validation.json_object("preferences", before)
    after = validation.json_object("preferences", after)
    touched = changed_names(before, after)

    def change(present: Preferences) -> Preferences:
        theirs = set(changed_names(before, present)) & set(changed_names(after, present))
        disputed = [name for name in touched if name in theirs]
        if disputed:
            raise PreferencesChanged(disputed, present)
        return with_changes(present, before, after)

    return _change(user_id, change, actor=actor)


def with_changes(present: Preferences, before: Preferences, after: Preferences) -> dict[str, JSON]:
    """What is there now, with what somebody changed who made `after` of `before`; in the order of theirs."""
    touched = set(changed_names(before, after))
    theirs = {name: after[name] if name in touched else present[name] for name in after if name in {*touched, *present}}
    return {**theirs, **{name: value for name, value in present.items() if name not in {*touched, *after}}}


def undo_preferences(user_id: str, *, revision: int, actor: Actor) -> Profile:
    """Take the last change of a user's preferences back. Raises Conflict when it is not that of `revision` any more."""
    with transaction.atomic(durable=True):
        profile = _lock_own(user_id)
        if profile.revision != revision or profile.previous is None:
            raise Conflict(
                "The preferences were changed since, or this was undone already.",
                hint="Nothing was changed; edit them instead.",
            )
        names = write_preferences(profile, profile.previous)
        profile.save()
        audit.record(actor, "profile_restored", user_id=profile.pk, names=names)
    log.info("profile_restored", extra={"user_id": profile.pk, "face": actor.face})
    return profile


def _lock_own(user_id: str) -> Profile:
    """The locked profile of whom a user ID means, even where that changes while this waits for the lock."""
    while True:
        with suppress(LedElsewhere), releasing_locks():
            profile = lock_profile(resolve_user(user_id))
            if resolve_user(user_id) == profile.pk:
                return profile
            raise LedElsewhere


def lock_profile(user_id: str) -> Profile:
    """A user's profile, locked; made when there is none yet."""
    Profile.objects.get_or_create(pk=user_id)
    return Profile.objects.select_for_update().get(pk=user_id)


def write_preferences(profile: Profile, preferences: Preferences) -> list[str]:
    """Give a locked profile other preferences; the caller saves it. Returns the names that changed."""
    before, after = profile.preferences, dict(preferences)
    if validation.escaped_bytes(after) > validation.MAX_HEADER_BYTES:
        raise InvalidInput("preferences", f"take more than {validation.MAX_HEADER_BYTES:,} bytes together.")
    profile.previous, profile.preferences = before, after
    profile.updated_at = timezone.now()
    profile.raise_revision()
    return changed_names(before, after)


def changed_names(before: Preferences, after: Preferences) -> list[str]:
    """The preferences that two versions do not spell alike, in the order of their names; 1 and true are not alike."""
    return sorted(name for name in {**before, **after} if _spelled(before, name) != _spelled(after, name))


def _spelled(preferences: Preferences, name: str) -> str | None:
    return json.dumps(preferences[name]) if name in preferences else None


def _change(user_id: str, change: Callable[[Preferences], Preferences], *, actor: Actor) -> Profile:
    validation.identifier("user_id", user_id)
    with transaction.atomic(durable=True):
        profile = _lock_own(user_id)
        names = write_preferences(profile, change(profile.preferences))
        profile.save()
        audit.record(actor, "profile_updated", user_id=profile.pk, names=names)
    log.info("profile_updated", extra={"user_id": profile.pk, "face": actor.face})
    return profile
