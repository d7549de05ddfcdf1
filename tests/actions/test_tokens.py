"""Tokens: what programs come in with, for as long as they should and no longer."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_django import Settings

from sessions import actions, statements, throttle
from sessions.actions import Role
from sessions.errors import AccountRefused, Conflict, InvalidInput, TokenNotFound, TokenRefused, TooManyRequests
from sessions.models import AuditEvent, Token
from sessions.records import Actor, Caller, Face, Scope

ALICE = Actor("alice", Face.BROWSER)
OPERATOR = Actor("root", Face.COMMAND)
type Pass = Callable[[float], None]


@pytest.fixture(autouse=True)
def unspent() -> Iterator[None]:
    throttle.forget()
    yield
    throttle.forget()


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Moves the clock by so many days; it stands still otherwise."""
    clock = {"now": timezone.now()}
    monkeypatch.setattr(timezone, "now", lambda: clock["now"])

    def move(days: float) -> None:
        clock["now"] += timedelta(days=days)

    return move


def make(name: str = "laptop", scope: Scope = Scope.WRITE, actor: Actor = ALICE, **fields: Any) -> tuple[Token, str]:
    return actions.create_token(name, scope=scope, actor=actor, **fields)


def caller(secret: str) -> Caller:
    return actions.admit(secret, face=Face.REST).caller


def refused(secret: str) -> bool:
    try:
        actions.admit(secret, face=Face.REST)
    except TokenRefused:
        return True
    return False


def test_it_makes_a_token_that_lets_a_program_in() -> None:
    token, secret = make(name="Ann's laptop")
    assert caller(secret) == Caller(Actor("token:Ann's laptop", Face.REST), Scope.WRITE)
    assert (token.made_by, token.expires_at, token.requests_per_minute, token.user_id) == ("alice", None, None, "")


def test_it_keeps_no_secret_but_its_beginning() -> None:
    token, secret = make()
    assert secret.startswith(token.prefix)
    assert len(secret) - len(token.prefix) >= 36
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {Token._meta.db_table}")
        assert secret not in str(cursor.fetchall())
    assert make()[1] != secret


def test_it_never_tells_a_secret_in_the_log_of_changes() -> None:
    token, secret = make(user_id="alice")
    actions.rename_token(token.pk, "desk", actor=ALICE)
    actions.revoke_token(token.pk, actor=ALICE)
    events = list(AuditEvent.objects.order_by("pk").values("verb", "actor", "details"))
    assert [event["verb"] for event in events] == ["token_created", "token_renamed", "token_revoked"]
    assert events[0]["details"] == {"token": "laptop", "id": token.pk, "scope": "write", "user_id": "alice"}
    for hidden in (secret, secret[len(token.prefix) :], token.digest):
        assert hidden not in str(events)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "sst_",
        "sst_" + "a" * 43,
        "sst_" + "a" * 10_000_000,
        "sst_ä",
        "sst_\0",
        "sst_\ud800",
        "Bearer",
        "' OR 1=1 --",
        "sst_%s",
    ],
    ids=range(10),
)
def test_it_refuses_what_is_no_token(secret: str) -> None:
    make()
    assert refused(secret)


def test_it_refuses_all_but_the_very_secret() -> None:
    _, secret = make()
    for near in (secret[:-1], secret + "a", secret.upper(), secret.removeprefix("sst_"), f" {secret}"):
        assert refused(near), near


def test_it_lets_a_token_in_until_its_time_is_up(time_passes: Pass) -> None:
    token, secret = make(days=30)
    assert token.expires_at == timezone.now() + timedelta(days=30)
    time_passes(29.99)
    assert caller(secret)
    time_passes(0.01)
    assert refused(secret)
    assert not actions.is_usable(token)


def test_it_refuses_a_revoked_token_at_once_and_for_good(time_passes: Pass) -> None:
    token, secret = make()
    assert caller(secret)
    revoked = actions.revoke_token(token.pk, actor=OPERATOR)
    assert refused(secret)
    assert (revoked.revoked_by, actions.is_usable(revoked)) == ("command:root", False)
    time_passes(1)
    again = actions.revoke_token(token.pk, actor=ALICE)
    assert (again.revoked_at, again.revoked_by) == (revoked.revoked_at, "command:root")
    assert AuditEvent.objects.filter(verb="token_revoked").count() == 1


