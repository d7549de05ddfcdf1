"""`account`: the way in for whoever cannot get in with a browser."""

import re
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

from sessions.models import AuditEvent

from .running import run, run_process

GOOD = "a good long one"


@pytest.fixture
def alice() -> User:
    return User.objects.create_superuser("alice", password="correct horse")


def printed_password(text: str) -> str:
    [password] = re.findall(r"^Password: (\S+)  \(shown only this once\)$", text, re.MULTILINE)
    return str(password)


def test_it_lists_all_accounts(alice: User) -> None:
    User.objects.create_user("former", is_active=False, is_staff=True)
    ran = run("account", "list")
    assert "alice  administrator  last sign-in: never" in ran.out
    assert "former  reader, deactivated" in ran.out
    assert [one["name"] for one in run("account", "list", "--json").json["accounts"]] == ["alice", "former"]


def test_it_makes_an_account_and_prints_its_password_once() -> None:
    ran = run("account", "create", "bob", "--role", "administrator")
    assert authenticate(username="bob", password=printed_password(ran.out))
    assert User.objects.get(username="bob").is_superuser
    assert "Password" not in run("account", "list").out


def test_it_resets_a_password_and_signs_out_everywhere(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    ran = run("account", "reset-password", "alice")
    assert authenticate(username="alice", password=printed_password(ran.out))
    assert browser.get("/account/").status_code == 302
    assert run("account", "reset-password", "alice", "--json").json["password"]


def test_it_takes_a_password_from_a_file_or_standard_input_and_prints_none(alice: User, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{GOOD}\n")
    assert "Password" not in run("account", "reset-password", "alice", "--password-file", file).out
    assert authenticate(username="alice", password=GOOD)
    with file.open() as text:
        ran = run_process("account", "create", "bob", "--password-file", "-", stdin=text)
    assert (ran.code, "Password" in ran.out) == (0, False)
    assert PBKDF2PasswordHasher().verify(GOOD, User.objects.get(username="bob").password)


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_it_changes_nothing_for_a_password_that_will_not_do(alice: User, tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_text(content)
    assert run("account", "reset-password", "alice", "--password-file", file).code
    assert run("account", "reset-password", "alice", "--password-file", tmp_path / "absent").code == 1
    assert authenticate(username="alice", password="correct horse")


def test_it_changes_roles_and_access(alice: User) -> None:
    run("account", "create", "bob")
    assert "bob  administrator" in run("account", "role", "bob", "--role", "administrator").out
    assert "bob  administrator, deactivated" in run("account", "deactivate", "bob").out
    assert "deactivated" not in run("account", "reactivate", "bob").out
    assert "0 browsers" in run("account", "sign-out", "bob").out
    assert AuditEvent.objects.filter(verb="account_deactivated", face="command").exists()


def test_it_keeps_the_last_administrator(alice: User) -> None:
    for verb in (("deactivate", "alice"), ("role", "alice", "--role", "reader")):
        ran = run("account", *verb)
        assert ran.code == 1
        assert "last active administrator" in ran.err
    assert User.objects.get(username="alice").is_superuser


def test_it_introduces_a_browser(alice: User) -> None:
    path = run("account", "introduce", "alice").out.split()[-1]
    assert 'value="alice"' in Client().get(path).text


def test_it_knows_no_account_that_is_not_there() -> None:
    for verb in ("reset-password", "deactivate", "introduce", "sign-out"):
        ran = run("account", verb, "nobody")
        assert ran.code == 1
        assert "There is no account 'nobody'" in ran.err
    assert run("account").code == 2
    assert run("account", "create", "").code == 2
