"""An administrator's day on the sample conversations, by keyboard alone where a key will do, in both themes."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from sessions.models import Merge, Session

BOOKING = "demo-ferry-double-booking"
TIMETABLES = {"demo-timetable-dst", "demo-timetable-import", "demo-timetable-import-again"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_a_whole_day_by_keyboard(page: Page, theme: str, tmp_path: Path) -> None:
    call_command("demo", verbosity=0)
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/")

    finds_a_phrase_of_a_tools_output(page)
    looks_at_what_an_agent_would_get(page)
    edits_the_context_and_tags(page)
    holds(page)
    saves_a_view(page)
    merges_three_and_undoes_it(page)
    exports_a_selection(page, tmp_path)
    cleans_up_and_restores(page)


def press(page: Page, *keys: str) -> None:
    # What is seen may have come before the script that listens.
    page.wait_for_load_state()
    for key in keys:
        page.keyboard.press(key)


def enter(page: Page, target: Locator) -> None:
    """Press Enter on something that the keyboard can reach."""
    page.wait_for_load_state()
    target.focus()
    expect(target).to_be_focused()
    page.keyboard.press("Enter")


def finds_a_phrase_of_a_tools_output(page: Page) -> None:
    press(page, "/")
    page.keyboard.type('tool:Bash "seat_hold_expired_during_checkout"')
    press(page, "Enter")
    expect(page.locator(".founds mark").first).to_have_text("seat_hold_expired_during_checkout")
    press(page, "j", "Enter")
    page.wait_for_url(f"**/sessions/{BOOKING}/?at=9**")
    expect(page.locator("#i-9")).to_be_in_viewport()
    expect(page.locator("#i-9 mark").first).to_contain_text("seat_hold_expired_during_checkout")


def looks_at_what_an_agent_would_get(page: Page) -> None:
    press(page, "r")
    expect(page.get_by_role("heading", name="What an agent receives")).to_be_visible()
    page.get_by_label("Token budget").fill("500")
    press(page, "Enter")
    expect(page.get_by_text("of 500 tokens")).to_be_visible()
    enter(page, page.get_by_role("link", name="Open the session"))
    expect(page.get_by_role("heading", name="Two passengers, one cabin")).to_be_visible()


def edits_the_context_and_tags(page: Page) -> None:
    press(page, "e")
    summary = page.get_by_role("textbox", name="Summary")
    expect(summary).to_be_focused()
    summary.fill("Holds expire while people pay.")
    press(page, "Control+Enter")
    expect(page.locator(".summary").filter(has_text="Holds expire while people pay.")).to_be_visible()
    press(page, "t")
    page.keyboard.type("reviewed")
    press(page, "Enter")
    expect(page.locator("#side-tags").get_by_text("reviewed")).to_be_visible()
    session = Session.objects.get(pk=BOOKING)
    assert session.context_summary == "Holds expire while people pay."
    assert session.tags.filter(name="reviewed").exists()


def holds(page: Page) -> None:
    enter(page, page.locator(".session-head summary", has_text="Hold"))
    page.get_by_label("Why hold it?").fill("for the audit")
    press(page, "Enter")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    assert Session.objects.get(pk=BOOKING).hold_reason == "for the audit"


def saves_a_view(page: Page) -> None:
    press(page, "g", "s")
    page.get_by_label("Tag", exact=True).fill("timetable")
    press(page, "Enter")
    expect(page.locator("tbody tr")).to_have_count(3)
    enter(page, page.locator("summary", has_text="Save view"))
    page.get_by_label("Save these filters").fill("Timetables")
    press(page, "Enter")
    expect(page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Timetables")).to_be_visible()
    page.goto("/sessions/")
    enter(page, page.get_by_role("link", name="Timetables"))
    expect(page.locator("tbody tr")).to_have_count(3)


def merges_three_and_undoes_it(page: Page) -> None:
    press(page, "j", "x", "j", "x", "j", "x", "m")
    merge = page.get_by_role("button", name="Merge 3 sessions")
    enter(page, merge)
    expect(page.locator(".toast")).to_contain_text("merged")
    assert Merge.objects.filter(survivor_id__in=TIMETABLES, absorbed_id__in=TIMETABLES).count() == 2
    enter(page, page.locator(".toast").get_by_role("button", name="Undo"))
    expect(page.locator(".toast").filter(has_text="undone")).to_be_visible()
    assert not Session.objects.filter(pk__in=TIMETABLES, merged_into__isnull=False).exists()


def exports_a_selection(page: Page, folder: Path) -> None:
    page.goto("/sessions/?tag=timetable")
    press(page, "j", "x", "j", "x")
    with page.expect_download() as download:
        enter(page, page.get_by_role("button", name="Export"))
    download.value.save_as(folder / "export.zip")
    with ZipFile(folder / "export.zip") as archive:
        documents = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")]
    assert {document["session_info"]["session_id"] for document in documents} < TIMETABLES
    assert len(documents) == 2


def cleans_up_and_restores(page: Page) -> None:
    before = Session.objects.trashed().count()
    press(page, "g", "c")
    apply = page.get_by_role("button", name="to the trash")
    due = int("".join(letter for letter in apply.inner_text() if letter.isdigit()))
    confirmed = page.get_by_label("Sessions to take")
    if confirmed.count():
        confirmed.fill(str(due))
    enter(page, apply)
    restore = page.locator("#undo-run")
    expect(restore).to_be_visible()
    assert Session.objects.trashed().count() == before + due
    enter(page, restore)
    expect(restore).to_have_count(0)
    assert Session.objects.trashed().count() == before
