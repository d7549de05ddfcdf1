"""What may go wrong. Whatever this package raises of itself is a `ClientError`; no message holds conversation text."""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The root of the tree."""


class NotConfigured(ClientError):
    """No address or no token: neither given nor in SESSIONSITE_URL and SESSIONSITE_TOKEN."""


class Unreachable(ClientError):
    """The server gave no answer, however often it was asked. Whether it did what was asked is unknown."""


class NotUnderstood(ClientError):
    """The server said yes, but not in the form that this package knows. Is it a Sessionsite, and new enough?"""


class NotSpooled(ClientError):
    """An interaction could not be kept for sending; whoever wanted it logged still has it."""


class Refused(ClientError):
    """The server answered, and said no.

    `status` is the HTTP status, `code` the stable name of the reason, `detail` what happened, `hint` what to do next;
    `retry_after_seconds` when to ask again, where the server said so. `problem` is the whole answer.
    """

    def __init__(
        self,
        status: int,
        *,
        code: str = "",
        detail: str = "",
        hint: str = "",
        retry_after_seconds: float | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, code, detail, hint)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.retry_after_seconds = retry_after_seconds
        self.problem: Mapping[str, Any] = problem or {}

    def __str__(self) -> str:
        told = " ".join(part for part in (self.detail, self.hint) if part)
        return f"{self.status} {self.code}: {told}" if told else f"{self.status} {self.code}".strip()


class InvalidInput(Refused):
    """400, 415, 422: what was sent cannot be stored, or makes no sense. Nothing was changed."""


class TokenRefused(Refused):
    """401: no valid token."""


class ScopeMissing(Refused):
    """403: the token may not do this."""


class NotFound(Refused):
    """404: there is no such thing, or it is somebody else's."""


class Purged(NotFound):
    """410: the session was deleted for good; its ID is not given out again."""


class Conflict(Refused):
    """409: it does not fit what is stored; `code` tells which way."""


class Changed(Conflict):
    """412: somebody else was quicker; read again, then decide."""


class TooLarge(Refused):
    """413: more than the server takes at once."""


class TooManyRequests(Refused):
    """429: the token was used too often; `retry_after_seconds` tells when it may be used again."""


class ServerFailed(Refused):
    """Any 5xx: a mistake on the server's side, or on the way to it."""


class Unavailable(ServerFailed):
    """502, 503, 504: it cannot be done now; sent again later, with the same idempotency keys, it can."""


BY_STATUS: Mapping[int, type[Refused]] = {
    400: InvalidInput,
    401: TokenRefused,
    403: ScopeMissing,
    404: NotFound,
    409: Conflict,
    410: Purged,
    412: Changed,
    413: TooLarge,
    415: InvalidInput,
    422: InvalidInput,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def kind_of(status: int) -> type[Refused]:
    """The error that a status is told with."""
    return BY_STATUS.get(status, ServerFailed if status >= 500 else Refused)
