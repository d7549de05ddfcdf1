"""The page of a resume link."""

import json

import pytest
from playwright.sync_api import Page, expect

from sessions import actions
from tests.builders import ALICE, draft, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


@with_and_without_script
def test_it_opens_the_session_and_brings_it_back(page: Page) -> None:
    session = make_session(turns=1, idle_days=9)
    page.goto(f"/r/{session.pk}")
    expect(page.locator(".badge.expired")).to_be_visible()
    page.get_by_role("link", name="Open the session").click()
    expect(page.locator("#i-1")).to_be_visible()
    page.goto(f"/r/{session.pk}")
    page.get_by_role("button", name="Mark as active").click()
    expect(page.locator(".badge.active")).to_be_visible()


@with_and_without_script
def test_the_budget_decides_what_is_handed_out(page: Page, javascript: bool) -> None:
    session = make_session()
    actions.log_interactions(
        session.pk, [draft(prompt=f"request {n}. " + "word " * 100) for n in range(60)], actor=ALICE
    )
    page.goto(f"/r/{session.pk}")
    page.get_by_role("button", name="2,000", exact=True).click()
    expect(page.locator(".sum-up")).to_contain_text("of 2,000 tokens")
    expect(page.get_by_label("Token budget")).to_have_value("2000")
    expect(page.locator("#pack-text")).not_to_contain_text("request 1. ")
    expect(page.locator("#pack-text")).to_contain_text("request 59. ")
    expect(page.locator(".gaps summary")).to_contain_text("Left out: 1 stretch")
    page.get_by_label("Token budget").fill("32000")
    if not javascript:
        page.get_by_role("button", name="Show").click()
    expect(page.locator(".sum-up")).to_contain_text("of 32,000 tokens")
    expect(page.locator("#pack-text")).to_contain_text("request 1. ")
    if javascript:
        expect(page.get_by_label("Token budget")).to_be_focused()
        page.wait_for_url("**max_tokens=32000")


def test_everything_can_be_copied(page: Page) -> None:
    session = make_session(turns=2)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/r/{session.pk}")
    for name, start in (
        ("Copy: Prompt for an agent", "Go on with the conversation"),
        ("Copy: curl", "export SESSIONSITE_URL="),
        ("Copy: Python", "from sessions"),
        ("Copy all", f"# request 1\n\nSession {session.pk}"),
        ("Copy the resume link", "http://"),
    ):
        page.get_by_role("button", name=name).click()
        assert page.evaluate("navigator.clipboard.readText()").startswith(start)


def test_the_login_of_the_browser_gives_a_program_the_pack(page: Page) -> None:
    session = make_session(turns=2)
    answer = page.request.get(f"/r/{session.pk}?max_tokens=2000", headers={"Accept": "application/json"})
    assert answer.ok
    assert json.loads(answer.body())["latest"][1]["prompt"] == "request 2"
