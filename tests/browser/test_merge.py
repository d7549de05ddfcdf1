"""Merging in a real browser: choose, look, decide, merge, take back; with a script and without."""

import pytest
from playwright.sync_api import Page, expect

from sessions import actions
from sessions.models import Merge, Session
from tests.builders import ALICE, draft, log, make_session

with_and_without_script = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"], indirect=True)


@pytest.fixture
def three() -> list[str]:
    """Three sessions, the first with most interactions; two of them share one."""
    for name in "abc":
        make_session(session_id=name, title=f"Title {name}", turns=1)
    for name in "ab":
        log(name, prompt="the same", idempotency_key="k")
    log("a", prompt="only a")
    return [*"abc"]


def survivor_of(session_id: str) -> str | None:
    survivor: str | None = Session.objects.get(pk=session_id).merged_into_id
    return survivor


@with_and_without_script
def test_it_merges_three_as_decided_and_undoes_all(page: Page, three: list[str], javascript: bool) -> None:
    before = [actions.session_dump(name) for name in three]
    page.goto("/sessions/a/merge/")
    for name in "bc":
        if not page.locator("#merge-q").is_visible():
            page.locator("summary", has_text="Add").last.click()
        page.locator("#merge-q").fill(f"Title {name}")
        if not javascript:
            page.get_by_role("button", name="Search").last.click()
        page.locator("#picks").get_by_role("link", name=f"Title {name}").click()
        expect(page.locator(".chosen").get_by_role("link", name=f"Title {name}")).to_be_visible()
    page.get_by_role("group", name="Title").get_by_role("radio").nth(2).check()
    expect(page.locator(".do")).to_contain_text("5 interactions in the result")
    page.get_by_role("button", name="Merge 3 sessions").click()
    expect(page.get_by_role("heading", name="Title c")).to_be_visible()
    assert [survivor_of(name) for name in "bc"] == ["a", "a"]
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Title a")).to_be_visible()
    assert [actions.session_dump(name) for name in three] == before


@with_and_without_script
@pytest.mark.parametrize("by", ["key", "button"])
def test_a_search_for_one_more_forgets_no_decision(page: Page, three: list[str], by: str) -> None:
    page.goto("/merge/?id=a&id=b")
    page.get_by_role("group", name="Title").get_by_role("radio").nth(1).check()
    page.locator("summary", has_text="Add").last.click()
    page.locator("#merge-q").fill("Title c")
    if by == "key":
        page.locator("#merge-q").press("Enter")
    else:
        page.locator(".picker").get_by_role("button", name="Search").click()
    page.wait_for_url("**q=Title+c*")
    expect(page.locator(".chosen li")).to_have_count(2)
    page.locator("#picks").get_by_role("link", name="Title c").click()
    expect(page.locator(".chosen li")).to_have_count(3)
    expect(page.locator(".chosen li").first).to_contain_text("Title a")
    expect(page.locator(".answer", has_text="Title b").get_by_role("radio")).to_be_checked()


@with_and_without_script
def test_another_one_can_stay_and_what_was_decided_stays_too(page: Page, three: list[str]) -> None:
    page.goto("/merge/?id=a&id=b&id=c")
    page.get_by_role("group", name="Title").get_by_role("radio").nth(1).check()
    page.locator(".chosen li", has_text="Title c").get_by_role("button", name="Let this one stay").click()
    expect(page.locator(".chosen li").first).to_contain_text("Title c")
    expect(page.locator(".answer", has_text="Title b").get_by_role("radio")).to_be_checked()
    page.locator(".chosen li", has_text="Title a").get_by_role("button", name="Leave out").click()
    expect(page.locator(".chosen li")).to_have_count(2)
    page.get_by_role("button", name="Merge 2 sessions").click()
    expect(page.locator(".toast, [role=status]").first).to_contain_text("One session was merged into this one")
    assert [survivor_of(name) for name in three] == [None, "c", None]


@with_and_without_script
def test_it_looks_at_a_long_merge_from_both_ends_and_in_between(page: Page, javascript: bool) -> None:
    for name in "ab":
        session = make_session(session_id=name, title=f"Title {name}")
        actions.log_interactions(session.pk, [draft(prompt=f"{name} {n}.") for n in range(100)], actor=ALICE)
    page.goto("/merge/?id=a&id=b")
    page.get_by_role("group", name="Title").get_by_role("radio").nth(1).check()
    page.get_by_role("button", name="Side by side").click()
    timeline = page.locator(".scroller")
    expect(timeline.get_by_role("columnheader")).to_have_count(3)
    expect(timeline.get_by_text("b 99.")).to_be_attached()
    expect(timeline.get_by_text("a 50.")).to_have_count(0)
    page.get_by_role("button", name="Show more of 160 between").click()
    expect(timeline.get_by_text("a 50.")).to_be_attached()
    expect(timeline.get_by_text("b 99.")).to_have_count(1 if javascript else 0)
    if not javascript:
        page.get_by_role("link", name="Back to the merge").click()
    page.get_by_role("button", name="As the result").click()
    expect(page.locator(".weave > li")).to_have_count(41)
    page.get_by_role("button", name="Side by side").click()
    expect(timeline.get_by_role("columnheader")).to_have_count(3)
    page.get_by_role("button", name="Let this one stay").click()
    expect(page.locator(".chosen li").first).to_contain_text("Title b")
    expect(page.get_by_role("button", name="Side by side")).to_have_attribute("aria-current", "true")
    expect(page.locator(".answer", has_text="Title b").get_by_role("radio")).to_be_checked()


@with_and_without_script
def test_one_of_several_can_be_taken_out_on_the_merges_page(page: Page, three: list[str]) -> None:
    done = actions.merge_sessions("a", absorbed=["b", "c"], actor=ALICE)
    page.goto(f"/merges/{done.pk}/")
    page.get_by_role("button", name="Undo C alone").click()
    expect(page.get_by_role("heading", name="Title a")).to_be_visible()
    assert (survivor_of("b"), survivor_of("c")) == ("a", None)
    page.goto(f"/merges/{done.pk}/")
    expect(page.get_by_text("undone in part")).to_be_visible()
    page.get_by_role("button", name="Undo it").click()
    expect(page.get_by_role("heading", name="Title a")).to_be_visible()
    assert not Merge.objects.filter(undone_at=None).exists()


def test_focus_and_the_search_box_survive_the_hits(page: Page, three: list[str]) -> None:
    page.goto("/merge/")
    page.locator("#merge-q").press_sequentially("Title b")
    expect(page.locator("#picks li")).to_have_count(1)
    expect(page.locator("#merge-q")).to_be_focused()
    expect(page.locator("#merge-q")).to_have_value("Title b")


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_of_a_merge_is_wider_than_its_window(page: Page, width: int) -> None:
    long_word = "x" * 600
    rows = [
        make_session(title=f"{n}{long_word}", user_id="u" * 200, metadata={"k" * 80: f"{n}{long_word}"})
        for n in range(3)
    ]
    for row in rows:
        log(row, prompt=long_word)
    page.set_viewport_size({"width": width, "height": 800})
    ids = "&".join(f"id={row.pk}" for row in rows)
    done = actions.merge_sessions(rows[1].pk, absorbed=rows[2].pk, choices={"title": rows[2].pk}, actor=ALICE)
    rows[2] = make_session(title=long_word)
    for url in (f"/merge/?{ids}&q=u", f"/merge/?{ids}&view=side", f"/merges/{done.pk}/", f"/merge/?q={long_word}"):
        page.goto(url)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, url
