"""Who may use the site: administrators, who may do everything, and readers, who look.

An account is a row of Django's user table with `is_staff`; an administrator's has `is_superuser` too. Nothing here
deletes one: the audit log names accounts, so one that is not wanted any more is deactivated. The audit log never
holds a password.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from sessions.errors import AccountNotFound, AccountRefused, Conflict, InvalidInput
from sessions.models import BrowserLogin
from sessions.records import Actor, Face, Scope

from . import audit
from .tokens import revoke_tokens_of

MOST_ACCOUNTS = 500
# Without those that are read for one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_PASSWORD_GROUPS = 4
_GROUP_CHARACTERS = 5


class Role(StrEnum):
    """What an account may do."""

    ADMINISTRATOR = "administrator"
    READER = "reader"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Account:
    """What the page and the command show of an account; `browsers` counts those signed in now."""

    id: int
    name: str
    role: Role
    active: bool
    created_at: datetime
    signed_in_at: datetime | None
    browsers: int


def list_accounts() -> Sequence[Account]:
    """All accounts by name, at most `MOST_ACCOUNTS`."""
    return [_account(user) for user in _users().order_by("-is_active", "username")[:MOST_ACCOUNTS]]


def get_account(account_id: int) -> Account:
    """Raises AccountNotFound."""
    user = _users().filter(pk=account_id).first()
    if user is None:
        raise AccountNotFound("There is no such account.")
    return _account(user)


def find_account(name: str) -> Account:
    """An account by its exact name; raises AccountNotFound."""
    user = _users().filter(username=name).first()
    if user is None:
        raise AccountNotFound(f"There is no account {name!r}.", hint="`manage.py account list` shows all of them.")
    return _account(user)


def create_account(name: str, *, role: Role, password: str = "", actor: Actor) -> tuple[Account, str]:
    """Make an account; returns it with its password, a new random one where none is given.

    Raises InvalidInput for a name or password that will not do, Conflict for a name that is taken in any spelling.
    """
    password = password or new_password()
    with transaction.atomic(durable=True):
        user = User(username=User.normalize_username(name), is_staff=True, is_superuser=role is Role.ADMINISTRATOR)
        _set_password(user, password)
        _require_free_name(user)
        try:
            user.save()
        except IntegrityError:
            raise Conflict(f"There is an account {name!r} already.") from None
        audit.record(actor, "account_created", account=user.username, role=role.value)
    return get_account(user.pk), password


def change_role(account_id: int, role: Role, *, actor: Actor) -> Account:
    """Make an administrator a reader or the other way round. Raises AccountRefused for one's own and the last one.

    Of the tokens that a new reader made, those that may more than read are revoked.
    """
    with transaction.atomic(durable=True):
        user = _lock(account_id)
        if role is not Role.ADMINISTRATOR:
            _refuse_to_shut_out(user, actor, "change your own role")
        user.is_staff, user.is_superuser = True, role is Role.ADMINISTRATOR
        user.save(update_fields=["is_staff", "is_superuser"])
        beyond = None if role is Role.ADMINISTRATOR else Scope.READ
        revoked = revoke_tokens_of(user.username, beyond=beyond, actor=actor) if beyond else 0
        audit.record(actor, "account_role_changed", account=user.username, role=role.value, tokens_revoked=revoked)
    return get_account(account_id)


def deactivate_account(account_id: int, *, actor: Actor) -> Account:
    """Let nobody sign in to it, sign it out everywhere, and revoke the tokens that it made.

    Raises AccountRefused for one's own and the last one.
    """
    with transaction.atomic(durable=True):
        user = _lock(account_id)
        _refuse_to_shut_out(user, actor, "deactivate your own account")
        user.is_active = False
        user.save(update_fields=["is_active"])
        browsers = _sign_out(user)
        revoked = revoke_tokens_of(user.username, actor=actor)
        audit.record(
            actor,
            "account_deactivated",
            account=user.username,
            browsers_signed_out=browsers,
            tokens_revoked=revoked,
        )
    return get_account(account_id)


def reactivate_account(account_id: int, *, actor: Actor) -> Account:
    """Let it sign in again, with the password and role that it had."""
    with transaction.atomic(durable=True):
        user = _lock(account_id)
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit.record(actor, "account_reactivated", account=user.username)
    return get_account(account_id)


def reset_password(account_id: int, *, password: str = "", actor: Actor) -> str:
    """Give it a new password, a random one where none is given, and sign it out everywhere; returns the password."""
    password = password or new_password()
    with transaction.atomic(durable=True):
        user = _lock(account_id)
        _set_password(user, password)
        user.save(update_fields=["password"])
        browsers = _sign_out(user)
        audit.record(actor, "account_password_reset", account=user.username, browsers_signed_out=browsers)
    return password


def change_own_password(account_id: int, password: str, *, keep_login: str, actor: Actor) -> User:
    """Set the password that an account's owner chose; every browser but the one of `keep_login` is signed out."""
    with transaction.atomic(durable=True):
        user = _lock(account_id)
        _set_password(user, password)
        user.save(update_fields=["password"])
        browsers = _sign_out(user, keep_login=keep_login)
        audit.record(actor, "account_password_changed", account=user.username, browsers_signed_out=browsers)
    return user


