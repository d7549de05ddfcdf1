"""Who may see a page, who may change something, and what every page's answer carries."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sessions import actions
from sessions.models import AuditEvent, Session
from tests.builders import make_session

from .pages import ADMIN_TABLES, PAGES, POSTS
from .routes import OPEN, READERS_MAY_SEND, UNSAFE_METHODS, addresses, changes_offered
from .store import make_pages_work

ADDRESSES = [*PAGES.values(), *POSTS.values()]
every_page = pytest.mark.parametrize("url", PAGES.values(), ids=PAGES)
every_address = pytest.mark.parametrize("url", ADDRESSES)
pytestmark = pytest.mark.django_db


def everything() -> tuple[object, ...]:
    """The store, the accounts and the audit log, as one comparable value."""
    accounts = [*User.objects.order_by("pk").values_list("username", "is_active", "is_superuser", "password")]
    return actions.store_digest(), accounts, AuditEvent.objects.count()


def test_it_knows_every_address() -> None:
    assert {name for name, _ in addresses()} == {*PAGES, *POSTS}
    assert OPEN.isdisjoint(PAGES)


def test_it_sends_the_signed_out_to_sign_in(client: Client) -> None:
    for name, url in addresses():
        for method in ("get", *UNSAFE_METHODS):
            response = getattr(client, method)(url)
            assert response.status_code == 302, (name, method)
            assert response["Location"].startswith("/sign-in/?next=/")


@pytest.mark.parametrize(
    ("page", "following"),
    [
        ("http://testserver/sessions/main/?after=3", "/sessions/main/?after=3"),
        ("http://testserver//elsewhere.example/", "/"),
        ("https://elsewhere.example/sessions/main/", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_a_form_sent_without_a_login_leads_back_to_its_page(client: Client, page: str, following: str) -> None:
    make_session(session_id="main", turns=1)
    answer = client.post("/sessions/main/hold/", {"reason": "x"}, headers={"Referer": page})
    User.objects.create_superuser("erin", password=(password := "a long pass phrase"))
    entered = client.post(answer["Location"], {"username": "erin", "password": password})
    assert (entered.status_code, entered["Location"]) == (302, following)
    assert "nothing was changed. Sign in, and send it again" in client.get(following, follow=True).text
    assert Session.objects.get().held_at is None


def test_it_refuses_those_who_are_not_staff(outsider: Client) -> None:
    for name, url in addresses():
        for method in ("get", *UNSAFE_METHODS):
            response = getattr(outsider, method)(url)
            assert response.status_code == 403, (name, method)
            assert "This is for staff" in response.text


def test_it_lets_a_reader_change_nothing(reader: Client) -> None:
    make_pages_work()
    before = everything()
    for name, url in addresses():
        if name not in READERS_MAY_SEND:
            for method in UNSAFE_METHODS:
                assert getattr(reader, method)(url).status_code == 403, (name, method)
    assert everything() == before


@every_page
def test_it_shows_a_reader_the_page_and_offers_no_change(reader: Client, url: str) -> None:
    make_pages_work()
    response = reader.get(url)
    assert response.status_code == 200
    if not response.streaming:
        assert changes_offered(response.text, url) == []


@every_page
def test_it_shows_the_page_to_staff(staff: Client, url: str) -> None:
    make_pages_work()
    assert staff.get(url).status_code == 200


@every_page
def test_it_keeps_the_page_private_and_apart_from_its_parts(staff: Client, url: str) -> None:
    make_pages_work()
    response = staff.get(url)
    assert "HX-Request" in response["Vary"]
    assert "private" in response["Cache-Control"]


@every_page
def test_it_allows_only_its_own_scripts_and_styles(staff: Client, url: str) -> None:
    make_pages_work()
    response = staff.get(url)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    if not response.streaming:
        for forbidden in (" style=", " onclick=", "<style", "javascript:", "hx-on"):
            assert forbidden not in response.text


@pytest.mark.parametrize("url", POSTS.values(), ids=POSTS)
def test_it_changes_nothing_on_get(staff: Client, url: str) -> None:
    assert staff.get(url).status_code == 405


@every_address
def test_it_wants_a_csrf_token(alice: User, url: str) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(alice)
    response = careful.post(url)
    assert response.status_code == 403
    assert "Please send it again" in response.text


def test_it_reloads_the_page_when_a_login_ran_out_under_htmx(client: Client) -> None:
    answer = client.get("/", headers={"HX-Request": "true"}, follow=True)
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("table", ADMIN_TABLES)
def test_it_only_lets_the_admin_look(staff: Client, reader: Client, table: str) -> None:
    for client in (staff, reader):
        assert client.get(reverse(f"admin:conversations_{table}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:conversations_{table}_add")).status_code == 403


def test_it_keeps_others_out_of_the_admin(client: Client, outsider: Client) -> None:
    signed_out = client.get("/admin/", follow=True)
    assert signed_out.redirect_chain[-1][0] == "/sign-in/?next=%2Fadmin%2F"
    assert outsider.get("/admin/", follow=True).status_code == 403