def test_it_binds_a_token_to_whoever_the_user_is_today() -> None:
    actions.update_profile("ann", replace={"tone": "plain"}, actor=ALICE)
    actions.update_profile("ann@example.com", replace={"tone": "plain"}, actor=ALICE)
    _, secret = make(user_id="ann")
    assert caller(secret).user_id == "ann"
    merge = actions.merge_users("ann@example.com", absorbed="ann", actor=ALICE)
    assert caller(secret).user_id == "ann@example.com"
    actions.unmerge_users(merge.pk, actor=ALICE)
    assert caller(secret).user_id == "ann"


def test_it_notes_the_last_use_to_the_minute(time_passes: Pass) -> None:
    token, secret = make()
    assert token.last_used_at is None
    first = timezone.now()
    caller(secret)
    time_passes(59 / 86_400)
    caller(secret)
    assert actions.get_token(token.pk).last_used_at == first
    time_passes(2 / 86_400)
    caller(secret)
    assert actions.get_token(token.pk).last_used_at == timezone.now()


def test_it_lets_a_token_in_whose_use_cannot_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("read-only")

    monkeypatch.setattr(statements, "advance", fail)
    assert caller(make()[1])


def test_it_counts_requests_against_the_tokens_own_limit(settings: Settings) -> None:
    settings.SESSIONSITE_REQUESTS_PER_MINUTE = 3
    _, usual = make()
    _, narrow = make(requests_per_minute=1)
    for secret, limit in ((usual, 3), (narrow, 1)):
        for left in reversed(range(limit)):
            assert actions.admit(secret, face=Face.MCP).allowance.remaining == left
        with pytest.raises(TooManyRequests, match=f"{limit} requests a minute") as told:
            actions.admit(secret, face=Face.REST)
        assert 60 / limit - 1 <= told.value.wait_seconds <= 60 / limit


def test_it_counts_nothing_for_a_token_that_is_refused() -> None:
    token, secret = make(requests_per_minute=1)
    actions.revoke_token(token.pk, actor=ALICE)
    assert [refused(secret) for _ in range(5)] == [True] * 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " padded "),
        ("name", "a\0b"),
        ("name", "a\nb"),
        ("name", "\ud800"),
        ("name", "n" * 81),
        ("scope", "owner"),
        ("user_id", " "),
        ("user_id", "u" * 256),
        ("user_id", "\ud800"),
        ("days", 0),
        ("days", 3_651),
        ("days", True),
        ("requests_per_minute", 0),
        ("requests_per_minute", 1_000_001),
        ("requests_per_minute", 1.5),
    ],
)
def test_it_refuses_to_make_what_makes_no_sense(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=field):
        make(**{field: value})
    assert not Token.objects.exists()
    assert not AuditEvent.objects.exists()


def test_it_lists_the_usable_first_and_then_the_latest(time_passes: Pass) -> None:
    for name in ("old", "revoked", "expired", "new"):
        make(name, days=1 if name == "expired" else None, actor=OPERATOR if name == "new" else ALICE)
        time_passes(0.01)
    actions.revoke_token(Token.objects.get(name="revoked").pk, actor=ALICE)
    time_passes(1)
    assert [token.name for token in actions.list_tokens()] == ["new", "old", "expired", "revoked"]
    assert [token.name for token in actions.list_tokens(made_by="command:root")] == ["new"]


def test_it_lists_a_usable_token_however_many_were_made_since(monkeypatch: pytest.MonkeyPatch) -> None:
    make("first")
    for number in range(3):
        actions.revoke_token(make(f"spent {number}")[0].pk, actor=ALICE)
    monkeypatch.setattr(actions.tokens, "MOST_TOKENS", 2)
    assert [token.name for token in actions.list_tokens()] == ["first", "spent 2"]


