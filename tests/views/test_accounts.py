"""Accounts on their pages, and the sign-in page with its limit."""

import re
from http.cookies import Morsel

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from pytest_django import Settings

from sessions import actions
from sessions.actions import Role, sign_in
from sessions.models import AuditEvent, BrowserLogin
from sessions.views import visitor
from sessionsite.env import networks
from tests.builders import ALICE

pytestmark = pytest.mark.django_db
RIGHT, WRONG = "correct horse", "wrong"
PROXY = "10.0.0.1"


@pytest.fixture
def carol(db: None) -> User:
    return User.objects.create_user("carol", password=RIGHT, is_staff=True)


def enter(client: Client, name: str = "alice", password: str = RIGHT, **extra: str) -> int:
    """Post the sign-in form; returns the answer's status."""
    return client.post("/sign-in/", {"username": name, "password": password, **extra}).status_code


def hammer(name: str = "alice", *, times: int = sign_in.FREE_FAILURES) -> Client:
    """A stranger from the same address, who guesses."""
    stranger = Client()
    for _ in range(times):
        enter(stranger, name, WRONG)
    return stranger


def mark(client: Client) -> "Morsel[str]":
    [cookie] = [value for name, value in client.cookies.items() if name.startswith("sessionsite_known_")]
    return cookie


# --- signing in -----------------------------------------------------------------------------------------------


def test_it_signs_in_and_goes_where_one_wanted(client: Client, alice: User) -> None:
    answer = client.post("/sign-in/", {"username": "alice", "password": RIGHT, "next": "/trash/"})
    assert answer["Location"] == "/trash/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_it_never_leads_to_another_host_after_signing_in(client: Client, alice: User, target: str) -> None:
    answer = client.post("/sign-in/", {"username": "alice", "password": RIGHT, "next": target})
    assert answer["Location"] == "/"


