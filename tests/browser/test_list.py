"""The list of sessions in a real browser: filters, views, selecting, news; with and without scripts."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from sessions import actions
from sessions.models import BulkRun, SavedView, Session
from tests.builders import ALICE, log, make_idle, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)
LIST = "/sessions/"


def title(page: Page, text: str) -> Locator:
    """The link of a session in the list."""
    return page.locator("td.main > a", has_text=text)


def state(page: Page, name: str) -> Locator:
    return page.get_by_label("State", exact=True).get_by_role("link", name=name, exact=True)


def tick(page: Page, *texts: str) -> None:
    for text in texts:
        page.get_by_role("checkbox", name=f"Select {text}").check()


def open_menu(page: Page, name: str) -> None:
    page.locator("summary", has_text=name).click()


@with_and_without_script
def test_it_filters_the_list(page: Page) -> None:
    make_session(title="Wanted", tags=["ci"])
    make_session(title="Another")
    make_session(title="Long ago", idle_days=9, tags=["ci"])
    page.goto(LIST)
    expect(title(page, "Another")).to_be_visible()
    page.get_by_label("Tag", exact=True).fill("ci")
    page.get_by_role("button", name="Filter").click()
    expect(title(page, "Another")).to_have_count(0)
    expect(title(page, "Wanted")).to_be_visible()
    assert "tag=ci" in page.url
    state(page, "Expired").click()
    expect(title(page, "Long ago")).to_be_visible()
    assert "tag=ci" in page.url
    assert "state=expired" in page.url
    expect(page.get_by_label("Tag", exact=True)).to_have_value("ci")
    page.locator(".set-filters a", has_text="ci").click()
    expect(page.get_by_label("Tag", exact=True)).to_have_value("")
    assert "tag=" not in page.url


def test_it_tells_a_wrong_filter_at_its_field(page: Page) -> None:
    make_session(title="Here")
    page.goto(LIST)
    open_menu(page, "Dates, length, errors")
    page.get_by_label("Interactions, at least").fill("5")
    page.get_by_label("Interactions, at most").fill("2")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".field.wrong .problem")).to_contain_text("less than")
    expect(page.get_by_label("Interactions, at most")).to_have_attribute("aria-invalid", "true")


def test_it_goes_back_through_what_was_filtered(page: Page) -> None:
    make_session(title="Active one")
    make_session(title="Expired one", idle_days=9)
    page.goto(LIST)
    state(page, "Expired").click()
    expect(title(page, "Expired one")).to_be_visible()
    page.go_back()
    expect(title(page, "Active one")).to_be_visible()
    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()


def test_what_was_ticked_on_other_pages_goes_with_the_rest(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.listing.PAGE_SESSIONS", 2)
    for minutes, name in enumerate("dcba"):
        make_session(title=f"Title {name}", idle_days=1 + minutes / 1440)
    page.goto(LIST)
    tick(page, "Title d", "Title c")
    page.get_by_role("link", name="Next page").click()
    expect(title(page, "Title b")).to_be_visible()
    tick(page, "Title b")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("3 sessions held")).to_be_visible()
    held = Session.objects.exclude(held_at=None)
    assert sorted(session.title for session in held) == ["Title b", "Title c", "Title d"]


def test_what_was_ticked_and_taken_back_elsewhere_does_not_go(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.listing.PAGE_SESSIONS", 1)
    for minutes, name in enumerate("ba"):
        make_session(title=f"Title {name}", idle_days=1 + minutes / 1440)
    page.goto(LIST)
    tick(page, "Title b")
    page.get_by_role("link", name="Next page").click()
    expect(title(page, "Title a")).to_be_visible()
    with page.expect_download():
        page.get_by_role("button", name="Export").click()
    tick(page, "Title a")
    page.get_by_role("link", name="First page").click()
    page.get_by_role("checkbox", name="Select Title b").uncheck()
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("1 session held")).to_be_visible()
    assert Session.objects.get(title="Title b").held_at is None


@with_and_without_script
def test_it_pages_through_the_list(page: Page) -> None:
    Session.objects.bulk_create([Session(pk=f"s{n:03}", title=f"Session {n:03}") for n in range(60)])
    page.goto(LIST)
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("link", name="First page").click()
    expect(page.locator("tbody tr")).to_have_count(50)


def test_it_sorts_by_its_headings(page: Page) -> None:
    make_session(title="Short", turns=1)
    make_session(title="Long", turns=3)
    page.goto(LIST)
    page.get_by_role("link", name="Interactions").click()
    expect(page.get_by_role("columnheader", name="Interactions")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("td.main > a")).to_have_text(["Long", "Short"])
    page.get_by_role("link", name="Interactions").click()
    expect(page.get_by_role("columnheader", name="Interactions")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("td.main > a")).to_have_text(["Short", "Long"])


def test_it_remembers_how_the_list_looks(page: Page) -> None:
    make_session(title="Here", source="codex")
    page.goto(LIST)
    open_menu(page, "Display")
    page.get_by_label("Source", exact=True).last.uncheck()
    page.get_by_label("Compact").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("table.compact")).to_be_visible()
    page.goto("/sessions/?state=all")
    expect(page.locator("table.compact")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Source")).to_have_count(0)


@with_and_without_script
def test_it_saves_a_view_and_opens_it_again(page: Page) -> None:
    make_session(title="Wanted", tags=["ci"])
    make_session(title="Another")
    page.goto("/sessions/?tag=ci&sort=tokens")
    open_menu(page, "Save view")
    page.get_by_label("Save these filters, order and columns as").fill("Broken builds")
    page.get_by_role("button", name="Save the view").click()
    page.goto("/sessions/?state=active")
    expect(title(page, "Another")).to_be_visible()
    page.get_by_role("link", name="Broken builds").click()
    expect(title(page, "Wanted")).to_be_visible()
    expect(title(page, "Another")).to_have_count(0)
    open_menu(page, "This view")
    page.get_by_label("Name", exact=True).fill("Builds")
    page.locator("form", has=page.get_by_label("Let it show what I see now")).get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Builds", exact=True)).to_be_visible()
    open_menu(page, "This view")
    page.get_by_role("button", name="Delete the view").click()
    expect(page.get_by_text("No session was touched")).to_be_visible()
    assert not SavedView.objects.exists()


@with_and_without_script
def test_it_holds_several_and_undoes_it(page: Page) -> None:
    for name in ("One", "Two", "Three"):
        make_session(title=name)
    page.goto(LIST)
    tick(page, "One", "Two")
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.get_by_text("2 sessions held.")).to_be_visible()
    expect(page.locator("tr .badge.held")).to_have_count(2)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back: 2 sessions.")).to_be_visible()
    assert not Session.objects.held().exists()


def test_it_tags_several(page: Page) -> None:
    make_session(title="One")
    page.goto(LIST)
    tick(page, "One")
    page.locator("#bulk summary").click()
    page.get_by_label("Tags, with commas between").fill("fresh, urgent")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("tr a.chip")).to_have_text(["fresh", "urgent"])


@with_and_without_script
def test_it_plans_for_all_that_match_and_takes_it_back(page: Page) -> None:
    for number in range(3):
        make_session(title=f"Old {number}", tags=["old"])
    actions.hold_session(make_session(title="Kept", tags=["old"]).pk, actor=ALICE)
    page.goto("/sessions/?tag=old")
    tick(page, "Old 1")
    page.get_by_label("All that match").check()
    page.get_by_role("button", name="Trash").click()
    expect(page.get_by_text("left alone: held")).to_be_visible()
    expect(page.get_by_role("link", name="Old 2")).to_be_visible()
    assert not Session.objects.trashed().exists()
    page.get_by_role("button", name="Move to the trash: 3 sessions").click()
    expect(page.get_by_text("1 left alone: held")).to_be_visible()
    assert Session.objects.trashed().count() == 3
    page.get_by_role("button", name="Undo: 3 sessions").click()
    expect(page.get_by_text("Taken back by alice")).to_be_visible()
    assert not Session.objects.trashed().exists()


def test_it_goes_on_by_itself(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.actions.bulk._BATCH", 1)
    monkeypatch.setattr("sessions.actions.bulk.advance_bulk.__kwdefaults__", {"seconds": 0})
    for number in range(4):
        make_session(title=f"Session {number}")
    page.goto(LIST)
    tick(page, "Session 1")
    page.get_by_label("All that match").check()
    page.get_by_role("button", name="Hold", exact=True).click()
    page.get_by_role("button", name="Hold: 4 sessions").click()
    expect(page.get_by_role("button", name="Undo: 4 sessions")).to_be_visible()
    assert BulkRun.objects.get().phase == "done"


def test_it_downloads_several_as_one_archive(page: Page, tmp_path: Path) -> None:
    for name in ("One", "Two", "Three"):
        make_session(title=name, turns=1)
    page.goto(LIST)
    tick(page, "One", "Two")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "export.zip")
    assert len(ZipFile(tmp_path / "export.zip").namelist()) == 3


# --- With a script ----------------------------------------------------------------------------------------------


def test_it_selects_a_range_with_shift(page: Page) -> None:
    Session.objects.bulk_create([Session(pk=f"s{n}", title=f"Session {n}") for n in range(6)])
    page.goto(LIST)
    boxes = page.locator('tbody input[name="id"]')
    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("tr.picked")).to_have_count(4)
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_label("Select all on this page").check()
    expect(page.get_by_text("6 selected")).to_be_visible()
    page.get_by_role("button", name="Select none").click()
    expect(page.locator("#bulk")).to_be_hidden()


def test_it_keeps_the_selection_when_the_list_is_sorted(page: Page) -> None:
    for name in ("One", "Two"):
        make_session(title=name)
    page.goto(LIST)
    tick(page, "One")
    page.get_by_role("link", name="Interactions").click()
    expect(page.get_by_role("columnheader", name="Interactions")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("checkbox", name="Select One")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Select Two")).not_to_be_checked()
    expect(page.get_by_role("link", name="Interactions")).to_be_focused()


def test_it_works_by_keyboard_alone(page: Page) -> None:
    make_idle(make_session(title="Second"), 1)
    make_session(title="First")
    page.goto(LIST)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("checkbox", name="Select Second")).to_be_checked()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_hidden()
    page.keyboard.press("k")
    page.keyboard.press("#")
    expect(page.get_by_text("1 session moved to the trash.")).to_be_visible()
    expect(title(page, "First")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.wait_for_url("**/context/")


def test_it_tells_of_changes_and_moves_nothing(page: Page) -> None:
    older, newer = make_session(title="Older"), make_session(title="Newer")
    make_idle(older, 2)
    make_idle(newer, 1)
    page.clock.install()
    page.goto(LIST)
    tick(page, "Older")
    title(page, "Older").focus()
    log(older, prompt="more")
    make_session(title="Brand new")
    page.clock.run_for(6_000)
    expect(page.get_by_text("2 sessions changed")).to_be_visible()
    expect(page.locator("tr", has=title(page, "Older")).locator('[data-label="Interaction"]')).to_have_text("1")
    expect(page.locator("td.main > a")).to_have_text(["Newer", "Older"])
    expect(title(page, "Older")).to_be_focused()
    expect(page.get_by_role("checkbox", name="Select Older")).to_be_checked()
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator("td.main > a")).to_have_text(["Brand new", "Older", "Newer"])
    expect(page.get_by_role("checkbox", name="Select Older")).to_be_checked()


def test_it_asks_nothing_while_nobody_looks(page: Page) -> None:
    make_session(title="Here")
    page.clock.install()
    page.goto(LIST)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    page.clock.run_for(20_000)
    assert not [url for url in asked if "/sessions/changes" in url]
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_request("**/sessions/changes*"):
        page.clock.run_for(6_000)


def test_no_tag_named_keeps_what_is_ticked(page: Page) -> None:
    session = make_session(title="To be tagged")
    page.goto("/sessions/")
    page.locator(f'input[name="id"][value="{session.pk}"]').check()
    page.locator("#bulk summary").click()
    page.locator("#bulk").get_by_role("button", name="Add").click()
    expect(page.locator("#bulk-tags")).to_be_focused()
    expect(page.locator(f'input[name="id"][value="{session.pk}"]')).to_be_checked()
