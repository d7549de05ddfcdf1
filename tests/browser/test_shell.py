"""What every page has around it: navigation, keyboard, commands, toasts, focus, the viewer's zone."""

from playwright.sync_api import Page, expect

from sessions.models import Session
from tests.builders import make_session


def test_it_goes_anywhere_by_two_keys(page: Page) -> None:
    for key, heading in (("s", "Sessions"), ("t", "Trash"), ("c", "Cleanup"), ("u", "Users"), ("a", "Activity")):
        page.wait_for_load_state()
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()


def test_it_focuses_the_search_from_anywhere(page: Page) -> None:
    page.goto("/trash/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search all conversations")).to_be_focused()


def test_it_lists_the_keys_of_the_page_too(page: Page) -> None:
    session = make_session(turns=1)
    page.goto(f"/sessions/{session.pk}/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("On this page")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_it_runs_a_command_from_the_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="A command").fill("trash")
    expect(page.get_by_role("option").first).to_have_text("Trashg t")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Trash", level=1)).to_be_visible()


def test_it_finds_a_session_in_the_palette(page: Page) -> None:
    session = make_session(title="Quince marmalade")
    page.keyboard.press("Control+k")
    page.keyboard.type("quince")
    page.get_by_role("option", name="Quince marmalade").click()
    page.wait_for_url(f"**/sessions/{session.pk}/**")


def test_it_gives_the_focus_back_when_the_palette_closes(page: Page) -> None:
    page.get_by_role("link", name="Cleanup").focus()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Cleanup")).to_be_focused()


def test_it_tells_the_server_the_viewers_zone(page: Page) -> None:
    page.reload()
    names = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert names["timezone"].replace("%2F", "/") == page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")


def test_it_dismisses_a_toast(page: Page) -> None:
    session = make_session(title="Oops")
    page.goto(f"/sessions/{session.pk}/")
    page.get_by_role("button", name="Trash").click()
    page.locator(".toast").get_by_role("button", name="Dismiss").click()
    expect(page.locator(".toast")).to_have_count(0)
    assert Session.objects.get(pk=session.pk).trashed_at is not None


def test_it_remembers_the_theme(page: Page) -> None:
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_it_says_that_the_server_cannot_be_reached_until_it_can(page: Page, misdeeds: list[str]) -> None:
    make_session(title="Still here")
    page.goto("/sessions/")
    page.route("**/sessions/**", lambda route: route.abort())
    page.get_by_role("columnheader", name="Tokens").get_by_role("link").click()
    warning = page.get_by_text("The server cannot be reached")
    expect(warning).to_be_visible()
    page.unroute("**/sessions/**")
    page.get_by_role("columnheader", name="Tokens").get_by_role("link").click()
    expect(warning).to_have_count(0)
    misdeeds.clear()  # the browser's own words for a request that failed
