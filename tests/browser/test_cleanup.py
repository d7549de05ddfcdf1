"""Cleanup, holds and the trash in a real browser, with scripts and without."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from sessions import actions
from sessions.models import CleanupRun, Session, Tombstone
from tests.builders import ALICE, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


def trashed(*titles: str) -> list[Session]:
    sessions = [make_session(title=title) for title in titles]
    for session in sessions:
        actions.trash_session(session.pk, actor=ALICE)
    return sessions


@with_and_without_script
def test_it_cleans_up_and_undoes_it(page: Page) -> None:
    session = make_session(title="Old one", idle_days=9, turns=1)
    page.goto("/cleanup/")
    expect(page.get_by_role("link", name="Old one")).to_be_visible()
    page.get_by_label("Idle for at least").fill("20")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_text("Nothing to clean up")).to_be_visible()
    page.get_by_label("Idle for at least").fill("5")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("button", name="Move 1 session to the trash").click()
    expect(page.get_by_text("Cleaned up: 1 moved to the trash")).to_be_visible()
    assert Session.objects.get(pk=session.pk).trashed_at is not None
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 1 of its sessions are back")).to_be_visible()
    assert Session.objects.get(pk=session.pk).trashed_at is None


def test_a_toasts_undo_of_a_large_cleanup_goes_on_to_its_end(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.cleanup_runs.STEP_SESSIONS", 2)
    for _ in range(5):
        make_session(idle_days=9)
    page.goto("/cleanup/")
    page.get_by_role("button", name="Move 5 sessions to the trash").click()
    page.locator(".toast", has_text="Cleaned up").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 5 of its sessions are back")).to_be_visible()
    assert not Session.objects.trashed().exists()


@with_and_without_script
def test_a_large_cleanup_goes_on_to_its_end(page: Page, javascript: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.cleanup_runs.STEP_SESSIONS", 2)
    for _ in range(5):
        make_session(idle_days=9)
    page.goto("/cleanup/")
    page.get_by_role("button", name="Move 5 sessions to the trash").click()
    if not javascript:
        for done in ("2 of 5", "4 of 5"):
            expect(page.get_by_text(done)).to_be_visible()
            page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Cleaned up: 5 moved to the trash")).to_be_visible()
    assert CleanupRun.objects.get().trashed == Session.objects.trashed().count() == 5


@with_and_without_script
def test_the_brake_wants_the_number(page: Page) -> None:
    idle = timezone.now() - timedelta(days=30)
    Session.objects.bulk_create([Session(pk=f"s{n}", last_activity_at=idle, settled_at=idle) for n in range(21)])
    page.goto("/cleanup/")
    expect(page.get_by_text("type that number")).to_be_visible()
    page.get_by_label("Sessions to take").fill("21")
    page.get_by_role("button", name="Move 21 sessions").click()
    expect(page.get_by_text("Cleaned up: 21 moved to the trash")).to_be_visible()


@with_and_without_script
def test_it_holds_what_expires_soon_with_one_click(page: Page) -> None:
    session = make_session(title="Nearly gone", idle_days=6)
    make_session(title="Next", idle_days=5.5)
    page.goto("/cleanup/?view=expiring")
    page.get_by_role("button", name="Hold Nearly gone").click()
    expect(page.get_by_text("Held: no cleanup will take this session.")).to_be_visible()
    expect(page.get_by_role("link", name="Next")).to_be_visible()
    assert Session.objects.get(pk=session.pk).held_at is not None


def test_the_row_shows_the_hold_and_takes_it_back(page: Page) -> None:
    session = make_session(title="Nearly gone", idle_days=6)
    page.goto("/cleanup/?view=expiring")
    page.get_by_role("button", name="Hold Nearly gone").click()
    page.locator("tr", has_text="Nearly gone").get_by_role("button", name="Release").click()
    expect(page.get_by_role("button", name="Hold Nearly gone")).to_be_visible()
    assert Session.objects.get(pk=session.pk).held_at is None


@with_and_without_script
def test_it_restores_one_and_stays_in_the_trash(page: Page) -> None:
    first, _ = trashed("First", "Second")
    page.goto("/trash/")
    page.locator("tr", has_text="First").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Restored, as it was.")).to_be_visible()
    expect(page.get_by_role("link", name="First")).to_have_count(0)
    expect(page.get_by_role("link", name="Second")).to_be_visible()
    assert Session.objects.get(pk=first.pk).trashed_at is None


@with_and_without_script
def test_it_restores_several(page: Page) -> None:
    trashed("First", "Second", "Third")
    page.goto("/trash/")
    for title in ("First", "Third"):
        page.get_by_label(f"Choose {title}").check()
    page.locator("#chosen").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("2 sessions restored")).to_be_visible()
    assert [session.title for session in Session.objects.trashed()] == ["Second"]


@with_and_without_script
def test_it_purges_several_once_their_number_is_typed(page: Page) -> None:
    trashed("First", "Second", "Third")
    page.goto("/trash/")
    for title in ("First", "Third"):
        page.get_by_label(f"Choose {title}").check()
    page.locator("#chosen").get_by_role("button", name="Purge").click()
    expect(page.get_by_role("heading", name="Purge 2 sessions for good?")).to_be_visible()
    page.get_by_label("Type 2 to confirm").fill("2")
    page.get_by_role("button", name="Purge for good").click()
    expect(page.get_by_text("2 sessions purged.")).to_be_visible()
    assert Tombstone.objects.count() == 2


def test_it_chooses_and_restores_by_keyboard(page: Page) -> None:
    trashed("First", "Second")
    page.goto("/trash/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_label("Choose First")).to_be_checked()
    page.keyboard.press("r")
    expect(page.get_by_role("link", name="First")).to_have_count(0)
    assert [session.title for session in Session.objects.trashed()] == ["Second"]


@with_and_without_script
def test_it_tells_the_history(page: Page) -> None:
    make_session(idle_days=9)
    actions.apply_cleanup(actions.plan_cleanup().token, actor=ALICE)
    page.goto("/cleanup/")
    page.get_by_role("link", name="Schedule and history").click()
    page.locator("td.when a").click()
    page.get_by_role("button", name="Restore the session").click()
    expect(page.get_by_text("Nothing of it is in the trash any more.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_its_window(page: Page, width: int) -> None:
    long_word = "x" * 600
    make_session(title=long_word, user_id="u" * 200, idle_days=9)
    make_session(title=long_word, user_id="u" * 200, idle_days=6, turns=1)
    gone = make_session(title=long_word, user_id="u" * 200)
    actions.trash_session(gone.pk, reason=long_word, actor=ALICE)
    actions.apply_cleanup(actions.plan_cleanup(user_id="u" * 200).token, actor=ALICE)
    page.set_viewport_size({"width": width, "height": 800})
    run = CleanupRun.objects.get().pk
    urls = ["/", "/cleanup/", "/cleanup/?view=expiring", "/cleanup/?view=history", f"/cleanup/runs/{run}/", "/trash/"]
    for url in [*urls, f"/trash/purge/?session={gone.pk}", f"/sessions/{gone.pk}/purge/", "/health/"]:
        page.goto(url)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, url
