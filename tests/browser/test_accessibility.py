"""Every page in a real browser under axe: both themes, wide and narrow, no violation.

What is checked and what is not is listed here; an address that is in neither list makes the first test red.
"""

from collections.abc import Iterator
from importlib import resources
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from sessions import actions
from sessions.models import Import
from sessions.records import InteractionKind
from tests.builders import ALICE, log, make_session
from tests.views.pages import PAGES, POSTS
from tests.views.routes import OPEN, addresses
from tests.views.store import grow, make_pages_work

from .conftest import PASSWORD, sign_in

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
# Only what is wrong crosses over to the test; the whole report is large.
RUN = "async options => (await axe.run(document, options)).violations"
OPTIONS = {"resultTypes": ["violations"]}
WIDE, NARROW = 1280, 390
# What the theme decides; all else is the same in both.
OF_THE_THEME = ("color-contrast", "link-in-text-block")
# Answers that are no page to look at.
NO_PAGES = {
    "list-changes": "an answer to the script that refreshes the list",
    "live": "an answer to the script that waits for new interactions",
    "measures": "a part of the session's page, which loads it",
    "cleanup-planned": "a part of the cleanup's page, which loads it",
    "cleanup-size": "a part of the cleanup's page, which loads it",
    "export": "a download",
    "export-many": "a download",
    "export-markdown": "a download",
    "export-as": "a download",
    "activity-export": "a download",
    "raw": "JSON as it is",
    "interaction-raw": "JSON as it is",
    "sign-out": "answers a POST alone",
    "hook-bundle": "a download",
}
EMPTY = ("home", "list", "search", "users", "activity", "trash", "cleanup", "health", "merge-many", "imports")
# An import in each of its states that look differently.
IMPORTS = {
    state: f"00000000-0000-7000-8000-00000000a1{number:02}"
    for number, state in enumerate(("examining", "ready", "importing", "done", "failed", "cancelled", "undone"))
}
# Other looks of the pages: further states, filters and errors.
MORE = {
    "list, all": "/sessions/?state=all",
    "list, nothing found": "/sessions/?user=nobody",
    "list, trash": "/sessions/?state=trashed",
    "session, further on": "/sessions/rich/?at=6#i-6",
    "session, searched": "/sessions/rich/?at=3&q=walrus#i-3",
    "session, in the trash": "/sessions/in-trash/",
    "session, empty": "/sessions/other/",
    "search, nothing found": "/search/?q=nothingatall",
    "search, refused": "/search/?q=%22",
    "search, nothing asked": "/search/",
    "resume": "/r/rich",
    "REST API": "/api/v1/docs",
    "REST API, an operation": "/api/v1/docs#append_interaction",
    "merge, side by side": "/merge/?id=rich&id=main&id=third&view=side",
    "merge, as the result": "/merge/?id=rich&id=main&id=third",
    "merge, refused": "/merge/?id=main&id=in-trash",
    "merge, of several": "/merges/several/",
    "cleanup, expiring": "/cleanup/?view=expiring",
    "cleanup, history": "/cleanup/?view=history",
    "user, anonymous": "/users/anonymous/",
    **{f"import, {state}": f"/imports/{pk}/" for state, pk in IMPORTS.items()},
}
# Unfolded, the REST API's page is the largest of all, and the same whichever operation was asked for.
AS_THEY_COME = {"REST API, an operation"}


class Look(NamedTuple):
    """A page to look at, under the name that a violation is told by."""

    name: str
    url: str
    status: int = 200


def checked() -> dict[str, str]:
    return {name: url for name, url in PAGES.items() if name not in NO_PAGES}


def test_every_address_is_checked_or_is_said_not_to_be() -> None:
    named = {name for name, _ in addresses()} | OPEN
    assert named == {*checked(), *NO_PAGES, *POSTS, "sign-in"}
    assert set(NO_PAGES).isdisjoint(checked())


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error's page says so in the console, which this test does not judge."""
    monkeypatch.setattr("tests.browser.conftest._note_error", lambda *_: None)


@pytest.fixture
def wide_and_narrow(context: BrowserContext, transactional_db: None) -> Iterator[Page]:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    yield page
    page.close()


