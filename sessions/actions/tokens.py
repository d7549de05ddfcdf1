"""What programs come in with: made, listed, revoked, and recognised.

A token's secret is shown once, when it is made; only its SHA-256 is kept. It holds 256 random bits, so a slow hash
would protect nothing that it does not. Each request asks the database anew: what was revoked is refused at once.
"""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.db.models import Case, Q, When
from django.utils import timezone

from sessions import conf, statements, throttle, validation
from sessions.errors import AccountRefused, Conflict, InvalidInput, TokenNotFound, TokenRefused, TooManyRequests
from sessions.models import MAX_TOKEN_NAME, Token
from sessions.records import Actor, Caller, Face, Scope
from sessions.throttle import Allowance

from . import audit
from .identity import resolve_user

log = logging.getLogger(__name__)

MARK = "sst_"
"""How every token begins, so that one that was published by mistake is recognised by whoever looks for such."""
MOST_TOKENS = 1_000
MAX_REQUESTS_PER_MINUTE = 1_000_000
MAX_DAYS = 3_650
_SECRET_BYTES = 32
_PREFIX_CHARACTERS = 10
_MAX_SECRET_CHARACTERS = 200
_KNOWN = ("id", "name", "scope", "user_id", "requests_per_minute", "expires_at", "revoked_at", "last_used_at")
# The last use is written no oftener than this.
_USE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody let in: who it is, and what is left of their requests."""

    caller: Caller
    token_id: int
    expires_at: datetime | None
    allowance: Allowance


def create_token(
    name: str,
    *,
    scope: Scope,
    user_id: str = "",
    days: int | None = None,
    requests_per_minute: int | None = None,
    actor: Actor,
) -> tuple[Token, str]:
    """Make a token; returns it with its secret, which is told this once.

    `user_id` binds it to one user's sessions; without `days` it does not end. Raises InvalidInput, and AccountRefused
    where the account that makes it is no administrator's any more.
    """
    secret = f"{MARK}{secrets.token_urlsafe(_SECRET_BYTES)}"
    now = timezone.now()
    token = Token(
        name=validation.identifier("name", name, longest=MAX_TOKEN_NAME),
        prefix=secret[:_PREFIX_CHARACTERS],
        digest=_digest(secret),
        scope=_scope(scope),
        user_id=validation.identifier("user_id", user_id) if user_id else "",
        requests_per_minute=_whole("requests_per_minute", requests_per_minute, MAX_REQUESTS_PER_MINUTE),
        made_by=maker(actor),
        made_at=now,
        expires_at=now + timedelta(days=days) if _whole("days", days, MAX_DAYS) is not None and days else None,
    )
    with transaction.atomic(durable=True):
        _refuse_former_administrator(actor)
        token.save(force_insert=True)
        audit.record(actor, "token_created", token=token.name, id=token.pk, scope=token.scope, user_id=token.user_id)
    log.info("token_created", extra={"token": token.pk, "scope": token.scope, "face": actor.face})
    return token, secret


def list_tokens(*, made_by: str = "") -> Sequence[Token]:
    """All tokens, or those that somebody made: the usable first, then the latest; at most `MOST_TOKENS`."""
    found = Token.objects.filter(made_by=made_by) if made_by else Token.objects.all()
    lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    spent = Case(When(lasting, revoked_at=None, then=0), default=1)
    return list(found.order_by(spent, "-made_at", "-id")[:MOST_TOKENS])


def maker(actor: Actor) -> str:
    """How a token tells who made it: an account by its name, whoever sits at the server as "command:NAME".

    No account's name holds a colon, so that shutting one does not revoke what a namesake made on the server.
    """
    of_an_account = actor.face in (Face.BROWSER, Face.ADMIN)
    return (actor.name if of_an_account else f"{actor.face}:{actor.name}")[:255]


def get_token(token_id: int) -> Token:
    """Raises TokenNotFound."""
    token = Token.objects.filter(pk=token_id).first()
    if token is None:
        raise TokenNotFound("There is no such token.")
    return token


def is_usable(token: Token) -> bool:
    """Whether a token is neither revoked nor past its time."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > timezone.now())


