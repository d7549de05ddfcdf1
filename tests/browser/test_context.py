"""Beside the transcript: context, tags, pins and notes, each changed in its place; and all of it without a script."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from sessions import actions
from sessions.models import Session
from tests.builders import ALICE, make_session

from .conftest import sign_in

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


@pytest.fixture
def misdeeds() -> list[str]:
    """A form that was refused may answer 400 or 409; the console saying so, or htmx, is no misdeed."""

    class Forgiving(list[str]):
        def append(self, text: str) -> None:
            if not any(told in text for told in ("status of 400", "status of 409", "Status Error Code 409")):
                super().append(text)

    return Forgiving()


def open_session(page: Page, session: Session) -> None:
    page.goto(f"/sessions/{session.pk}/")


@with_and_without_script
def test_it_edits_the_summary(page: Page) -> None:
    session = make_session()
    open_session(page, session)
    page.get_by_role("link", name="Edit: summary").click()
    page.get_by_role("textbox", name="Summary").fill("Where we are")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#context-of-context_summary")).to_contain_text("Where we are")
    assert Session.objects.get(pk=session.pk).context_summary == "Where we are"


def test_it_says_at_the_field_what_is_wrong_and_keeps_what_was_typed(page: Page) -> None:
    session = make_session()
    open_session(page, session)
    page.get_by_role("link", name="Edit: metadata").click()
    page.get_by_role("textbox", name="Metadata").fill('{"client": ')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is not a JSON object")).to_be_visible()
    expect(page.get_by_role("textbox", name="Metadata")).to_have_value('{"client": ')
    page.get_by_role("textbox", name="Metadata").fill('{"client": "cursor"}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#context-of-metadata")).to_contain_text("cursor")


def test_it_shows_both_versions_when_somebody_was_quicker(page: Page) -> None:
    session = make_session()
    open_session(page, session)
    page.get_by_role("link", name="Edit: summary").click()
    page.get_by_role("textbox", name="Summary").fill("Mine")
    actions.update_context(session.pk, actor=ALICE, context_summary="Theirs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Summary, as it stands now")).to_have_text("Theirs")
    expect(page.get_by_role("textbox", name="Summary")).to_have_value("Mine")
    page.get_by_label("Theirs, as it stands").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#context-of-context_summary")).to_contain_text("Theirs")


@with_and_without_script
def test_it_adds_and_removes_a_tag_and_thinks_better_of_it(page: Page) -> None:
    session = make_session(tags=["kept"])
    open_session(page, session)
    page.get_by_role("textbox", name="Add a tag").or_(page.get_by_role("combobox", name="Add a tag")).fill("new one")
    page.get_by_role("button", name="Add the tag").click()
    expect(page.locator("#head-tags")).to_contain_text("new one")
    page.get_by_role("button", name="Remove the tag kept").click()
    expect(page.locator("#head-tags")).not_to_contain_text("kept")
    page.locator(".toast", has_text="was removed").get_by_role("button", name="Undo").click()
    expect(page.locator("#head-tags")).to_contain_text("kept")


def test_what_could_not_be_saved_is_told_with_the_servers_reason(page: Page) -> None:
    make_session(session_id="s")
    page.goto("/sessions/s/")
    actions.trash_session("s", actor=ALICE)
    page.get_by_label("Write a note").fill("too late")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".toast")).to_contain_text("lies in the trash. Reload the page")
    expect(page.get_by_label("Write a note")).to_have_value("too late")


@with_and_without_script
def test_two_who_edit_a_note_see_both_versions(page: Page, javascript: bool) -> None:
    make_session(session_id="s")
    note = actions.add_note("s", "before", actor=ALICE)
    actions.add_note("s", "another", actor=ALICE)
    page.goto("/sessions/s/")
    page.get_by_role("link", name="Edit the note").first.click()
    mine = page.get_by_role("textbox", name="The note of")
    expect(mine).to_have_value("before")
    actions.edit_note("s", note.id, "theirs", actor=ALICE)
    mine.fill("mine")
    page.locator("form.edit-note").get_by_role("button", name="Save").click()
    expect(page.locator("form.edit-note")).to_contain_text("changed it meanwhile")
    expect(page.locator("form.edit-note .theirs")).to_have_text("theirs")
    expect(mine).to_have_value("mine")
    if javascript:
        expect(page.locator("#notes")).to_contain_text("another")
    page.locator("form.edit-note").get_by_role("button", name="Save").click()
    expect(page.locator("#notes")).to_contain_text("mine")


@with_and_without_script
def test_it_writes_edits_and_removes_a_note_and_brings_it_back(page: Page) -> None:
    session = make_session()
    open_session(page, session)
    page.get_by_label("Write a note").fill("Ask Bob")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".note-text")).to_have_text("Ask Bob")
    page.get_by_role("link", name="Edit the note").click()
    page.get_by_role("textbox", name="The note of alice").fill("Ask Carol")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".note-text")).to_have_text("Ask Carol")
    page.get_by_role("button", name="Remove the note").click()
    expect(page.locator(".note-text")).to_have_count(0)
    page.locator(".toast", has_text="removed").get_by_role("button", name="Undo").click()
    expect(page.locator(".note-text")).to_have_text("Ask Carol")


def test_it_pins_an_interaction_and_leads_back_to_it(page: Page) -> None:
    session = make_session(turns=3)
    open_session(page, session)
    pin = page.get_by_role("button", name="Pin interaction 2", exact=True)
    page.locator("#i-2").hover()
    pin.click()
    expect(pin).to_have_attribute("aria-pressed", "true")
    page.locator(".pins a", has_text="request 2").click()
    expect(page.locator("#i-2")).to_be_in_viewport()
    page.get_by_role("button", name="Unpin interaction 2").click()
    expect(page.locator(".pins li")).to_have_count(0)


def test_it_is_done_by_keyboard_alone(page: Page) -> None:
    session = make_session(title="Before")
    open_session(page, session)
    expect(page.locator("#pack-size")).to_contain_text("tokens")
    page.keyboard.press("e")
    expect(page.get_by_role("textbox", name="Summary")).to_be_focused()
    page.keyboard.type("Typed")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#context-of-context_summary .summary")).to_have_text("Typed")
    expect(page.get_by_role("link", name="Edit: summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Summary")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Edit: summary")).to_be_focused()
    page.keyboard.press("n")
    page.keyboard.type("A note")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".note-text")).to_have_text("A note")


def test_a_new_title_stands_at_the_top_at_once(page: Page) -> None:
    open_session(page, make_session(title="Before"))
    page.get_by_role("link", name="Edit: title").click()
    page.get_by_role("textbox", name="Title").fill("After")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("After")


def test_a_reader_reads(context: BrowserContext, live_server: LiveServer, transactional_db: None) -> None:
    session = make_session(turns=1, tags=["seen"])
    actions.add_note(session.pk, "to be read", actor=ALICE)
    sign_in(context, live_server, User.objects.create_user("carol", password="x", is_staff=True))
    page = context.new_page()
    open_session(page, session)
    expect(page.get_by_text("to be read")).to_be_visible()
    expect(page.locator(".panel form, .pin")).to_have_count(0)
