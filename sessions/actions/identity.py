"""Who a user ID means: itself, or the user that it was merged into.

`resolve_user` is the one place that faces and verbs ask when they are given a user ID; a token that is bound to a
user ID asks here too.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress

from sessions.database import LedElsewhere, hold_shared, locks_rows, releasing_locks
from sessions.models import Profile
from sessions.records import ANONYMOUS


def resolve_user(user_id: str) -> str:
    """The ID that a user goes by today: the end of the chain of merges, mostly the ID itself."""
    return _chain(user_id)[-1]


def _chain(user_id: str) -> list[str]:
    """A user ID, what it leads to, and so on."""
    seen = [user_id]
    while True:
        target = Profile.objects.filter(pk=seen[-1]).values_list("merged_into", flat=True).first()
        # Files may say anything; a chain that leads back to itself ends where it was entered last.
        if target is None or target in seen:
            return seen
        seen.append(target)


def claim_user(user_id: str) -> tuple[str, Profile | None]:
    """Whose a new session of this user ID is, and that user's profile; one query for a user that was never merged.

    No merge of users that is under way overlooks what the caller's transaction adds. A transaction that claims more
    than one user, or has locked a session, holds them ahead (see `hold_users`).
    """
    target = user_id
    while True:
        with suppress(LedElsewhere), releasing_locks():
            if target != ANONYMOUS:
                hold_shared(target)
            profile = Profile.objects.filter(pk=target).first()
            if profile is None or profile.merged_into is None or resolve_user(user_id) == target:
                return target, profile
            raise LedElsewhere
        target = resolve_user(user_id)


def hold_users(user_ids: Iterable[str]) -> None:
    """Hold some users against merges until the transaction ends, in the order in which those hold two of them.

    A merge of users locks their sessions after it; so this comes ahead of a transaction's first lock of a session.
    """
    if not locks_rows():
        return
    named = {*user_ids}
    while named:
        with suppress(LedElsewhere), releasing_locks():
            names = _all_names(named)
            for name in sorted(names - {ANONYMOUS}):
                hold_shared(name)
            if _all_names(named) == names:
                return
            raise LedElsewhere


def _all_names(user_ids: Collection[str]) -> set[str]:
    """These and all that they lead to."""
    names, new = set[str](), {*user_ids}
    while new:
        names |= new
        led = Profile.objects.filter(pk__in=new).exclude(merged_into=None).values_list("merged_into", flat=True)
        new = {name for name in led if name is not None} - names
    return names