def test_it_calls_a_token_otherwise_and_the_token_goes_on() -> None:
    token, secret = make()
    actions.rename_token(token.pk, "desk", actor=ALICE)
    assert caller(secret).actor.name == "token:desk"
    with pytest.raises(InvalidInput, match="name"):
        actions.rename_token(token.pk, "", actor=ALICE)
    actions.revoke_token(token.pk, actor=ALICE)
    with pytest.raises(Conflict, match="revoked"):
        actions.rename_token(token.pk, "attic", actor=ALICE)


@pytest.mark.parametrize("token_id", [0, -1, 4711, 2**63, -(2**70)])
def test_it_knows_no_token_that_is_not_there(token_id: int) -> None:
    verbs: list[Callable[[], object]] = [
        lambda: actions.get_token(token_id),
        lambda: actions.revoke_token(token_id, actor=ALICE),
        lambda: actions.rename_token(token_id, "name", actor=ALICE),
    ]
    for verb in verbs:
        with pytest.raises(TokenNotFound):
            verb()


# --- the accounts that make them --------------------------------------------------------------------------


def usable() -> list[str]:
    return [token.name for token in actions.list_tokens() if actions.is_usable(token)]


def account(name: str) -> int:
    made, _ = actions.create_account(name, role=Role.ADMINISTRATOR, password="correct horse battery", actor=OPERATOR)
    return made.id


def make_of_each_scope(maker: str) -> None:
    for scope in Scope:
        make(f"{maker}'s {scope}", scope, Actor(maker, Face.BROWSER))


def test_it_revokes_what_an_account_made_when_it_is_deactivated() -> None:
    account("alice")
    carol = account("carol")
    make_of_each_scope("alice")
    make_of_each_scope("carol")
    actions.deactivate_account(carol, actor=ALICE)
    assert usable() == ["alice's admin", "alice's write", "alice's read"]
    event = AuditEvent.objects.get(verb="account_deactivated")
    assert (event.details["tokens_revoked"], AuditEvent.objects.filter(verb="token_revoked").count()) == (3, 3)
    actions.reactivate_account(carol, actor=ALICE)
    assert usable() == ["alice's admin", "alice's write", "alice's read"]


def test_it_revokes_what_goes_beyond_a_new_readers_role() -> None:
    account("alice")
    carol = account("carol")
    make_of_each_scope("carol")
    actions.change_role(carol, Role.ADMINISTRATOR, actor=ALICE)
    assert len(usable()) == 3
    actions.change_role(carol, Role.READER, actor=ALICE)
    assert usable() == ["carol's read"]


def test_it_leaves_alone_what_was_made_on_the_server_under_the_same_name() -> None:
    account("alice")
    carol = account("carol")
    make("nightly", Scope.ADMIN, Actor("carol", Face.COMMAND))
    actions.deactivate_account(carol, actor=ALICE)
    assert usable() == ["nightly"]


@pytest.mark.parametrize("role", [Role.READER, None], ids=["made a reader", "deactivated"])
def test_it_makes_no_token_for_a_former_administrator(role: Role | None) -> None:
    account("alice")
    carol = account("carol")
    if role:
        actions.change_role(carol, role, actor=ALICE)
    else:
        actions.deactivate_account(carol, actor=ALICE)
    with pytest.raises(AccountRefused):
        make("late", Scope.READ, Actor("carol", Face.BROWSER))
    assert not Token.objects.exists()


def test_it_lets_no_token_be_made_past_an_account_that_is_shut_at_the_same_time() -> None:
    """Whoever asks first: in the end the account is shut and nothing that it made opens anything."""
    account("alice")
    for number in range(5):
        name = f"carol{number}"
        carol = account(name)
        start = threading.Barrier(2)

        def make_one(name: str = name, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                make(f"{name}'s", Scope.ADMIN, Actor(name, Face.BROWSER))
            except AccountRefused:
                pass
            finally:
                connection.close()

        maker = threading.Thread(target=make_one)
        maker.start()
        start.wait()
        actions.deactivate_account(carol, actor=ALICE)
        maker.join()
    assert usable() == []
