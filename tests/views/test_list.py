"""The list of sessions."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.models import Session
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def test_it_shows_active_sessions_latest_first(staff: Client) -> None:
    make_session(title="Older", idle_days=2)
    make_session(title="Newer")
    make_session(title="Expired", idle_days=9)
    page = staff.get("/").text
    assert page.index("Newer") < page.index("Older")
    assert "Expired</a>" in page  # the tab
    assert 'dir="auto">Expired' not in page


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("user=bob", "Bob's"),
        ("source=codex", "From codex"),
        ("tag=ci", "Tagged"),
        ("state=expired", "Expired one"),
        ("state=held", "Held one"),
        ("state=trashed", "Trashed one"),
        ("since=2020-01-01&before=2021-01-01&state=all", "Ancient"),
    ],
)
def test_it_narrows_by_what_the_address_says(staff: Client, query: str, title: str) -> None:
    make_session(title="Something else")
    make_session(title="Bob's", user_id="bob")
    make_session(title="From codex", source="codex")
    make_session(title="Tagged", tags=["ci"])
    make_session(title="Expired one", idle_days=9)
    actions.hold_session(make_session(title="Held one").pk, actor=ALICE)
    actions.trash_session(make_session(title="Trashed one").pk, actor=ALICE)
    ancient = make_session(title="Ancient")
    Session.objects.filter(pk=ancient.pk).update(last_activity_at="2020-06-01T00:00:00Z")
    page = staff.get(f"/?{query}")
    expected = {title, "Ancient"} if query == "state=expired" else {title}
    assert {str(session) for session in page.context["found"].sessions} == expected


def test_it_goes_through_all_pages_without_a_gap(staff: Client) -> None:
    now = timezone.now()
    rows = [Session(pk=f"s{n}", last_activity_at=now - timedelta(seconds=n)) for n in range(120)]
    Session.objects.bulk_create(rows)
    seen: list[str] = []
    url = "/"
    for _ in range(3):
        page = staff.get(url)
        seen += [session.pk for session in page.context["found"].sessions]
        url = "/" + page.context["next_page"]
    assert seen == [row.pk for row in rows]
    assert not page.context["next_page"]


def test_it_gives_htmx_the_results_alone_and_a_clean_address(staff: Client) -> None:
    make_session(title="Here")
    answer = staff.get("/?user=alice&tag=&state=active", headers=HTMX)
    assert answer.text.lstrip().startswith('<section id="results"')
    assert answer["HX-Push-Url"] == "/?user=alice"


def test_it_gives_the_whole_page_to_a_restored_history(staff: Client) -> None:
    answer = staff.get("/", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert answer.text.startswith("<!DOCTYPE html>")


def test_it_keeps_the_filters_in_its_links(staff: Client) -> None:
    make_session(user_id="a&b", title="x")
    page = staff.get("/?user=a%26b&state=all").text
    assert 'href="?user=a%26b&amp;state=expired"' in page


def test_it_tells_a_date_that_is_none(staff: Client) -> None:
    assert "Active since: Enter a valid date" in staff.get("/?since=yesterday").text


def test_it_says_how_to_send_the_first_conversation(staff: Client) -> None:
    page = staff.get("/").text
    for way in ("session_manager", "import_sessions ~/.claude/projects", "make demo"):
        assert way in page


def test_it_says_that_nothing_fits(staff: Client) -> None:
    make_session()
    assert "No active session fits these filters" in staff.get("/?user=nobody").text


def test_it_refuses_a_cursor_that_is_none(staff: Client) -> None:
    answer = staff.get("/?cursor=nonsense")
    assert answer.status_code == 400
    assert "Start from the first page" in answer.text