def test_it_gives_the_login_a_new_key(client: Client, alice: User) -> None:
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    planted = session.session_key or ""
    client.cookies[settings.SESSION_COOKIE_NAME] = planted
    enter(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    assert BrowserLogin.objects.get().account_id == alice.pk


def test_it_signs_out_and_forgets_what_was_read(staff: Client) -> None:
    assert staff.get("/sign-out/").status_code == 405
    answer = staff.post("/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache"'
    assert staff.get("/account/").status_code == 302


def test_it_says_the_same_of_every_wrong_name_and_password(client: Client, alice: User, carol: User) -> None:
    User.objects.filter(pk=carol.pk).update(is_active=False)
    told = set()
    for name, password in (("alice", WRONG), ("nobody", WRONG), ("carol", RIGHT), ("carol", WRONG), ("x" * 200, WRONG)):
        page = client.post("/sign-in/", {"username": name, "password": password}).text
        told.add(re.search(r'role="alert">.*?</svg>(.*?)</p>', page, re.DOTALL)[1])  # type: ignore[index]
    assert told == {"Name and password do not fit together. Both tell capitals from small letters."}


def test_it_makes_a_guesser_wait_and_says_how_long(alice: User) -> None:
    stranger = hammer()
    answer = stranger.post("/sign-in/", {"username": "alice", "password": RIGHT})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "2"
    assert "Try again in 2 seconds." in answer.text
    assert 'value="alice"' in answer.text
    assert RIGHT not in answer.text
    assert stranger.get("/account/").status_code == 302


def test_it_looks_at_no_password_while_a_guesser_waits(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = hammer()
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", lambda *_, **__: pytest.fail("was looked at"))
    assert enter(stranger) == 429


def test_it_tells_unknown_names_to_wait_alike(alice: User) -> None:
    assert enter(hammer("nobody"), "nobody", RIGHT) == 429


def test_it_lets_an_owner_in_while_somebody_hammers_their_name(client: Client, alice: User) -> None:
    enter(client)
    client.post("/sign-out/")
    for number in range(sign_in.FREE_FAILURES_OF_A_NETWORK):
        hammer(times=1) if number < sign_in.FREE_FAILURES else hammer(f"guess-{number}", times=1)
    assert enter(Client()) == 429
    assert enter(client) == 302


def test_it_gives_a_known_browser_a_limit_too(client: Client, alice: User) -> None:
    enter(client)
    client.post("/sign-out/")
    statuses = [enter(client, password=WRONG) for _ in range(sign_in.FREE_FAILURES + 1)]
    assert statuses == [200] * sign_in.FREE_FAILURES + [429]


def test_it_marks_a_browser_for_one_account_alone(client: Client, alice: User, carol: User) -> None:
    enter(client)
    request = RequestFactory().get("/sign-in/")
    request.COOKIES = {name: cookie.value for name, cookie in client.cookies.items()}
    assert visitor.mark_of(request, "alice")
    assert visitor.mark_of(request, "carol") == ""
    # The same cookie under the other account's name is no mark either.
    request.COOKIES = {visitor._cookie_name("carol"): mark(client).value}
    assert visitor.mark_of(request, "carol") == ""


def test_it_keeps_the_mark_to_the_sign_in_page_and_from_scripts(client: Client, alice: User) -> None:
    enter(client)
    cookie = mark(client)
    assert cookie["path"] == "/sign-in/"
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert "alice" not in f"{cookie.key}{cookie.value}"


def test_it_takes_no_forged_mark(client: Client, alice: User) -> None:
    hammer()
    client.cookies[visitor._cookie_name("alice")] = "Im1pbmUi:1aaaaa:forged"
    assert enter(client) == 429


def test_it_introduces_a_new_browser_by_an_address_from_the_server(client: Client, alice: User) -> None:
    hammer()
    assert enter(client) == 429
    page = client.get(visitor.introduction("alice"))
    assert 'value="alice"' in page.text
    assert enter(client) == 302


def test_it_introduces_nobody_by_an_old_or_a_forged_address(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = visitor.introduction("alice")
    monkeypatch.setattr(visitor, "INTRODUCTION_SECONDS", -1)
    for address in (path, f"{path}x", "/sign-in/?for=alice"):
        assert client.get(address).status_code == 200
    assert client.cookies.get(visitor._cookie_name("alice")) is None


def test_it_leads_from_the_admins_sign_in_to_its_own(client: Client, alice: User) -> None:
    hammer()
    answer = client.post("/admin/login/?next=/admin/", {"username": "alice", "password": RIGHT})
    assert answer["Location"] == "/sign-in/?next=%2Fadmin%2F"
    assert client.get("/admin/").status_code == 302


def test_it_signs_out_of_the_admin_too_and_forgets_what_was_read(staff: Client) -> None:
    answer = staff.post("/admin/logout/")
    assert answer["Location"] == "/sign-in/"
    assert answer["Clear-Site-Data"] == '"cache"'
    assert staff.get("/admin/").status_code == 302


def test_it_changes_no_password_past_its_own_page(staff: Client) -> None:
    answer = staff.post("/admin/password_change/", {"old_password": RIGHT})
    assert answer["Location"] == "/account/"


# --- the visitor's address ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ("", "198.51.100.1", "203.0.113.7", "198.51.100.1"),
        (PROXY, "198.51.100.1", "203.0.113.7", "198.51.100.1"),
        (PROXY, PROXY, "203.0.113.7", "203.0.113.7"),
        (PROXY, PROXY, "made-up, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.0/8", PROXY, "made-up, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (PROXY, PROXY, "", PROXY),
        (PROXY, PROXY, f"{PROXY}, {PROXY}", PROXY),
        ("::1", "::1", "2001:db8::1", "2001:db8::1"),
        (PROXY, "", "203.0.113.7", ""),
    ],
)
def test_it_believes_a_forwarded_address_of_a_trusted_proxy_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, trusted: str, peer: str, forwarded: str, address: str
) -> None:
    monkeypatch.setenv("TRUSTED", trusted)
    settings.SESSIONSITE_TRUSTED_PROXIES = networks("TRUSTED")
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=peer)
    assert visitor.address_of(request) == address


# --- the pages ------------------------------------------------------------------------------------------------


def test_it_lists_everybody_with_their_role(staff: Client, carol: User) -> None:
    User.objects.create_user("former", is_staff=True, is_active=False)
    page = staff.get("/accounts/").text
    for told in ("alice", "Administrator", "You", "carol", "Reader", "never", "former", "Deactivated"):
        assert told in page


def test_it_adds_an_account_and_shows_its_password_once(staff: Client) -> None:
    answer = staff.post("/accounts/new/", {"name": "dave", "role": "reader"})
    password = re.search(r"<code>([a-z2-9-]{23})</code>", answer.text)
    assert password
    assert "no-store" in answer["Cache-Control"]
    assert enter(Client(), "dave", password[1]) == 302
    assert password[1] not in staff.get(f"/accounts/{User.objects.get(username='dave').pk}/").text


def test_it_adds_an_administrator_with_the_password_that_was_given(staff: Client) -> None:
    answer = staff.post("/accounts/new/", {"name": "dave", "role": "administrator", "password": "a good long one"})
    dave = User.objects.get(username="dave")
    assert answer["Location"] == f"/accounts/{dave.pk}/"
    assert dave.is_superuser
    assert enter(Client(), "dave", "a good long one") == 302


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "Alice", "role": "reader"}, "There is an account"),
        ({"name": "two words", "role": "reader"}, "Enter a valid username"),
        ({"name": "dave", "role": "reader", "password": "12345678"}, "too common"),
        ({"name": "dave", "role": "owner"}, "Select a valid choice"),
        ({"name": "", "role": "reader"}, "required"),
    ],
)
def test_it_says_what_is_wrong_with_a_new_account(staff: Client, fields: dict[str, str], problem: str) -> None:
    answer = staff.post("/accounts/new/", fields)
    assert answer.status_code == 400
    assert problem in answer.text
    assert User.objects.count() == 1