def test_axe_sees_what_is_wrong(wide_and_narrow: Page) -> None:
    page = wide_and_narrow
    page.goto("/sign-in/")
    page.evaluate("document.querySelector('h1').style.color = 'light-dark(#eee, #888)'")
    page.evaluate("document.querySelector('label').remove()")
    found = told(page, "spoiled", WIDE)
    assert [one.split(" -- ")[0] for one in found] == [
        "color-contrast: spoiled, light, 1280: h1",
        "label: spoiled, light, 1280: #id_username",
    ]


@pytest.mark.parametrize("half", [0, 1])
def test_no_page_breaks_a_rule_of_axe(
    context: BrowserContext, live_server: LiveServer, wide_and_narrow: Page, half: int
) -> None:
    """Every page; in two halves, so that two processes share the work."""
    page = wide_and_narrow
    alice = User.objects.create_superuser("alice", password=PASSWORD)
    sign_in(context, live_server, alice)
    pages = checked()
    found = violations(page, [Look(f"{name}, empty store", pages[name].partition("?")[0]) for name in EMPTY[half::2]])
    several = furnish()
    more = {name: url.replace("several", several) for name, url in MORE.items()}
    found += violations(page, [Look(name, url) for name, url in [*pages.items(), *more.items()][half::2]])
    report(found)


def test_no_rare_page_breaks_a_rule_of_axe(
    context: BrowserContext, live_server: LiveServer, wide_and_narrow: Page
) -> None:
    """What is seen without an account, with a lesser one, and where something went wrong or was opened."""
    page = wide_and_narrow
    found = violations(page, [Look("sign-in", "/sign-in/")]) + violations_of_a_failed_sign_in(page)
    alice = User.objects.create_superuser("alice", password=PASSWORD)
    sign_in(context, live_server, alice)
    furnish()
    found += violations(page, [Look("not found", "/sessions/nope/", 404), Look("no such page", "/nope/", 404)])
    found += violations_of_what_opens(page)
    sign_in(context, live_server, User.objects.create_user("reader", password=PASSWORD, is_staff=True))
    found += violations(
        page, [Look("detail, reader", "/sessions/rich/"), Look("merge, reader", MORE["merge, refused"])]
    )
    sign_in(context, live_server, User.objects.create_user("outsider", password=PASSWORD))
    found += violations(page, [Look("forbidden", "/", 403)])
    report(found)


