"""Reading a session in a real browser: in pieces, while it goes on, by keyboard, and on paper."""

import pytest
from playwright.sync_api import Page, expect

from sessions import actions
from sessions.models import Session
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)
REQUEST, REPLY = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE


def make_long(count: int = 150) -> Session:
    session = make_session()
    lines = "\n\n".join(f"line {n}" for n in range(4))
    actions.log_interactions(
        session.pk, [draft(prompt=f"request {n}.\n\n{lines}") for n in range(1, count + 1)], actor=ALICE
    )
    return session


def test_it_opens_a_session_and_unfolds_a_call_and_a_record(page: Page) -> None:
    session = make_session(title="Login test", turns=1)
    call = {"tool_use_id": "t1"}
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="Bash", tool_parameters={"command": "ls"}, metadata=call)
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="file.txt", metadata=call)
    page.goto(f"/sessions/{session.pk}/")
    expect(page.get_by_role("heading", name="Login test")).to_be_visible()
    parameters = page.locator("#i-2 pre").first
    expect(parameters).to_be_hidden()
    page.locator("summary", has_text="Bash").click()
    expect(parameters).to_have_text('{\n  "command": "ls"\n}')
    page.locator("#i-2 #i-3 summary").click()
    expect(page.locator("#i-3 pre")).to_have_text("file.txt")
    page.locator("#i-1").hover()
    page.get_by_role("link", name="Interaction 1 by itself").click()
    expect(page.locator("#raw-1 pre")).to_contain_text('"prompt": "request 1"')


def test_it_opens_at_a_link_and_reads_on_both_ways_as_the_reader_comes_near(page: Page) -> None:
    session = make_long()
    page.goto(f"/sessions/{session.pk}/?at=80#i-80")
    expect(page.get_by_text("request 80.")).to_be_in_viewport()
    expect(page.locator(".turn.sought")).to_have_attribute("id", "i-80")
    page.get_by_role("link", name="Earlier interactions").scroll_into_view_if_needed()
    expect(page.locator("#i-16")).to_be_attached()
    # What was at the top of the window still is.
    expect(page.locator("#i-76")).to_be_in_viewport()
    expect(page.locator("#i-16")).not_to_be_in_viewport()
    page.locator("article.turn").last.scroll_into_view_if_needed()
    expect(page.locator("#i-150")).to_be_attached()


@pytest.mark.parametrize("javascript", [False], ids=["plain"], indirect=True)
def test_it_pages_by_links_without_a_script(page: Page) -> None:
    session = make_long()
    page.goto(f"/sessions/{session.pk}/?at=80#i-80")
    expect(page.get_by_text("request 80.")).to_be_in_viewport()
    page.goto(f"/sessions/{session.pk}/")
    page.get_by_role("link", name="Later interactions").click()
    expect(page.locator("article.turn").first).to_have_id("i-61")
    page.get_by_role("link", name="Latest").click()
    expect(page.locator("#i-150")).to_be_in_viewport()
    page.get_by_role("link", name="Earlier interactions").click()
    expect(page.locator("#i-90")).to_be_attached()


def test_it_goes_to_a_number_and_to_a_day(page: Page) -> None:
    session = make_long()
    page.goto(f"/sessions/{session.pk}/")
    page.locator("summary", has_text="Go to").click()
    page.get_by_label("Interaction number").fill("120")
    page.get_by_role("button", name="Go", exact=True).first.click()
    expect(page.get_by_text("request 120.")).to_be_in_viewport()
    page.locator("summary", has_text="Go to").click()
    page.get_by_label("Day").fill(session.created_at.strftime("%Y-%m-%d"))
    page.get_by_role("button", name="Go", exact=True).last.click()
    expect(page.locator(".turn.sought")).to_have_attribute("id", "i-1")


@with_and_without_script
def test_it_finds_within_and_steps_through(page: Page, javascript: bool) -> None:
    session = make_long(70)
    log(session, prompt="an apple")
    log(session, prompt="another apple")
    page.goto(f"/sessions/{session.pk}/")
    page.get_by_label("Find in this session").fill("apple")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name="#71 an apple").click()
    expect(page.locator("#i-71 mark")).to_be_in_viewport()
    if javascript:
        page.keyboard.press("n")
    else:
        page.get_by_role("link", name="Found next").click()
    expect(page.locator("#i-72 mark")).to_be_in_viewport()
    expect(page.get_by_text("2 of 2 with")).to_be_attached()


