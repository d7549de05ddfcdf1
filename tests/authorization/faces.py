"""Who comes to the site, and how an answer tells whether they were let in."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from sessions import actions
from sessions.models import AuditEvent, SavedView, Token
from sessions.records import Actor, Face, Scope

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Verdict(StrEnum):
    """What becomes of somebody who asks. Whoever is let in may still be told that what they sent makes no sense."""

    LET_IN = "let in"
    SIGN_IN = "sent to sign in"
    NO_TOKEN = "told to bring a token"
    REFUSED = "refused"
    UNKNOWN = "told that there is no such thing"
    NO_METHOD = "told that there is no such method"


class Who(StrEnum):
    """Each column. The bound token may do all that a token may, for bob; everything it asks for is alice's."""

    ANONYMOUS = "nobody"
    OUTSIDER = "a signed-in outsider"
    READER = "a reader"
    ADMINISTRATOR = "an administrator"
    READ = "a token of scope read"
    WRITE = "a token of scope write"
    ADMIN = "a token of scope admin"
    BOUND = "a token bound to another user"


SIGNED_IN = (Who.OUTSIDER, Who.READER, Who.ADMINISTRATOR)
TOKENS = {Who.READ: Scope.READ, Who.WRITE: Scope.WRITE, Who.ADMIN: Scope.ADMIN, Who.BOUND: Scope.ADMIN}
# All others must leave everything as it is, even where they are let in.
MAY_CHANGE = frozenset({Who.ADMINISTRATOR, Who.WRITE, Who.ADMIN})


@dataclass(frozen=True)
class Visitor:
    """Somebody with what they bring along."""

    who: Who
    cookies: str
    headers: Mapping[str, str]
    # The site with its middleware, which is put together once for all the questions.
    site: ClientHandler = field(default_factory=lambda: ClientHandler(enforce_csrf_checks=False))

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> HttpResponseBase:
        # A browser of its own for each question: one of them is to sign out.
        client = Client(raise_request_exception=False)
        client.handler = self.site
        client.cookies.load(self.cookies)
        kind = "application/json" if body else "application/x-www-form-urlencoded"
        return client.generic(method, path, body, content_type=kind, headers={**self.headers, **headers})


def visitor(who: Who) -> Visitor:
    client, headers = Client(), {}
    if who in SIGNED_IN:
        client.force_login(User.objects.get(username=who.name.lower()))
    if who in TOKENS:
        bound = "bob" if who is Who.BOUND else ""
        actor = Actor("root", Face.COMMAND)
        _, secret = actions.create_token(who.name, scope=TOKENS[who], user_id=bound, actor=actor)
        headers["Authorization"] = f"Bearer {secret}"
        # That it is used is noted once a minute: here, and not by a question that else only reads.
        Token.objects.update(last_used_at=timezone.now())
    return Visitor(who, client.cookies.output(header="", sep=";"), headers)


def make_accounts() -> None:
    User.objects.create_user("outsider")
    User.objects.create_user("reader", is_staff=True)
    User.objects.create_superuser("administrator")


def verdict_of(response: HttpResponseBase) -> Verdict:
    """What an answer says; 404 is read as `UNKNOWN`, which a face without tokens takes for being let in."""
    status = response.status_code
    if status in (301, 302) and response["Location"].startswith(("/sign-in/", "/admin/login/")):
        return Verdict.SIGN_IN
    told = {401: Verdict.NO_TOKEN, 403: Verdict.REFUSED, 404: Verdict.UNKNOWN, 405: Verdict.NO_METHOD}
    assert status < 500, response
    return told.get(status, Verdict.LET_IN)


class Watch:
    """Looks on at what the database is told; `saw_changes` is False only where it was told nothing but to read."""

    HARMLESS = ("SELECT ", "SAVEPOINT ", "RELEASE ", "ROLLBACK TO ")

    def __init__(self) -> None:
        self.saw_changes = False

    def __call__(self, execute: Callable[..., Any], sql: str, *how: Any) -> Any:
        self.saw_changes |= not sql.startswith(self.HARMLESS)
        return execute(sql, *how)


@contextmanager
def taken_back() -> Iterator[Watch]:
    """A block after which the database is as it was."""
    block, watch = transaction.atomic(), Watch()
    # As a test case marks its own: the actions within think that they are outermost.
    block._from_testcase = True  # type: ignore[attr-defined]
    with block, connection.execute_wrapper(watch):
        yield watch
        transaction.set_rollback(True)


def everything() -> tuple[Any, ...]:
    """All that somebody could change, as one comparable value."""
    accounts = User.objects.order_by("pk").values_list("username", "is_active", "is_superuser", "password")
    tokens = Token.objects.order_by("pk").values_list("name", "revoked_at")
    views = SavedView.objects.count()
    return actions.store_digest(), [*accounts], [*tokens], views, AuditEvent.objects.count()
