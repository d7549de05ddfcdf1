"""Home in a real browser: the chart, its period, and where its figures lead."""

import pytest
from playwright.sync_api import Page, expect

from tests.builders import log, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


def test_it_greets_a_first_visitor(page: Page) -> None:
    expect(page.get_by_role("heading", name="No conversation has arrived yet")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@with_and_without_script
def test_a_figure_leads_to_its_list(page: Page) -> None:
    make_session(title="Nearly gone", idle_days=6)
    page.goto("/")
    page.get_by_role("link", name="Expiring soon").click()
    expect(page.get_by_role("link", name="Nearly gone")).to_be_visible()


@with_and_without_script
def test_it_draws_another_period_and_remembers_it_in_the_address(page: Page) -> None:
    log(make_session(), prompt="hello")
    page.goto("/")
    expect(page.locator(".chart-plot g")).to_have_count(30)
    page.get_by_role("link", name="7 days", exact=True).click()
    expect(page.locator(".chart-plot g")).to_have_count(7)
    assert page.url.endswith("?days=7")
    page.go_back()
    expect(page.locator(".chart-plot g")).to_have_count(30)


def test_the_focus_stays_on_the_period_that_was_chosen(page: Page) -> None:
    make_session(turns=1)
    page.goto("/")
    page.get_by_role("link", name="90 days").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".chart-plot g")).to_have_count(90)
    expect(page.get_by_role("link", name="90 days")).to_be_focused()


@with_and_without_script
def test_the_numbers_are_there_as_a_table_too(page: Page) -> None:
    make_session(turns=3)
    page.goto("/")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("region", name="as a table").get_by_role("row").nth(1)).to_contain_text("3")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_bars_stay_within_the_drawing(page: Page, width: int) -> None:
    make_session(turns=2)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/?days=365")
    plot = page.locator(".chart-plot").bounding_box()
    bar = page.locator(".chart-plot .column").last.bounding_box()
    assert plot
    assert bar
    assert plot["y"] <= bar["y"] <= bar["y"] + bar["height"] <= plot["y"] + plot["height"]
    assert plot["x"] <= bar["x"] <= bar["x"] + bar["width"] <= plot["x"] + plot["width"] + 1
