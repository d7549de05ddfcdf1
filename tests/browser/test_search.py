"""Finding a conversation by what was said in it."""

import pytest
from playwright.sync_api import Page, expect

from sessions import actions
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


@with_and_without_script
def test_it_finds_a_phrase_in_tool_output_and_opens_at_it(page: Page) -> None:
    session = make_session(title="Ferry double booking")
    output = [draft(InteractionKind.TOOL_RESPONSE, response=f"line {n}") for n in range(1, 301)]
    actions.log_interactions(session.pk, output, actor=ALICE)
    log(session, kind=InteractionKind.TOOL_RESPONSE, tool_name="Bash", response="raise SeatHoldExpired(hold)")
    page.goto("/")
    page.get_by_label("Search all conversations").fill('"seat hold expired"')
    page.get_by_label("Search all conversations").press("Enter")
    hit = page.locator("a.hit")
    expect(hit.locator("mark")).to_have_text("SeatHoldExpired")
    hit.click()
    expect(page.locator("#i-301")).to_be_in_viewport()


def test_it_searches_while_one_types(page: Page) -> None:
    log(make_session(title="Kiln firmware"), prompt="the thermocouple reads low")
    page.goto("/search/")
    page.get_by_role("searchbox", name="Search for").press_sequentially("thermocouple", delay=20)
    expect(page.locator("a.hit mark")).to_have_text("thermocouple")
    expect(page.get_by_role("searchbox", name="Search for")).to_be_focused()
    expect(page.locator("#search-told")).to_have_text("1 hit in 1 session")
    assert "q=thermocouple" in page.url
    page.keyboard.press("ArrowDown")
    expect(page.locator("a.hit")).to_be_focused()


@with_and_without_script
def test_it_goes_on_to_more(page: Page) -> None:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt=f"seat {n}") for n in range(25)], actor=ALICE)
    page.goto("/search/?q=seat")
    expect(page.locator("a.hit")).to_have_count(20)
    page.get_by_role("link", name="More, and older").click()
    expect(page.locator("a.hit")).to_have_count(5)
    page.get_by_role("link", name="First page").click()
    expect(page.locator("a.hit")).to_have_count(20)


def test_it_helps_where_nothing_is_found(page: Page) -> None:
    log(make_session(), prompt="kiln firmware")
    page.goto('/search/?q="firmware kiln"')
    page.get_by_role("link", name="firmware kiln", exact=True).click()
    expect(page.locator("a.hit")).to_have_count(1)
