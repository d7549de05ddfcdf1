"""What an administrator does in a day, in a real browser, under the real policy."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sessions.models import Session
from tests.builders import make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


@with_and_without_script
def test_it_trashes_and_undoes_it(page: Page) -> None:
    session = make_session(title="Oops")
    page.goto(f"/sessions/{session.pk}/")
    page.get_by_role("button", name="Trash").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Oops")).to_be_visible()
    assert Session.objects.get(pk=session.pk).trashed_at is None


def test_it_holds_with_a_reason(page: Page) -> None:
    session = make_session()
    page.goto(f"/sessions/{session.pk}/")
    page.locator("summary", has_text="Hold").click()
    page.get_by_label("Why hold it?").fill("for the audit")
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("for the audit")).to_be_visible()
    expect(page.get_by_role("button", name="Release")).to_be_visible()


def test_it_downloads_an_export(page: Page, tmp_path: Path) -> None:
    session = make_session(turns=2)
    page.goto(f"/sessions/{session.pk}/")
    with page.expect_download() as download:
        page.locator("summary", has_text="Export").click()
        page.get_by_role("link", name="JSON, complete").click()
    download.value.save_as(tmp_path / "export.json")
    assert len(json.loads((tmp_path / "export.json").read_text())["interactions"]) == 2


def test_it_leads_to_sign_in_when_the_login_ran_out(page: Page) -> None:
    make_session()
    page.goto("/sessions/")
    page.context.clear_cookies()
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in to Sessionsite")).to_be_visible()


def test_it_says_the_time_in_the_viewers_zone(page: Page) -> None:
    session = make_session(turns=1)
    page.goto(f"/sessions/{session.pk}/")
    exact = page.locator("article.turn time").get_attribute("title")
    assert exact
    assert not exact.endswith("+00:00")


def test_it_wears_the_same_colours_in_the_admin(page: Page) -> None:
    make_session()
    page.goto("/admin/conversations/session/")
    expect(page.get_by_role("link", name="Sessionsite", exact=True)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--primary')") == "#2f57d9"