def sign_out_everywhere(account_id: int, *, keep_login: str = "", actor: Actor) -> int:
    """Sign out all browsers of an account, but the one of `keep_login`; returns how many."""
    with transaction.atomic(durable=True):
        user = _lock(account_id)
        browsers = _sign_out(user, keep_login=keep_login)
        audit.record(actor, "account_signed_out", account=user.username, browsers_signed_out=browsers)
    return browsers


def new_password() -> str:
    """99 random bits, in groups that can be read out."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_CHARACTERS)) for _ in range(_PASSWORD_GROUPS))
    return "-".join(groups)


# --- rows ---------------------------------------------------------------------------------------------------


def _users() -> QuerySet[Any]:
    live = BrowserLogin.objects.filter(account_id=OuterRef("pk"), expire_date__gt=timezone.now())
    counted = live.order_by().values("account_id").annotate(number=Count("pk")).values("number")
    return User.objects.annotate(browsers=Coalesce(Subquery(counted), 0))


def _account(user: Any) -> Account:
    role = Role.ADMINISTRATOR if user.is_superuser else Role.READER
    return Account(
        id=user.pk,
        name=user.get_username(),
        role=role if user.is_staff else Role.NONE,
        active=user.is_active,
        created_at=user.date_joined,
        signed_in_at=user.last_login,
        browsers=user.browsers,
    )


def _lock(account_id: int) -> User:
    """The account's row, with those of all administrators: two of them may be changing each other."""
    rows = User.objects.filter(Q(is_superuser=True) | Q(pk=account_id)).order_by("pk").select_for_update()
    for user in list(rows):
        if user.pk == account_id:
            return user
    raise AccountNotFound("There is no such account.")


def _refuse_to_shut_out(user: User, actor: Actor, deed: str) -> None:
    """Raise AccountRefused when nobody, or not the one who asks, could run the site afterwards."""
    if not user.is_superuser:
        return
    others = User.objects.filter(is_superuser=True, is_staff=True, is_active=True).exclude(pk=user.pk)
    if user.is_active and not others.exists():
        raise AccountRefused(
            f"{user.username!r} is the last active administrator.", hint="Make somebody else an administrator first."
        )
    if user.username == actor.name and actor.face is Face.BROWSER:
        raise AccountRefused(f"You cannot {deed}.", hint="Ask another administrator to do it.")


def _require_free_name(user: User) -> None:
    try:
        User._meta.get_field("username").clean(user.username, user)
    except ValidationError as error:
        raise InvalidInput("name", " ".join(error.messages)) from None
    # Two names that differ in case alone would be taken for one another.
    if User.objects.filter(username__iexact=user.username).exists():
        raise Conflict(f"There is an account {user.username!r} already.", hint="It may be deactivated: see the list.")


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput("password", " ".join(error.messages)) from None
    user.set_password(password)


def _sign_out(user: User, keep_login: str = "") -> int:
    deleted, _ = BrowserLogin.objects.filter(account_id=user.pk).exclude(pk=keep_login).delete()
    return deleted