def report(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


def violations(page: Page, looks: list[Look]) -> list[str]:
    """What axe finds on pages: narrow as they come, then wide with everything unfolded."""
    found = []
    for look in looks:
        page.set_viewport_size({"width": NARROW, "height": 900})
        answer = page.goto(look.url)
        status = answer.status if answer else 0
        if status != look.status or not page.url.endswith(look.url):
            found.append(f"not the page: {look.name} answered {status} at {page.url}")
        found += told(page, look.name, NARROW)
        page.set_viewport_size({"width": WIDE, "height": 900})
        if look.name not in AS_THEY_COME:
            page.evaluate("for (const one of document.querySelectorAll('details:not(.menu)')) one.open = true")
        found += told(page, look.name, WIDE)
    return found


def told(page: Page, name: str, width: int) -> list[str]:
    """The present page's violations in both themes: rule, page, theme, width, target."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        # What rules fetch for themselves, style sheets and sounds, is the same at any width.
        rules: dict[str, Any] = {"runOnly": list(OF_THE_THEME)} if theme == "dark" else {"preload": width == NARROW}
        for violation in page.evaluate(RUN, {**OPTIONS, **rules}):
            for node in violation["nodes"][:5]:
                target = " ".join(str(part) for part in node["target"])
                why = node["failureSummary"].splitlines()[-1].strip()
                found.append(f"{violation['id']}: {name}, {theme}, {width}: {target} -- {why}")
    page.emulate_media(color_scheme="light")
    return found


def violations_of_a_failed_sign_in(page: Page) -> list[str]:
    page.goto("/sign-in/")
    page.locator("[name=username]").fill("nobody")
    page.locator("[name=password]").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").or_(page.locator(".problem, .notice")).first.wait_for()
    return told(page, "sign-in, failed", NARROW)


def violations_of_what_opens(page: Page) -> list[str]:
    """What a press or a click puts over a page, or adds to it."""
    found = []
    page.set_viewport_size({"width": WIDE, "height": 900})
    page.goto("/sessions/")
    for box in page.locator("#results tbody input[type=checkbox]").all()[:2]:
        box.check()
    found += told(page, "list, selected", WIDE)
    for key, name in {"?": "keys", "Control+k": "palette"}.items():
        page.goto("/sessions/")
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        found += told(page, f"list, {name}", WIDE)
    page.goto("/accounts/tokens/new/")
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Make the token").click()
    page.locator(".secret").wait_for()
    found += told(page, "a new token", WIDE)
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.goto("/sessions/rich/")
    page.locator(".bar-menu summary").click()
    found += told(page, "detail, menu", NARROW)
    return found


def furnish_imports() -> None:
    """Imports with something of everything, of which the sessions `rich` and `third` came."""
    counts = {"sessions": 2, "known_sessions": 1, "new_interactions": 9, "known_interactions": 3, "branches": 2}
    aside = {"set_aside": {"not a known format": 1}, "refused": {"in the trash": 2}}
    places = {"damaged": [{"place": "a.jsonl:3", "reason": "not JSON"}], "damaged_count": 1, "differing": 1}
    file = {"name": "a.zip/conversations.json", "format": "chatgpt", "messages": 9, **counts, **aside}
    preview = {"files": [file], "file_count": 1, **counts, **aside, **places, "differing_places": ["a.jsonl:4"]}
    undone = {"trashed_count": 1, "parted_count": 1, "parted": [{"session_id": "rich", "apart": "third"}]}
    left = {"left_count": 1, "left": [{"session_id": "m1", "reason": "held"}]}
    report = {"sessions_created": 1, "sessions_touched": 2, "added": 9, "known": 3, "undo": {**undone, **left}}
    for state, pk in IMPORTS.items():
        run = Import.objects.create(
            pk=pk,
            created_by="token:laptop",
            face="rest",
            state=state,
            file_names=["a.zip"],
            size_bytes=9_000,
            bytes_done=4_000,
            finished_at=timezone.now(),
            options={"user_id": "nora", "tags": ["old"]},
            preview=preview,
            report=report if state in ("done", "failed", "undone") else {},
            error="The disk is full." if state == "failed" else "",
        )
        run.parts.create(session_id="rich", is_new=True, first=1, last=6, interactions=6)
        run.parts.create(session_id="third", first=1, last=3, interactions=3)


def furnish() -> str:
    """A store with something of everything; returns the ID of a merge of several."""
    furnish_imports()
    make_pages_work()
    grow(0, 4)
    rich = make_session(
        session_id="rich", title="Rich", tags=["ci", "مدرسة"], source="mcp", project_context={"a": {"b": 1}}
    )
    actions.update_context(
        rich.pk, context_summary="Where we are", active_topics=["one", "two"], user_preferences={"k": "v"}, actor=ALICE
    )
    code = (
        "Look:\n\n```python\nprint('walrus')\n```\n\n| a | b |\n|---|---|\n| 1 | [x](https://example.org) |\n\n> quoted"
    )
    log(rich, prompt="Fix the *walrus*, please", response=code, model="claude", input_tokens=10, output_tokens=20)
    log(rich, kind=InteractionKind.TOOL_CALL, tool_name="Bash", tool_parameters={"command": "ls", "n": [1, 2]})
    log(rich, kind=InteractionKind.TOOL_RESPONSE, tool_name="Bash", response="walrus.py\n" * 40)
    log(rich, kind=InteractionKind.ERROR, error_message="It broke", status="error")
    log(rich, kind=InteractionKind.AGENT_RESPONSE, response="# Done\n\n1. yes\n2. no", reasoning="Let me think.")
    wanted = log(rich, kind=InteractionKind.CLIENT_REQUEST, prompt="وما بعد؟")
    actions.pin_interaction(rich.pk, wanted.pk, actor=ALICE)
    actions.add_note(rich.pk, text="Remember this.", actor=ALICE)
    actions.hold_session(rich.pk, reason="for the audit", actor=ALICE)
    make_session(user_id="anonymous", turns=1)
    third = make_session(session_id="third", title="Third", user_id="bob", turns=3, metadata={"k": [1]})
    log(third, prompt="Fix the *walrus*, please", response=code, model="claude", idempotency_key="k")
    for name in ("m1", "m2", "m3"):
        make_session(session_id=name, title=f"Merged {name}", turns=1)
    done = actions.merge_sessions("m1", absorbed=["m2", "m3"], choices={"title": "m2"}, actor=ALICE)
    actions.unmerge(done.merges[1].pk, actor=ALICE)
    return str(done.pk)
