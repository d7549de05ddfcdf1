"""A real chromium, a live server, and a watch over what no page may do."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "correct horse"
# A loaded machine takes its time; what is right does not become wrong by it.
PATIENCE_MS = 20_000


# What everybody runs before a commit: a day's work, and what stands around every page. Continuous integration runs all.
EVERYDAY = {"test_day.py", "test_shell.py", "test_walk.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder; without a browser it is skipped, and says why."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # A browser, a server and the test share two processors; what only was too slow passes the second time,
            # and pytest's summary names what needed one.
            item.add_marker(pytest.mark.flaky(reruns=1))
            if item.path.name not in EVERYDAY or "dark" in item.name:
                item.add_marker(pytest.mark.thorough)
            item.add_marker(pytest.mark.django_db(transaction=True))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="there is no chromium on this machine"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for an asynchronous caller.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(params=[True], ids=["script"])
def javascript(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts; a test asks for both by parametrising this."""
    return bool(request.param)


@pytest.fixture
def misdeeds() -> list[str]:
    """What a page did that none may: broke the policy, threw, or asked another host."""
    return []


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, javascript: bool, misdeeds: list[str]
) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        base_url=live_server.url, java_script_enabled=javascript, viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE_MS)
    context.on("request", lambda request: _note_foreign(request.url, live_server.url, misdeeds))
    context.on("console", lambda message: _note_error(message, misdeeds))
    context.on("weberror", lambda error: misdeeds.append(str(error.error)))
    yield context
    context.close()
    assert not misdeeds


# A question that a later one replaced is given up on purpose; htmx logs that as an error, under two names.
_GIVEN_UP = ("htmx:sendAbort", "htmx:afterRequest")


def _note_error(message: ConsoleMessage, misdeeds: list[str]) -> None:
    if message.type == "error" and not message.text.startswith(_GIVEN_UP):
        misdeeds.append(message.text)


def _note_foreign(url: str, home: str, misdeeds: list[str]) -> None:
    if not url.startswith((home, "data:", "blob:")):
        misdeeds.append(f"request to {url}")


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer, transactional_db: None) -> Page:
    """The first page, open to an administrator who is signed in; the form itself has tests of its own."""
    alice = User.objects.create_superuser("alice", password=PASSWORD)
    sign_in(context, live_server, alice)
    page = context.new_page()
    page.goto("/")
    return page


def sign_in(context: BrowserContext, live_server: LiveServer, user: User) -> None:
    """Give the browser what signing in would have given it."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])


def arrive(page: Page, heading: str) -> None:
    """Wait for a page that a key or a link opens, until its script listens.

    A heading stands before the scripts have run, and a key pressed in between is lost.
    """
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.wait_for_load_state()
