"""Exports as people get them: every format from the session's menu and from the list, and the page that one becomes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sessions import actions
from sessions.exporters.catalogue import FORMATS
from sessions.models import Session
from sessions.records import InteractionKind
from tests.builders import log, make_session

from .test_hostile import AUDIT, WIDER, WIDTHS, make_context, make_conversation

ADDRESS = "https://exports.example/page.html"
REPLY = InteractionKind.AGENT_RESPONSE


def show(page: Page, session_id: str) -> None:
    """The session's web page, as somebody would put it on a server of their own."""
    html = "".join(actions.export_session(session_id, "html"))
    page.route(ADDRESS, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    # A million letters without a blank among them take a browser their time.
    page.goto(ADDRESS, timeout=90_000)


@pytest.fixture
def alone(chromium: Browser, transactional_db: None) -> Iterator[Page]:
    """A page of a browser that has no site: whatever it asks for, or says, is a misdeed."""
    context: BrowserContext = chromium.new_context()
    page = context.new_page()
    misdeeds: list[str] = []
    page.on("request", lambda asked: None if asked.url == ADDRESS else misdeeds.append(asked.url))
    page.on("console", lambda message: misdeeds.append(message.text))
    page.on("pageerror", lambda error: misdeeds.append(str(error)))
    yield page
    context.close()
    assert misdeeds == []


# --- menus ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"], indirect=True)
def test_a_session_is_offered_in_every_format(page: Page, tmp_path: Path) -> None:
    session = make_session(session_id="one", turns=1)
    page.goto(f"/sessions/{session.pk}/")
    page.locator("summary", has_text="Export").click()
    offered = page.locator(".choices a[download]")
    expect(offered).to_have_count(len(FORMATS))
    for link, form in zip(offered.all(), FORMATS.values(), strict=True):
        answer = page.request.get(f"{link.get_attribute('href')}")
        assert f'filename="one.{form.ending}"' in answer.headers["content-disposition"]
        assert "request 1" in answer.text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Web page, to read and print").click()
    download.value.save_as(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_a_session_is_exported_by_keyboard(page: Page, tmp_path: Path) -> None:
    session = make_session(turns=1)
    page.goto(f"/sessions/{session.pk}/")
    page.keyboard.press("d")
    page.keyboard.press("Tab")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "export.json")
    assert json.loads((tmp_path / "export.json").read_text())["session_info"]["session_id"] == session.pk


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"], indirect=True)
def test_several_are_exported_in_the_format_that_is_chosen(page: Page, tmp_path: Path) -> None:
    for name in ("One", "Two", "Three"):
        make_session(session_id=name.lower(), title=name, turns=1)
    page.goto("/sessions/?state=active")
    for name in ("One", "Two"):
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_label("Format of the export").select_option("html")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "export.zip")
    assert set(ZipFile(tmp_path / "export.zip").namelist()) == {
        "sessions/one.html",
        "sessions/two.html",
        "manifest.jsonl",
    }


# --- the web page -----------------------------------------------------------------------------------------------


def test_a_web_page_leads_from_way_to_way(alone: Page) -> None:
    session = make_session()
    ask = log(session, kind=InteractionKind.CLIENT_REQUEST, prompt="Which one?")
    for answer in ("The first.", "The second."):
        log(session, kind=REPLY, response=answer, parent_id=ask.pk)
    show(alone, session.pk)
    alone.get_by_role("link", name="way 1").first.click()
    expect(alone.locator(":target")).to_contain_text("The first.")
    assert "The second." in alone.locator("main").inner_text()
    assert "The first." not in alone.locator("main").inner_text()


def test_a_web_page_unfolds_and_cuts_nothing_off_on_paper(alone: Page) -> None:
    session = make_session()
    log(session, kind=REPLY, reasoning="first thoughts", response=f"```python\n{'x' * 300}\n```\n")
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="\n".join(f"line {number}" for number in range(300)))
    show(alone, session.pk)
    thoughts = alone.get_by_text("first thoughts").last
    alone.set_viewport_size({"width": 700, "height": 900})
    assert not thoughts.is_visible()
    alone.emulate_media(media="print", color_scheme="dark")
    assert thoughts.bounding_box()
    last = alone.get_by_text("line 299")
    assert last.evaluate("(element) => element.closest('pre').scrollHeight <= element.closest('pre').clientHeight + 1")
    assert alone.evaluate(WIDER) == []
    assert alone.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert alone.pdf().count(b"/Type /Page\n") > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_web_page_fits_both_widths_and_schemes(alone: Page, scheme: str) -> None:
    session = make_session(title="W" * 300, tags=["t" * 60], turns=1)
    log(session, kind=REPLY, response=f"{'w' * 400}\n\n| a | b |\n|---|---|\n| {'c' * 300} | d |\n")
    alone.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    show(alone, session.pk)
    for width in WIDTHS:
        alone.set_viewport_size({"width": width, "height": 900})
        assert alone.evaluate(WIDER) == []
    ground = "rgb(17, 19, 24)" if scheme == "dark" else "rgb(255, 255, 255)"
    assert alone.evaluate("getComputedStyle(document.documentElement).backgroundColor") == ground


@pytest.mark.thorough
@pytest.mark.parametrize("make", [make_conversation, make_context], ids=["conversation", "context"])
def test_what_strangers_wrote_does_nothing_in_a_web_page(alone: Page, make: Callable[[], Session]) -> None:
    show(alone, make().pk)
    alone.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert alone.evaluate(AUDIT, []) == []
    for width in WIDTHS:
        alone.set_viewport_size({"width": width, "height": 900})
        assert alone.evaluate(WIDER) == []
