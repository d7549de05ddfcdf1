"""Who a user ID means: itself, or the user that it was merged into.

`resolve_user` is the one place that faces and verbs ask when they are given a user ID; a token that is bound to a
user ID asks here too.
"""

from sessions import database
from sessions.models import Profile
from sessions.records import ANONYMOUS


def resolve_user(user_id: str) -> str:
    """The ID that a user goes by today: the end of the chain of merges, mostly the ID itself."""
    seen = [user_id]
    while True:
        target = Profile.objects.filter(pk=seen[-1]).values_list("merged_into", flat=True).first()
        # Files may say anything; a chain that leads back to itself ends where it was entered last.
        if target is None or target in seen:
            return seen[-1]
        seen.append(target)


def claim_user(user_id: str) -> tuple[str, Profile | None]:
    """Whose a new session of this user ID is, and that user's profile; one query for a user that was never merged.

    No merge of users that is under way overlooks what the caller's transaction adds.
    """
    seen = [user_id]
    while True:
        if seen[-1] != ANONYMOUS:
            database.hold_shared(seen[-1])
        profile = Profile.objects.filter(pk=seen[-1]).first()
        if profile is None or profile.merged_into is None or profile.merged_into in seen:
            return seen[-1], profile
        seen.append(profile.merged_into)