def revoke_token(token_id: int, *, actor: Actor) -> Token:
    """Let a token open nothing any more, at once and for good. One that was revoked before stays as it is."""
    with transaction.atomic(durable=True):
        token = Token.objects.select_for_update().filter(pk=token_id).first()
        if token is None:
            raise TokenNotFound("There is no such token.")
        if token.revoked_at is None:
            _revoke([token], actor)
    return token


def revoke_tokens_of(account: str, *, beyond: Scope | None = None, actor: Actor) -> int:
    """Revoke what an account made, or of it what goes beyond a scope; within the caller's transaction."""
    found = Token.objects.select_for_update().filter(made_by=account, revoked_at=None).order_by("pk")
    tokens = [token for token in found if beyond is None or not beyond.includes(Scope(token.scope))]
    _revoke(tokens, actor)
    return len(tokens)


def rename_token(token_id: int, name: str, *, actor: Actor) -> Token:
    """Call a token otherwise. Raises TokenNotFound, InvalidInput, and Conflict for a revoked one."""
    checked = validation.identifier("name", name, longest=MAX_TOKEN_NAME)
    with transaction.atomic(durable=True):
        token = Token.objects.select_for_update().filter(pk=token_id).first()
        if token is None:
            raise TokenNotFound("There is no such token.")
        if token.revoked_at is not None:
            raise Conflict("This token was revoked.", hint="Make a new one.")
        before, token.name = token.name, checked
        token.save(update_fields=["name"])
        audit.record(actor, "token_renamed", id=token.pk, before=before, token=checked)
    return token


def admit(secret: str, *, face: Face) -> Admission:
    """Recognise a token and count one request of it. Raises TokenRefused, and TooManyRequests with the wait."""
    token = _usable(secret)
    per_minute = token.requests_per_minute or conf.requests_per_minute()
    allowance = throttle.spend(token.pk, per_minute=per_minute)
    if not allowance.allowed:
        raise TooManyRequests(per_minute, wait_seconds=allowance.wait_seconds, reset_seconds=allowance.reset_seconds)
    _note_use(token)
    user_id = resolve_user(token.user_id) if token.user_id else ""
    caller = Caller(Actor(f"token:{token.name}", face), Scope(token.scope), user_id)
    return Admission(caller, token.pk, token.expires_at, allowance)


def _refuse_former_administrator(actor: Actor) -> None:
    """An account that is shut, or made a reader's, in this moment takes its tokens with it: none may come behind."""
    if actor.face in (Face.BROWSER, Face.ADMIN):
        account = User.objects.select_for_update().filter(username=actor.name).first()
        if account is not None and not (account.is_active and account.is_superuser):
            raise AccountRefused("Only administrators make tokens.", hint="Ask one of them.")


def _usable(secret: str) -> Token:
    # Nothing that could not be a token reaches the database.
    if not secret.startswith(MARK) or len(secret) > _MAX_SECRET_CHARACTERS or not secret.isascii():
        raise TokenRefused
    token = statements.find(Token, _KNOWN, "digest", _digest(secret))
    if token is None or not is_usable(token):
        raise TokenRefused
    return token


def _note_use(token: Token) -> None:
    """When it was used, roughly and without waiting for the disk: it protects nothing."""
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > _USE_SECONDS:
        with suppress(DatabaseError):
            statements.advance(Token, "last_used_at", now, token.pk)


def _revoke(tokens: Sequence[Token], actor: Actor) -> None:
    for token in tokens:
        token.revoked_at, token.revoked_by = timezone.now(), maker(actor)
        token.save(update_fields=["revoked_at", "revoked_by"])
        audit.record(actor, "token_revoked", token=token.name, id=token.pk)
        log.info("token_revoked", extra={"token": token.pk, "face": actor.face})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _scope(scope: Scope) -> Scope:
    try:
        return Scope(scope)
    except ValueError:
        raise InvalidInput("scope", f"must be one of {', '.join(Scope)}.") from None


def _whole(field: str, value: int | None, most: int) -> int | None:
    if value is not None and (type(value) is not int or not 1 <= value <= most):
        raise InvalidInput(field, f"must be a whole number from 1 to {most:,}.")
    return value
