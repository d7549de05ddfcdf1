"""Users and the log of changes, in a real browser, with its script and without."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from sessions import actions
from sessions.models import Profile, Session
from tests.builders import ALICE, make_session

from .conftest import arrive


def test_it_finds_a_user_edits_what_they_prefer_and_undoes_it(page: Page) -> None:
    make_session(user_id="ann")
    make_session(user_id="team/bob")
    actions.update_profile("team/bob", actor=ALICE, replace={"lang": "de"})
    page.goto("/users/")
    page.get_by_label("Name begins with").fill("team")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="ann", exact=True)).to_have_count(0)
    page.get_by_role("link", name="team/bob").click()
    expect(page.get_by_role("heading", name="team/bob")).to_be_visible()
    page.get_by_role("link", name="Edit preferences").click()
    page.get_by_label("Value", exact=True).first.fill("fr")
    row = page.get_by_role("group", name="Preference 2")
    row.get_by_label("Name").fill("tone")
    row.get_by_label("Value").fill("dry")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".pairs")).to_contain_text("dry")
    assert Profile.objects.get(pk="team/bob").preferences == {"lang": "fr", "tone": "dry"}
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".pairs")).not_to_contain_text("dry")
    assert Profile.objects.get(pk="team/bob").preferences == {"lang": "de"}


def test_it_merges_two_users_and_undoes_it(page: Page) -> None:
    for name, language in (("ann", "de"), ("anna", "en")):
        make_session(user_id=name, turns=1)
        actions.update_profile(name, actor=ALICE, replace={"lang": language})
    page.goto("/users/ann/")
    page.get_by_role("link", name="Merge").click()
    page.locator(".picks").get_by_role("link", name="anna").click()
    expect(page.locator(".side-absorbed")).to_contain_text("1 session")
    page.get_by_role("group", name="lang").get_by_role("radio", name="anna").check()
    page.locator("#preview").get_by_role("button", name="Merge").click()
    expect(page.locator(".pairs")).to_contain_text("en")
    assert Session.objects.filter(user_id="ann").count() == 2
    page.goto("/users/anna/")
    expect(page.get_by_text("“anna” was merged into this user.")).to_be_visible()
    expect(page.get_by_role("heading", name="ann", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo the merge of anna").click()
    expect(page.locator(".pairs")).to_contain_text("de")
    assert Session.objects.filter(user_id="anna").count() == 1


def test_it_narrows_the_log_unfolds_an_event_and_takes_it_along(page: Page, tmp_path: Path) -> None:
    held = make_session(title="Held one")
    make_session(title="Another")
    actions.hold_session(held.pk, reason="for the audit", actor=ALICE)
    page.goto("/activity/")
    page.get_by_label("What").select_option("session_held")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".log li")).to_have_count(1)
    assert "verb=session_held" in page.url
    page.locator(".log summary").click()
    expect(page.get_by_text("for the audit")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON Lines").click()
    download.value.save_as(tmp_path / "log")
    assert [json.loads(line)["session_id"] for line in (tmp_path / "log").read_text().splitlines()] == [held.pk]
    page.get_by_role("link", name="Held one").click()
    expect(page.get_by_role("heading", name="Held one")).to_be_visible()


def test_it_needs_no_mouse(page: Page) -> None:
    make_session(user_id="ann")
    page.keyboard.press("g")
    page.keyboard.press("u")
    arrive(page, "Users")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    arrive(page, "ann")
    page.keyboard.press("e")
    arrive(page, "Preferences")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
