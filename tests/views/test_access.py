"""Who may see a page, and what every page's answer carries."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sessions.urls import urlpatterns

from .pages import ADMIN_TABLES, OPEN, PAGES, POSTS
from .store import make_pages_work

ADDRESSES = [*PAGES.values(), *POSTS.values()]
every_page = pytest.mark.parametrize("url", PAGES.values(), ids=PAGES)
every_address = pytest.mark.parametrize("url", ADDRESSES)
pytestmark = pytest.mark.django_db


def test_it_knows_every_address() -> None:
    named = {pattern.name for pattern in urlpatterns}  # type: ignore[union-attr]
    assert named == {*PAGES, *POSTS, *OPEN}


@every_address
def test_it_sends_the_signed_out_to_sign_in(client: Client, url: str) -> None:
    for response in (client.get(url), client.post(url)):
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/?next=/")


@every_address
def test_it_refuses_those_who_are_not_staff(outsider: Client, url: str) -> None:
    for response in (outsider.get(url), outsider.post(url)):
        assert response.status_code == 403
        assert "This is for staff" in response.text


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


def test_it_signs_in_and_goes_where_one_wanted(client: Client, alice: User) -> None:
    answer = client.post("/sign-in/", {"username": "alice", "password": "correct horse", "next": "/trash/"})
    assert answer["Location"] == "/trash/"


def test_it_never_leads_to_another_host_after_signing_in(client: Client, alice: User) -> None:
    answer = client.post(
        "/sign-in/", {"username": "alice", "password": "correct horse", "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/"


def test_it_says_that_a_password_is_wrong(client: Client, alice: User) -> None:
    answer = client.post("/sign-in/", {"username": "alice", "password": "wrong"})
    assert "correct username and password" in answer.text


def test_it_signs_out_and_forgets_what_was_read(staff: Client) -> None:
    answer = staff.post("/sign-out/")
    assert answer["Clear-Site-Data"] == '"cache"'
    assert staff.get("/").status_code == 302


def test_it_reloads_the_page_when_a_login_ran_out_under_htmx(client: Client) -> None:
    answer = client.get("/", headers={"HX-Request": "true"}, follow=True)
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("table", ADMIN_TABLES)
def test_it_only_lets_the_admin_look(staff: Client, table: str) -> None:
    assert staff.get(reverse(f"admin:conversations_{table}_changelist")).status_code == 200
    assert staff.get(reverse(f"admin:conversations_{table}_add")).status_code == 403
