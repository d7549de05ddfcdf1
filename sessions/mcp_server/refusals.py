"""How the domain's errors are told to an agent: a stable code, what happened, what to do next, and what is safe."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import Error as DatabaseFailure
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from sessions import errors
from sessions.errors import SessionsiteError

log = logging.getLogger(__name__)

_AGAIN = (
    "Retry in a few seconds with the very same arguments and the same idempotency keys: "
    "what was stored already is recognised by its key and not added twice."
)


class StoreUnavailable(SessionsiteError):
    """The database does not answer; whether a change was made is unknown."""

    code = "store_unavailable"

    def __init__(self) -> None:
        super().__init__("The database does not answer; nothing was acknowledged.")


class Unexpected(SessionsiteError):
    """A mistake of the server's own; its log tells more."""

    code = "server_error"

    def __init__(self) -> None:
        super().__init__("Something went wrong on the server; nothing was acknowledged.", hint="Its log tells what.")


def domain_error(error: Exception, **where: str) -> SessionsiteError:
    """The error itself, or what stands for one that an agent should not see; the log keeps that one."""
    if isinstance(error, SessionsiteError):
        return error
    if isinstance(error, DatabaseFailure):
        log.error("store_unavailable", exc_info=error, extra=where)
        return StoreUnavailable()
    log.error("request_failed", exc_info=error, extra=where)
    return Unexpected()


def leaves_open(error: SessionsiteError) -> bool:
    """Whether a change may have been made all the same, so that it should be asked for again."""
    return isinstance(error, errors.MirrorUnavailable | StoreUnavailable | Unexpected)


def as_text(error: SessionsiteError, *, safe: str = "") -> str:
    """`code: message`, then a hint and what is safe, each on a line."""
    again = _AGAIN if isinstance(error, errors.MirrorUnavailable | StoreUnavailable) else ""
    hint = f"{error.hint} {again}".strip()
    lines = [f"{error.code}: {error.message}", f"Hint: {hint}" if hint else "", "" if leaves_open(error) else safe]
    return "\n".join(filter(None, lines))


def translating[T](job: Callable[[], T], **where: Any) -> Callable[[], T]:
    """A job whose errors are the protocol's: what the caller asked wrongly for, or what the server could not do."""

    def translated() -> T:
        try:
            return job()
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told in the protocol's words)
            told = domain_error(error)
            code = INTERNAL_ERROR if leaves_open(told) else INVALID_PARAMS
            raise MCPError(code, as_text(told), data={"code": told.code, **where}) from None

    return translated