def test_it_walks_through_branches(page: Page) -> None:
    session = make_session()
    asked = log(session, kind=REQUEST, prompt="the question")
    for answer in ("first answer", "second answer"):
        log(session, kind=REPLY, response=answer, parent_id=asked.pk)
    page.goto(f"/sessions/{session.pk}/")
    expect(page.get_by_text("second answer")).to_be_visible()
    expect(page.get_by_text("first answer")).to_have_count(0)
    page.get_by_role("link", name="Branch before").click()
    expect(page.get_by_text("Branch 1 of 2")).to_be_visible()
    expect(page.get_by_text("first answer")).to_be_visible()


def test_it_shows_within_seconds_what_is_new_and_that_it_was_merged(page: Page) -> None:
    session = make_session(turns=1)
    page.goto(f"/sessions/{session.pk}/")
    expect(page.get_by_text("New interactions appear here.")).to_be_visible()
    log(session, prompt="just said")
    expect(page.get_by_text("just said")).to_be_visible(timeout=4_000)
    expect(page.locator("#arrivals")).to_have_text("1 new interaction")
    log(session, prompt="said behind it")
    expect(page.get_by_text("said behind it")).to_be_visible(timeout=4_000)
    expect(page.locator("article.turn")).to_have_count(3)
    actions.merge_sessions(session.pk, absorbed=make_session(turns=1).pk, actor=ALICE)
    page.get_by_role("link", name="Show it as it is now").click()
    expect(page.locator("article.turn")).to_have_count(4)


def test_it_tells_of_what_is_new_without_moving_the_reader(page: Page) -> None:
    session = make_long(40)
    page.goto(f"/sessions/{session.pk}/")
    place = page.locator("#i-1").bounding_box()
    actions.log_interactions(session.pk, [draft(prompt="new one"), draft(prompt="new two")], actor=ALICE)
    pill = page.get_by_role("button", name="2 new interactions")
    expect(pill).to_be_visible()
    assert page.locator("#i-1").bounding_box() == place
    pill.click()
    expect(page.get_by_text("new one")).to_be_in_viewport()
    expect(pill).to_be_hidden()


def test_it_copies_a_message_a_link_and_code(page: Page) -> None:
    session = make_session()
    log(session, kind=REPLY, response="See **this**:\n\n```sh\nls -l\n```")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/sessions/{session.pk}/")
    copied = "navigator.clipboard.readText()"
    page.locator("#i-1").hover()
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator(".copy-code.done")).to_be_visible()
    assert page.evaluate(copied) == "ls -l\n"
    page.get_by_role("button", name="Copy the text of interaction 1").click()
    expect(page.locator("[data-copy-record].done")).to_be_visible()
    assert page.evaluate(copied) == "See **this**:\n\n```sh\nls -l\n```"
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.locator("[data-entry-key=c].done")).to_be_visible()
    assert page.evaluate(copied).endswith(f"/sessions/{session.pk}/?at=1#i-1")


def test_it_reads_by_keyboard(page: Page) -> None:
    session = make_session()
    for name in ("Bash", "Read"):
        log(session, kind=InteractionKind.TOOL_CALL, tool_name=name, tool_parameters={"command": name.lower()})
    page.goto(f"/sessions/{session.pk}/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator("#i-2 pre")).to_be_visible()
    expect(page.locator("#i-1 pre")).to_be_hidden()
    page.keyboard.press(".")
    expect(page.locator("#i-1 pre")).to_be_visible()
    page.keyboard.press("f")
    expect(page.get_by_label("Find in this session")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.wait_for_url("**/merge/**")


def test_it_prints_what_is_folded(page: Page) -> None:
    session = make_session()
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="Bash", tool_parameters={"command": "ls"})
    page.goto(f"/sessions/{session.pk}/")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#i-1 pre")).to_be_visible()
    for chrome in (".reader", ".panel", ".turn-tools", ".live"):
        expect(page.locator(chrome).first).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_scrolls_wide_tables_and_code_by_themselves(page: Page, width: int) -> None:
    session = make_session()
    columns = "|".join(f"column {n}" for n in range(40))
    log(
        session,
        kind=REPLY,
        response=f"{columns}\n{'|'.join(['---'] * 40)}\n{columns}\n\n```\n{'x' * 400}\n```\n\n{'w' * 900}",
    )
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/sessions/{session.pk}/")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    expect(page.get_by_role("group", name="Table")).to_have_attribute("tabindex", "0")
    expect(page.get_by_role("group", name="Code")).to_have_attribute("tabindex", "0")


def test_it_reads_from_right_to_left_where_the_text_does(page: Page) -> None:
    session = make_session()
    log(session, kind=REPLY, response="שלום לכולם\n\nand English\n\n- פריט\n")
    page.goto(f"/sessions/{session.pk}/")
    directions = page.locator("#i-1 .said > *").evaluate_all("all => all.map(e => getComputedStyle(e).direction)")
    assert directions == ["rtl", "ltr", "rtl"]
