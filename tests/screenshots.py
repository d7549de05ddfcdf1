"""The pictures in docs/: every page, wide and light, narrow and dark, of a store that holds the sample conversations.

    python -m tests.screenshots [FOLDER]

Starts a site of its own on a free port with a store in a temporary folder, and stops it again.
"""

import argparse
import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START_SECONDS = 60
SETTLE_MS = 400


@dataclass(frozen=True)
class View:
    """How a picture is taken: the window and the colours."""

    name: str
    width: int
    height: int
    theme: Literal["light", "dark"]


VIEWS = (View("light", 1280, 900, "light"), View("dark", 390, 844, "dark"))
TIMETABLE = "id=demo-timetable-import&id=demo-timetable-import-again&id=demo-timetable-dst"
PAGES = {
    "home": "/",
    "sessions": "/sessions/",
    "search": "/search/?q=seat_hold_expired_during_checkout",
    "session": "/sessions/demo-ferry-double-booking/",
    "interaction": "/sessions/demo-ferry-double-booking/i/3/",
    "context": "/sessions/demo-ferry-double-booking/context/",
    "resume": "/r/demo-ferry-double-booking",
    "merge": f"/merge/?{TIMETABLE}",
    "cleanup": "/cleanup/",
    "trash": "/trash/",
    "users": "/users/",
    "user": "/users/nora@example.com/",
    "activity": "/activity/",
    "health": "/health/",
    "accounts": "/accounts/",
    "account": "/account/",
    "tokens": "/accounts/tokens/",
    "token-new": "/accounts/tokens/new/",
}
EXPORT = "chatgpt-export.zip"
CONVERSATIONS = ROOT / "tests" / "fixtures" / "chatgpt"
TOKENS = (
    ("Nora's laptop", "write", "--user", "nora@example.com", "--days", "90"),
    ("nightly-cleanup", "admin", "--requests-per-minute", "60"),
    ("dashboard-kiosk", "read", "--days", "5"),
    ("old-ci", "write"),
    ("claude-code-ci", "write", "--days", "365"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, _site(data_dir) as site, sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for view in VIEWS:
            with _signed_in(browser, view, site, folder) as page:
                _shoot(page, folder / f"first-visit-{view.name}.png")
        site.fill()
        for view in VIEWS:
            with _signed_in(browser, view, site, folder) as page:
                _take(page, view, folder)
        browser.close()


@contextmanager
def _signed_in(browser: Browser, view: View, site: "Site", folder: Path) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.address, viewport={"width": view.width, "height": view.height}, color_scheme=view.theme
    )
    page = context.new_page()
    page.goto("/sign-in/")
    _shoot(page, folder / f"sign-in-{view.name}.png")
    page.get_by_label("Name", exact=True).fill("admin")
    page.get_by_label("Password", exact=True).fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.address}/")
    yield page
    context.close()


def _take(page: Page, view: View, folder: Path) -> None:
    for name, path in PAGES.items():
        answer = page.goto(path)
        if answer is None or not answer.ok:
            raise SystemExit(f"{path} answered {answer.status if answer else 'nothing'}.")
        _shoot(page, folder / f"{name}-{view.name}.png")
    page.goto("/imports/")
    page.get_by_label("Files or a zip").set_input_files({"name": EXPORT, "mimeType": "", "buffer": _export()})
    page.get_by_role("button", name="Upload and look at it").click()
    page.locator("#import[data-state=ready]").wait_for()
    _shoot(page, folder / f"import-{view.name}.png")
    page.goto("/imports/")
    _shoot(page, folder / f"imports-{view.name}.png")
    page.goto("/accounts/tokens/new/")
    page.get_by_label("Name", exact=True).fill("Nora's phone")
    page.get_by_role("button", name="Make the token").click()
    page.get_by_role("heading", name="is ready").wait_for()
    _shoot(page, folder / f"token-made-{view.name}.png")
    page.get_by_role("link", name="API tokens").click()
    page.get_by_role("link", name="Nora's phone").first.click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    page.goto("/sessions/")
    page.keyboard.press("Control+k")
    page.keyboard.type("se")
    _shoot(page, folder / f"commands-{view.name}.png")


def _export() -> bytes:
    """What ChatGPT would give out, of the conversations that the importer is tested with."""
    found = [json.loads(path.read_text()) for path in sorted(CONVERSATIONS.glob("*.json"))]
    conversations = [one for some in found for one in (some if isinstance(some, list) else [some])]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps(conversations))
        archive.writestr("user.json", json.dumps({"id": "user-nora", "email": "nora@example.com"}))
    return packed.getvalue()


def _shoot(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=path)


@dataclass(frozen=True)
class Site:
    """A running site: its address, its administrator's password, and what its commands need."""

    address: str
    password: str
    environment: dict[str, str]

    def fill(self) -> None:
        """Put the sample conversations in, and some tokens, one of them used and one revoked."""
        self._manage("demo")
        made = {
            name: json.loads(self._manage("token", "create", name, "--scope", *options, "--json"))
            for name, *options in TOKENS
        }
        for name in ("Nora's laptop", "claude-code-ci"):
            asked = urllib.request.Request(
                f"{self.address}/api/v1/me", headers={"Authorization": f"Bearer {made[name]['secret']}"}
            )
            urllib.request.urlopen(asked, timeout=10).close()
        self._manage("token", "revoke", str(made["old-ci"]["token"]["id"]), "--yes")

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout


@contextmanager
def _site(data_dir: str) -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = secrets.token_urlsafe(12)
    environment = {
        **os.environ,
        "SESSIONSITE_ENV_FILE": os.devnull,
        "SESSIONSITE_DATA_DIR": data_dir,
        "SESSIONSITE_PORT": str(port),
        "SESSIONSITE_ADMIN_PASSWORD": password,
        "DATABASE_URL": "",
    }
    address = f"http://127.0.0.1:{port}"
    serve = [sys.executable, str(ROOT / "manage.py"), "serve"]
    server = subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(f"{address}/sign-in/")
        yield Site(address, password, environment)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _await(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.3)
    raise SystemExit("The site did not start.")


if __name__ == "__main__":
    main()
