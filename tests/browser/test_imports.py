"""Importing in a real browser, with scripts and without: from the files of another tool to the trash."""

import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sessions import actions
from sessions.models import Import, Session
from tests.browser.test_hostile import AUDIT, PAYLOADS, WIDER

FIXTURES = Path(__file__).parents[1] / "fixtures"
BRANCHY = FIXTURES / "chatgpt" / "mitkury__example-conversation.json"
with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A zip as ChatGPT gives it out: a conversation with two ways on, and what is no conversation."""
    path = tmp_path / "chatgpt-export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(BRANCHY, "conversations.json")
        archive.writestr("user.json", '{"id": "user-1", "email": "nora@example.com"}')
    return path


@pytest.fixture
def settle(page: Page, javascript: bool) -> Callable[[], None]:
    """Do what the worker would do by now, and look again where the page does not by itself."""

    def settling() -> None:
        page.locator("#import:not([data-state=ready], [data-state=done])").wait_for()
        while actions.work_on_imports():
            pass
        if not javascript:
            page.get_by_role("link", name="Look again").click()

    return settling


def send(page: Page, *files: Path) -> None:
    page.goto("/imports/")
    page.get_by_label("Files or a zip").set_input_files(files)
    page.get_by_role("button", name="Upload and look at it").click()
    page.wait_for_url("**/imports/*-*/")


@with_and_without_script
def test_it_imports_a_chatgpt_zip_and_undoes_it(page: Page, export: Path, settle: Callable[[], None]) -> None:
    send(page, export)
    settle()
    expect(page.locator("tr", has_text="conversations.json")).to_contain_text("ChatGPT")
    assert not Session.objects.exists()
    page.get_by_label("User").fill("nora")
    page.get_by_label("Tags").fill("old, chatgpt")
    page.get_by_role("button", name="Import 5 interactions").click()
    settle()
    page.get_by_role("link", name="Sample conversation with branch").click()
    expect(page.get_by_text("Branch 2 of 2")).to_be_visible()
    expect(page.get_by_text("How do I write a function in JavaScript?")).to_be_visible()
    page.get_by_role("link", name="Branch before").click()
    expect(page.get_by_text("Branch 1 of 2")).to_be_visible()
    expect(page.get_by_text("How do I write a function in JavaScript?")).to_be_hidden()
    session = Session.objects.get()
    tags = sorted(tag.name for tag in session.tags.all())
    assert (session.user_id, tags) == ("nora", ["chatgpt", "old"])
    page.get_by_role("link", name="chatgpt-export.zip").click()
    page.locator("summary", has_text="Undo the import").click()
    expect(page.get_by_text("1 session that it made goes to the trash")).to_be_visible()
    page.get_by_role("button", name="Undo the import", exact=True).click()
    settle()
    expect(page.get_by_text("1 session went to the trash")).to_be_visible()
    page.get_by_role("link", name="See the trash").click()
    expect(page.get_by_role("link", name="Sample conversation with branch")).to_be_visible()


def test_it_imports_by_keyboard(page: Page, export: Path, settle: Callable[[], None]) -> None:
    page.on("filechooser", lambda chooser: chooser.set_files(export))
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/imports/")
    page.keyboard.press("u")
    expect(page.locator("#chosen-files")).to_contain_text("1 file,")
    page.get_by_label("Tags").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/imports/*-*/")
    settle()
    expect(page.get_by_role("button", name="Import 5 interactions")).to_be_visible()
    page.keyboard.press("c")
    settle()
    expect(page.get_by_role("link", name="Sample conversation with branch")).to_be_visible()
    page.locator("#ask-undo").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    settle()
    expect(page.get_by_text("1 session went to the trash")).to_be_visible()


@with_and_without_script
def test_it_cancels_and_nothing_is_stored(page: Page, export: Path, settle: Callable[[], None]) -> None:
    send(page, export)
    settle()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled: nothing of it was stored")).to_be_visible()
    assert not Session.objects.exists()


def test_it_says_that_no_file_was_chosen(page: Page) -> None:
    page.goto("/imports/")
    page.get_by_role("button", name="Upload and look at it").click()
    expect(page.get_by_text("Choose a file first")).to_be_visible()
    assert not Import.objects.exists()


def test_it_says_that_it_is_too_much_before_it_is_sent(page: Page, export: Path) -> None:
    page.goto("/imports/")
    page.evaluate("document.querySelector('#upload').dataset.mostBytes = 100")
    page.get_by_label("Files or a zip").set_input_files(export)
    expect(page.get_by_role("alert")).to_contain_text("at once")
    expect(page.get_by_role("button", name="Upload and look at it")).to_be_disabled()


def test_it_takes_a_whole_folder(page: Page, tmp_path: Path, settle: Callable[[], None]) -> None:
    folder = tmp_path / "exports"
    (folder / "deep" / "er").mkdir(parents=True)
    for name in ("one.json", "deep/er/one.json"):
        (folder / name).write_bytes(BRANCHY.read_bytes())
    page.goto("/imports/")
    page.get_by_label("Or a folder").set_input_files(folder)
    expect(page.locator("#chosen-files")).to_contain_text("2 files,")
    page.get_by_role("button", name="Upload and look at it").click()
    page.wait_for_url("**/imports/*-*/")
    settle()
    expect(page.get_by_text("exports/deep/er/one.json")).to_be_visible()


def test_it_takes_what_is_dropped(page: Page, settle: Callable[[], None]) -> None:
    page.goto("/imports/")
    transfer = page.evaluate_handle(
        """(text) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], "dropped.json"));
          return transfer;
        }""",
        BRANCHY.read_text(),
    )
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#drop.over")).to_be_visible()
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#chosen-files")).to_contain_text("dropped.json")
    page.get_by_role("button", name="Upload and look at it").click()
    page.wait_for_url("**/imports/*-*/")
    settle()
    expect(page.get_by_role("button", name="Import 5 interactions")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_shows_what_strangers_named_their_files_and_conversations(
    page: Page, tmp_path: Path, settle: Callable[[], None], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    conversation = json.loads(BRANCHY.read_text())[0]
    files = []
    for number, payload in enumerate([*PAYLOADS[:40], "W" * 180]):
        path = tmp_path / "".join(c for c in f"{number}{payload}" if c.isprintable() and c not in "/\\")[:80]
        named = {**conversation, "id": f"conversation-{number:012}", "title": payload}
        with suppress(OSError):
            path.write_text(json.dumps([named, {payload: payload}]))
            files.append(path)
    send(page, *files)
    settle()
    button = page.get_by_role("button", name="Import ")
    expect(button).to_be_visible()
    assert (page.evaluate(AUDIT, []), page.evaluate(WIDER)) == ([], [])
    button.click()
    settle()
    expect(page.get_by_text("Imported just now")).to_be_visible()
    assert (page.evaluate(AUDIT, []), page.evaluate(WIDER)) == ([], [])
    page.goto("/imports/")
    assert (page.evaluate(AUDIT, []), page.evaluate(WIDER)) == ([], [])
