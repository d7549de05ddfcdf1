"""Making and revoking a token in a real browser, with and without scripts."""

import pytest
from playwright.sync_api import Error, Page, expect

from sessions import actions
from sessions.errors import TokenRefused
from sessions.models import Token
from sessions.records import Face

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


def make(page: Page) -> str:
    """Make a token; returns its secret, as the page shows it."""
    page.goto("/accounts/tokens/")
    page.get_by_role("link", name="Make a token").first.click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("radio", name="Read").check()
    page.get_by_label("Expires after").select_option("30 days")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="laptop is ready")).to_be_visible()
    return page.locator(".secret code").inner_text()


@with_and_without_script
def test_it_makes_shows_and_revokes_a_token(page: Page) -> None:
    secret = make(page)
    assert actions.admit(secret, face=Face.REST).caller.scope == "read"
    expect(page.get_by_label("curl", exact=True)).to_contain_text(secret)
    page.get_by_text("Cursor", exact=True).click()
    expect(page.get_by_label("Cursor", exact=True)).to_contain_text(f"Bearer {secret}")
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("link", name="laptop").click()
    expect(page.get_by_text("YOUR-TOKEN").first).to_be_visible()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Revoked", exact=True)).to_be_visible()
    with pytest.raises(TokenRefused):
        actions.admit(secret, face=Face.REST)


def test_it_copies_the_token_and_the_ways_to_use_it(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    secret = make(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("button", name="Copy: Claude Code", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("claude mcp add")


def test_it_keeps_the_secret_from_the_back_button(page: Page) -> None:
    secret = make(page)
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
    # The browser kept nothing of that page, and would have to send the form again.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    # The browser's own page about that is on its way.
    expect(page.locator("body")).to_contain_text("ERR_CACHE_MISS")
    assert secret not in page.locator("html").inner_html()
    assert Token.objects.count() == 1


def test_it_is_done_by_keyboard_alone(page: Page) -> None:
    page.goto("/accounts/tokens/")
    page.keyboard.press("c")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by keys is ready")).to_be_visible()
    assert Token.objects.get().scope == "write"


@pytest.mark.parametrize("path", ["/", "/accounts/tokens/", "/accounts/tokens/new/"])
def test_it_fits_a_phone(page: Page, path: str) -> None:
    make(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