def test_it_changes_another_account(staff: Client, carol: User) -> None:
    staff.post(f"/accounts/{carol.pk}/role/", {"role": "administrator"})
    assert User.objects.get(pk=carol.pk).is_superuser
    staff.post(f"/accounts/{carol.pk}/role/", {"role": "reader"})
    assert not User.objects.get(pk=carol.pk).is_superuser
    staff.post(f"/accounts/{carol.pk}/deactivate/")
    assert enter(Client(), "carol") == 200
    staff.post(f"/accounts/{carol.pk}/reactivate/")
    assert enter(Client(), "carol") == 302
    assert "1 browser was signed out." in staff.post(f"/accounts/{carol.pk}/sign-out/", follow=True).text


def test_it_sets_a_new_password_and_shows_a_random_one_once(staff: Client, carol: User) -> None:
    shown = re.search(r"<code>([a-z2-9-]{23})</code>", staff.post(f"/accounts/{carol.pk}/password/").text)
    assert shown
    assert enter(Client(), "carol", shown[1]) == 302
    given = staff.post(f"/accounts/{carol.pk}/password/", {"password": "a good long one"}, follow=True)
    assert "a good long one" not in given.text
    assert enter(Client(), "carol", "a good long one") == 302
    weak = staff.post(f"/accounts/{carol.pk}/password/", {"password": "12345678"})
    assert weak.status_code == 400
    assert "too common" in weak.text


def test_it_keeps_the_last_administrator(staff: Client, alice: User) -> None:
    for verb in ("role", "deactivate"):
        answer = staff.post(f"/accounts/{alice.pk}/{verb}/", {"role": "reader"})
        assert answer.status_code == 409
        assert "last active administrator" in answer.text
    assert staff.get("/accounts/").status_code == 200


def test_it_lets_anybody_of_the_staff_change_their_own_password(reader: Client, client: Client) -> None:
    enter(client, "carol", "battery staple")
    new = {"old_password": "battery staple", "new_password1": "a good long one", "new_password2": "a good long one"}
    answer = reader.post("/account/", new, follow=True)
    assert "Your password was changed" in answer.text
    assert "Present password" in answer.text
    assert client.get("/account/").status_code == 302
    assert enter(Client(), "carol", "a good long one") == 302
    assert AuditEvent.objects.filter(verb="account_password_changed", actor="carol").exists()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (("wrong", "a good long one", "a good long one"), "That is not your present password."),
        (("correct horse", "a good long one", "another"), "The new password was not repeated the same."),
        (("correct horse", "12345678", "12345678"), "too common"),
    ],
)
def test_it_says_what_is_wrong_with_a_new_password(staff: Client, fields: tuple[str, str, str], problem: str) -> None:
    names = ("old_password", "new_password1", "new_password2")
    answer = staff.post("/account/", dict(zip(names, fields, strict=True)))
    assert answer.status_code == 400
    assert problem in answer.text
    assert enter(Client()) == 302


def test_it_signs_out_ones_other_browsers(reader: Client, client: Client) -> None:
    enter(client, "carol", "battery staple")
    assert "1 other browser was signed out." in reader.post("/account/sign-out-others/", follow=True).text
    assert client.get("/account/").status_code == 302
    assert reader.get("/account/").status_code == 200


def test_it_clears_logins_that_ran_out_with_djangos_command(staff: Client) -> None:
    BrowserLogin.objects.update(expire_date="2020-01-01T00:00Z")
    call_command("clearsessions")
    assert not BrowserLogin.objects.exists()


@pytest.mark.parametrize("role", [None, "", "none", "zzz"])
def test_a_role_that_there_is_not_changes_none(staff: Client, carol: User, role: str | None) -> None:
    actions.change_role(carol.pk, Role.ADMINISTRATOR, actor=ALICE)
    answer = staff.post(f"/accounts/{carol.pk}/role/", {} if role is None else {"role": role})
    carol.refresh_from_db()
    assert (answer.status_code, carol.is_superuser) == (400, True)
