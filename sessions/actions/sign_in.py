"""How often somebody may try to sign in: never so often that guessing pays, never so rarely that an owner is shut out.

Failures are counted per account and network, and per network; a browser that signed in to the account before carries
a mark and is counted by that alone, so whoever hammers an account's name slows down only themselves. After some free
attempts each further one must wait twice as long, up to 15 minutes; nothing is ever locked for good.

An attempt is counted before its password is looked at and given back when it was right: of any number of processes
that ask at once, no more get an answer than the budget allows. docs/decisions/0007-sign-in-limit.md says why this is
not a library's work.
"""

import ipaddress
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from sessions.errors import SignInSlowed
from sessions.models import BrowserLogin, SignInBudget
from sessions.records import JSON, Actor, Face

from . import audit

log = logging.getLogger(__name__)

FREE_FAILURES = 5
# Behind one address there may be a whole office.
FREE_FAILURES_OF_A_NETWORK = 30
FIRST_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 15 * 60
FORGOTTEN_AFTER = timedelta(hours=24)
MOST_BUDGETS = 10_000
AUDITED_AN_HOUR = 100
UNKNOWN_NETWORK = "unknown"
# What a provider hands to one customer, who may use any address in it.
_IPV6_NETWORK_BITS = 48
_AUDIT_PREFIX = "audit:"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at an account. `budgets` maps the keys that it was counted under to the failures that are free there."""

    name: str
    network: str
    known_browser: bool
    budgets: dict[str, int]


def begin_sign_in(name: str, *, address: str, mark: str = "") -> Attempt:
    """Count an attempt to sign in, before its password is looked at.

    `address` is the visitor's IP address, `mark` the one that this browser got when it signed in to this account
    before. Raises SignInSlowed, counting nothing, while an earlier failure makes the visitor wait.
    """
    network = network_of(address)
    attempt = Attempt(name, network, bool(mark), _budgets(name, network, mark))
    now = timezone.now()
    with transaction.atomic(durable=True):
        rows = _locked_budgets(attempt.budgets, now)
        wait = max(_wait_seconds(row, now) for row in rows)
        if wait > 0:
            raise SignInSlowed(ceil(wait))
        for row in rows:
            _count(row, attempt.budgets[row.key], now)
    return attempt


def sign_in_failed(attempt: Attempt) -> None:
    """Keep what was counted. Of an account that does not exist the audit log keeps no name: it may be a password."""
    known = User.objects.filter(username=attempt.name).exists()
    with transaction.atomic(durable=True):
        _audit(attempt, "sign_in_failed", Actor(attempt.name if known else "unknown", Face.BROWSER))


def sign_in_succeeded(attempt: Attempt) -> None:
    """Forget the failures at this account from here; the network's others stay counted. Drops logins that ran out."""
    first, *others = attempt.budgets
    now = timezone.now()
    with transaction.atomic(durable=True):
        SignInBudget.objects.filter(pk=first).delete()
        SignInBudget.objects.filter(pk__in=others, failures__gt=0).update(failures=F("failures") - 1, free_at=now)
        BrowserLogin.objects.filter(expire_date__lt=now).delete()
        _audit(attempt, "signed_in", Actor(attempt.name, Face.BROWSER))


def network_of(address: str) -> str:
    """What one visitor may be assumed to hold: an IPv4 address, or the /48 around an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, _IPV6_NETWORK_BITS), strict=False))
    return str(found)


def account_digest(name: str) -> str:
    """Stands for an account's name where the name itself should not be read; of any name, known or not."""
    return salted_hmac("sessionsite.sign_in", name, algorithm="sha256").hexdigest()[:32]


# --- budgets ------------------------------------------------------------------------------------------------


def _budgets(name: str, network: str, mark: str) -> dict[str, int]:
    """The account's own first; it is the one that a success forgets."""
    account = account_digest(name)
    if mark:
        return {account_digest(f"mark {account} {mark}"): FREE_FAILURES}
    return {
        account_digest(f"account {account} {network}"): FREE_FAILURES,
        account_digest(f"network {network}"): FREE_FAILURES_OF_A_NETWORK,
    }


def _locked_budgets(keys: Iterable[str], now: datetime) -> list[SignInBudget]:
    """The rows, made where there are none, locked in one order so that no two attempts wait for each other."""
    names = sorted(keys)
    if SignInBudget.objects.filter(pk__in=names).count() < len(names):
        _forget(now)
        fresh = [SignInBudget(key=name, free_at=now, touched_at=now) for name in names]
        SignInBudget.objects.bulk_create(fresh, ignore_conflicts=True)
    rows = list(SignInBudget.objects.select_for_update().filter(pk__in=names).order_by("key"))
    for row in rows:
        # One of the future was written by a clock that was wrong; it must not make anybody wait for that day.
        if not now - FORGOTTEN_AFTER <= row.touched_at <= now + timedelta(seconds=1):
            row.failures, row.free_at = 0, now
    return rows


def _wait_seconds(row: SignInBudget, now: datetime) -> float:
    return min((row.free_at - now).total_seconds(), LONGEST_WAIT_SECONDS)


def _count(row: SignInBudget, free: int, now: datetime) -> None:
    row.failures += 1
    row.touched_at = now
    if row.failures >= free:
        doublings = min(row.failures - free, 20)
        row.free_at = now + timedelta(seconds=min(FIRST_WAIT_SECONDS * 2**doublings, LONGEST_WAIT_SECONDS))
    row.save()


def _forget(now: datetime) -> None:
    """Drop the budgets that say nothing any more and, beyond the bound, the ones untouched for longest."""
    budgets = SignInBudget.objects.exclude(key__startswith=_AUDIT_PREFIX)
    budgets.filter(touched_at__lt=now - FORGOTTEN_AFTER).delete()
    oldest_kept = budgets.order_by("-touched_at").values_list("touched_at", flat=True)[MOST_BUDGETS : MOST_BUDGETS + 1]
    for touched_at in oldest_kept:
        budgets.filter(touched_at__lte=touched_at).delete()


def _audit(attempt: Attempt, verb: str, actor: Actor) -> None:
    """Note the attempt, at most so many times an hour: an attack must fill neither the log nor the disk."""
    now = timezone.now()
    key = f"{_AUDIT_PREFIX}{verb}"
    SignInBudget.objects.bulk_create([SignInBudget(key=key, free_at=now, touched_at=now)], ignore_conflicts=True)
    window = SignInBudget.objects.select_for_update().get(pk=key)
    if not now - timedelta(hours=1) < window.touched_at <= now + timedelta(seconds=1):
        window.failures, window.touched_at = 0, now
    if window.failures >= AUDITED_AN_HOUR:
        return
    window.failures += 1
    window.save()
    details: dict[str, JSON] = {"network": attempt.network, "known_browser": attempt.known_browser}
    if window.failures == AUDITED_AN_HOUR:
        details["not_noted_until"] = (window.touched_at + timedelta(hours=1)).isoformat(timespec="seconds")
    audit.record(actor, verb, **details)
    log.info(verb, extra={"network": attempt.network, "known_browser": attempt.known_browser})
