"""Accounts: made, changed, shut, and never so that nobody could run the site."""

import threading

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from sessions import actions
from sessions.actions import Account, Role
from sessions.errors import AccountNotFound, AccountRefused, Conflict, InvalidInput
from sessions.models import AuditEvent, BrowserLogin
from sessions.records import Actor, Face

ALICE = Actor("alice", Face.BROWSER)
OPERATOR = Actor("root", Face.COMMAND)
PASSWORD = "correct horse battery"


def make(name: str, role: Role = Role.READER) -> Account:
    account, _ = actions.create_account(name, role=role, password=PASSWORD, actor=OPERATOR)
    return account


@pytest.fixture
def alice() -> Account:
    return make("alice", Role.ADMINISTRATOR)


@pytest.fixture
def bob() -> Account:
    return make("bob")


def signed_in(account: Account, browsers: int = 1) -> list[Client]:
    clients = [Client() for _ in range(browsers)]
    for client in clients:
        client.force_login(User.objects.get(pk=account.id))
    return clients


def test_it_makes_a_reader_and_an_administrator(alice: Account, bob: Account) -> None:
    assert [(one.name, one.role, one.active) for one in actions.list_accounts()] == [
        ("alice", Role.ADMINISTRATOR, True),
        ("bob", Role.READER, True),
    ]
    assert User.objects.filter(is_staff=True).count() == 2
    assert authenticate(username="bob", password=PASSWORD)


