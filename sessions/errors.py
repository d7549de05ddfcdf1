"""The tree of domain errors; each face translates them once.

`code` is the stable name for programs, `hint` says what to do next. Messages never hold conversation text.
"""

import math
from collections.abc import Mapping
from typing import Any


class SessionsiteError(Exception):
    """The root of everything that an action may refuse with."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(SessionsiteError):
    """A value that neither database nor mirror may hold, or that makes no sense; nothing was changed."""

    code = "invalid_input"

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint=hint)
        self.field = field


class NotFound(SessionsiteError):
    """What was named does not exist."""

    code = "not_found"


class SessionNotFound(NotFound):
    code = "session_not_found"

    def __init__(self, session_id: str, *, hint: str = "") -> None:
        super().__init__(
            f"There is no session {session_id!r}.",
            hint=hint or "Check the ID, or start a new session; none was made.",
        )
        self.session_id = session_id


class SessionPurged(SessionNotFound):
    """The session was deleted for good; its tombstone remains."""

    code = "session_purged"


class Conflict(SessionsiteError):
    """The request does not fit what the store holds; nothing was changed."""

    code = "conflict"


class SessionExists(Conflict):
    code = "session_exists"


class SessionTrashed(Conflict):
    """The session lies in the trash; resume or restore it first."""

    code = "session_trashed"


class IdempotencyConflict(Conflict):
    """The key was used before, in this session, for another interaction."""

    code = "idempotency_conflict"


class MergeRefused(Conflict):
    """These sessions cannot be merged; `session_id` is the one that stands in the way."""

    code = "merge_refused"

    def __init__(self, message: str, *, hint: str = "", session_id: str = "") -> None:
        super().__init__(message, hint=hint)
        self.session_id = session_id


class UnmergeRefused(MergeRefused):
    """This merge cannot be undone as things are."""


class ContextChanged(Conflict):
    """Somebody else changed the same fields meanwhile; `fields` names them."""

    code = "context_changed"

    def __init__(self, fields: list[str]) -> None:
        names = ", ".join(fields)
        super().__init__(f"Changed meanwhile: {names}.", hint="Look at both versions, then decide.")
        self.fields = fields


class AlreadyHeld(Conflict):
    """Somebody else holds the session already."""

    code = "already_held"


class NoteChanged(Conflict):
    """Somebody else edited the same note meanwhile."""

    code = "note_changed"


class PreferencesChanged(Conflict):
    """Somebody else changed the same preferences meanwhile; `present` is what stands now, `names` what is disputed."""

    code = "preferences_changed"

    def __init__(self, names: list[str], present: Mapping[str, Any]) -> None:
        super().__init__(f"Changed meanwhile: {', '.join(names)}.", hint="Look at both versions, then decide.")
        self.names = names
        self.present = present


class UserNotFound(NotFound):
    code = "user_not_found"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no user {user_id!r}.", hint="A user comes with the first session or preference.")
        self.user_id = user_id


class UserMergeRefused(Conflict):
    """These users cannot be merged, or a merge of users not be undone."""

    code = "user_merge_refused"


class UserUnmergeRefused(UserMergeRefused):
    """This merge of two users cannot be undone as things are."""


class PlanChanged(Conflict):
    """The plan that was shown is not the plan that would be applied."""

    code = "plan_changed"


class BrakePulled(Conflict):
    """A cleanup would take an unusually large part of the store and waits for a clear yes."""

    code = "brake_pulled"


class AccountNotFound(NotFound):
    code = "account_not_found"


class AccountRefused(Conflict):
    """An account may not be changed like that: somebody must stay who can run the site."""

    code = "account_refused"


class SignInSlowed(SessionsiteError):
    """Too many sign-ins failed lately; the next is looked at after so many seconds."""

    code = "sign_in_slowed"

    def __init__(self, wait_seconds: int) -> None:
        # Rounded up: who comes back when told to must not be sent away again.
        minutes = -(-wait_seconds // 60)
        wait = f"{minutes} minutes" if wait_seconds > 90 else f"{wait_seconds} second{'s' * (wait_seconds != 1)}"
        super().__init__("Too many sign-ins failed.", hint=f"Try again in {wait}.")
        self.wait_seconds = wait_seconds


class TokenRefused(SessionsiteError):
    """No token, or one that is unknown, revoked or past its time; which of these is not told."""

    code = "token_refused"

    def __init__(self, message: str = "A valid token is needed.", *, hint: str = "") -> None:
        super().__init__(message, hint=hint or "Send one in the header `Authorization: Bearer TOKEN`.")


class ScopeMissing(SessionsiteError):
    """The caller is known but may not do this; nothing was changed."""

    code = "scope_missing"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint or "An administrator can make a token that may.")


class OtherUser(ScopeMissing):
    """A caller that is bound to one user named another; nothing was changed, and what names nobody else is let in."""

    code = "other_user"


class TooManyRequests(SessionsiteError):
    """The token was used more often than it may be; the next request is heard after `wait_seconds`."""

    code = "too_many_requests"

    def __init__(self, limit: int, *, wait_seconds: float, reset_seconds: float) -> None:
        # Rounded up: who comes back when told to must not be sent away again.
        self.wait_seconds = max(1, math.ceil(wait_seconds))
        self.limit, self.reset_seconds = limit, math.ceil(reset_seconds)
        super().__init__(
            f"This token may make {limit:,} requests a minute.", hint=f"Try again in {self.wait_seconds} s."
        )


class TokenNotFound(NotFound):
    code = "token_not_found"


class UploadTooLarge(SessionsiteError):
    """More than may be sent at once to be imported; nothing of it was kept."""

    code = "upload_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"More than {limit_bytes // (1024 * 1024):,} MB at once.",
            hint="Send it in parts, or use `manage.py import_sessions` on the server.",
        )


class MirrorUnavailable(SessionsiteError):
    """The database has the change but the copy on disk could not be written, so nothing is acknowledged.

    A retry with the same idempotency key catches the mirror up and then succeeds, adding nothing twice.
    """

    code = "mirror_unavailable"
    retry_after_seconds = 5


class MirrorConflict(MirrorUnavailable):
    """The journal holds what the database does not; neither is picked until somebody decides."""

    code = "mirror_conflict"


class DamagedLine(SessionsiteError):
    """A journal line whose bytes do not verify."""

    code = "damaged_line"
