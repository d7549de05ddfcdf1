"""Signing in and keeping the accounts, in a real browser, with and without scripts."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from sessions.actions import sign_in
from sessions.errors import SignInSlowed

from .conftest import PASSWORD

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def gate(context: BrowserContext, transactional_db: None) -> Page:
    """The sign-in page, on the way to the trash."""
    User.objects.create_superuser("alice", password=PASSWORD)
    page = context.new_page()
    page.goto("/trash/")
    return page


@with_and_without_script
def test_it_signs_in_and_out(gate: Page) -> None:
    fill_in(gate, "alice", "wrong")
    expect(gate.get_by_role("alert")).to_contain_text("do not fit together")
    fill_in(gate, "alice", PASSWORD)
    expect(gate.get_by_role("heading", name="Trash", exact=True)).to_be_visible()
    gate.get_by_role("button", name="Sign out").first.click()
    expect(gate.get_by_role("heading", name="Sign in to Sessionsite")).to_be_visible()


def test_it_lets_the_owner_in_beside_a_guesser(gate: Page, context: BrowserContext) -> None:
    fill_in(gate, "alice", PASSWORD)
    expect(gate.get_by_role("heading", name="Trash", exact=True)).to_be_visible()
    gate.get_by_role("button", name="Sign out").first.click()
    for _ in range(sign_in.FREE_FAILURES):
        sign_in.begin_sign_in("alice", address="127.0.0.1")
    with pytest.raises(SignInSlowed):
        sign_in.begin_sign_in("alice", address="127.0.0.1")
    fill_in(gate, "alice", PASSWORD)
    expect(gate.get_by_role("link", name="Sessions", exact=True).first).to_be_visible()


def test_it_tells_a_guesser_how_long_to_wait(gate: Page, misdeeds: list[str]) -> None:
    for _ in range(sign_in.FREE_FAILURES + 1):
        sign_in.sign_in_failed(sign_in.Attempt("alice", "127.0.0.1", known_browser=False, budgets={}))
    for _ in range(sign_in.FREE_FAILURES):
        sign_in.begin_sign_in("alice", address="127.0.0.1")
    fill_in(gate, "alice", PASSWORD)
    expect(gate.get_by_role("alert")).to_contain_text(re.compile("Try again in [12] second"))
    # The browser reports the refusal as such, which it is.
    misdeeds[:] = [deed for deed in misdeeds if "429" not in deed]


@with_and_without_script
def test_it_adds_changes_and_deactivates_an_account(page: Page, javascript: bool) -> None:
    page.goto("/accounts/")
    page.get_by_role("link", name="Add an account").click()
    page.get_by_label("Name").fill("carol")
    page.get_by_label("Administrator: may do everything").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="carol was added")).to_be_visible()
    expect(page.locator(".secret code")).to_have_text(re.compile("^[a-z2-9-]{23}$"))
    expect(page.get_by_role("button", name="Copy")).to_be_visible(visible=javascript)
    page.get_by_role("link", name="I have noted it").click()
    page.get_by_role("link", name="carol").click()
    page.get_by_role("button", name="Make a reader").click()
    expect(page.get_by_text("carol is a reader now.")).to_be_visible()
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("carol was deactivated and signed out everywhere.")).to_be_visible()
    page.get_by_role("button", name="Reactivate").click()
    expect(page.get_by_text("carol can sign in again.")).to_be_visible()


def test_it_changes_ones_password_and_stays_signed_in(page: Page) -> None:
    page.goto("/account/")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("a good long one")
    page.get_by_label("New password again").fill("a good long one")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password was changed.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