def test_it_makes_up_a_password_that_its_own_rules_accept() -> None:
    _, password = actions.create_account("carol", role=Role.READER, actor=OPERATOR)
    assert authenticate(username="carol", password=password)
    assert len({actions.accounts.new_password() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("name", "password"), [("", PASSWORD), ("two words", PASSWORD), ("dave", "12345678"), ("dave", "short")]
)
def test_it_refuses_names_and_passwords_that_will_not_do(name: str, password: str) -> None:
    with pytest.raises(InvalidInput):
        actions.create_account(name, role=Role.READER, password=password, actor=OPERATOR)
    assert not User.objects.exists()


def test_it_refuses_a_name_that_is_taken_in_any_spelling(bob: Account) -> None:
    with pytest.raises(Conflict):
        make("BOB")


def test_it_changes_a_role(alice: Account, bob: Account) -> None:
    assert actions.change_role(bob.id, Role.ADMINISTRATOR, actor=ALICE).role is Role.ADMINISTRATOR
    assert actions.change_role(bob.id, Role.READER, actor=ALICE).role is Role.READER


@pytest.mark.parametrize("actor", [ALICE, OPERATOR])
def test_it_keeps_the_last_active_administrator(alice: Account, bob: Account, actor: Actor) -> None:
    former = make("former", Role.ADMINISTRATOR)
    actions.deactivate_account(former.id, actor=OPERATOR)
    with pytest.raises(AccountRefused, match="last active administrator"):
        actions.change_role(alice.id, Role.READER, actor=actor)
    with pytest.raises(AccountRefused, match="last active administrator"):
        actions.deactivate_account(alice.id, actor=actor)
    assert actions.get_account(alice.id) == alice


def test_it_lets_nobody_shut_themselves_out(alice: Account) -> None:
    make("carol", Role.ADMINISTRATOR)
    with pytest.raises(AccountRefused, match="your own role"):
        actions.change_role(alice.id, Role.READER, actor=ALICE)
    with pytest.raises(AccountRefused, match="your own account"):
        actions.deactivate_account(alice.id, actor=ALICE)
    assert actions.deactivate_account(alice.id, actor=OPERATOR).active is False


def test_it_keeps_one_administrator_when_two_depose_each_other_at_once(alice: Account) -> None:
    for _ in range(5):
        carol = make(f"carol{User.objects.count()}", Role.ADMINISTRATOR)
        refused: list[str] = []

        def depose(account: Account, actor: str, refused: list[str] = refused) -> None:
            try:
                actions.change_role(account.id, Role.READER, actor=Actor(actor, Face.BROWSER))
            except AccountRefused:
                refused.append(actor)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=depose, args=(alice, carol.name)),
            threading.Thread(target=depose, args=(carol, alice.name)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert User.objects.filter(is_superuser=True, is_active=True).count() == 1
        User.objects.filter(pk=alice.id).update(is_superuser=True)
        User.objects.exclude(pk=alice.id).update(is_superuser=False)


def test_it_signs_a_deactivated_account_out_and_lets_it_in_again(alice: Account, bob: Account) -> None:
    [browser] = signed_in(bob)
    actions.deactivate_account(bob.id, actor=ALICE)
    assert browser.get("/account/").status_code == 302
    assert not authenticate(username="bob", password=PASSWORD)
    actions.reactivate_account(bob.id, actor=ALICE)
    assert authenticate(username="bob", password=PASSWORD)
    assert browser.get("/account/").status_code == 302


def test_it_resets_a_password_and_signs_out_everywhere(alice: Account, bob: Account) -> None:
    browsers = [*signed_in(bob, 2), *signed_in(alice)]
    password = actions.reset_password(bob.id, actor=ALICE)
    assert authenticate(username="bob", password=password)
    assert not authenticate(username="bob", password=PASSWORD)
    assert [browser.get("/account/").status_code for browser in browsers] == [302, 302, 200]


def test_it_signs_out_every_browser_but_the_one_that_asks(bob: Account) -> None:
    browsers = signed_in(bob, 3)
    keep = browsers[0].session.session_key or ""
    assert actions.get_account(bob.id).browsers == 3
    assert actions.sign_out_everywhere(bob.id, keep_login=keep, actor=OPERATOR) == 2
    assert [browser.get("/account/").status_code for browser in browsers] == [200, 302, 302]


def test_it_drops_logins_that_ran_out_when_somebody_signs_in(bob: Account) -> None:
    signed_in(bob)
    BrowserLogin.objects.update(expire_date="2020-01-01T00:00Z")
    assert actions.get_account(bob.id).browsers == 0
    actions.sign_in_succeeded(actions.begin_sign_in("bob", address="203.0.113.7"))
    assert not BrowserLogin.objects.exists()


def test_it_notes_every_change_and_never_a_password(alice: Account, bob: Account) -> None:
    actions.change_role(bob.id, Role.ADMINISTRATOR, actor=ALICE)
    password = actions.reset_password(bob.id, actor=ALICE)
    actions.sign_out_everywhere(bob.id, actor=ALICE)
    actions.deactivate_account(bob.id, actor=ALICE)
    actions.reactivate_account(bob.id, actor=ALICE)
    actions.change_own_password(bob.id, "another good one", keep_login="", actor=ALICE)
    noted = AuditEvent.objects.filter(details__contains='"bob"').order_by("pk")
    assert [event.verb for event in noted] == [
        "account_created",
        "account_role_changed",
        "account_password_reset",
        "account_signed_out",
        "account_deactivated",
        "account_reactivated",
        "account_password_changed",
    ]
    told = " ".join(str(event.details) for event in AuditEvent.objects.all())
    assert not any(secret in told for secret in (PASSWORD, password, "another good one"))


def test_it_knows_no_account_that_is_not_there() -> None:
    with pytest.raises(AccountNotFound):
        actions.get_account(7)
    with pytest.raises(AccountNotFound):
        actions.find_account("nobody")
    with pytest.raises(AccountNotFound):
        actions.deactivate_account(7, actor=ALICE)


def test_it_asks_as_often_for_many_accounts_as_for_one(bob: Account, django_assert_num_queries: object) -> None:
    User.objects.bulk_create([User(username=f"reader-{number}", is_staff=True) for number in range(50)])
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(actions.list_accounts()) == 51
