"""The list of sessions."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.models import AuditEvent, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, log, make_session

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LIST = "/sessions/"


@pytest.fixture
def reader(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("rita", is_staff=True))
    return client


def shown(client: Client, query: str) -> list[str]:
    """The sessions that a page lists, in its order."""
    return [str(session) for session in client.get(f"{LIST}{query}").context["found"].sessions]


def test_it_shows_active_sessions_latest_first(staff: Client) -> None:
    make_session(title="Older", idle_days=2)
    make_session(title="Newer")
    make_session(title="Expired one", idle_days=9)
    page = staff.get(LIST).text
    assert page.index("Newer") < page.index("Older")
    assert "Expired one" not in page


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("user=bob", "Bob's"),
        ("source=codex", "From codex"),
        ("model=opus", "Of opus"),
        ("tag=ci", "Tagged"),
        ("errors_only=on", "Failed"),
        ("least=3", "Long"),
        ("least=1&most=2&user=alice&model=opus", "Of opus"),
        ("state=expired&before=2030-01-01&since=2021-01-01", "Expired one"),
        ("state=held", "Held one"),
        ("state=trashed", "Trashed one"),
        ("since=2020-01-01&before=2021-01-01&state=all", "Ancient"),
    ],
)
def test_it_narrows_by_what_the_address_says(staff: Client, query: str, title: str) -> None:
    make_session(title="Something else")
    make_session(title="Bob's", user_id="bob")
    make_session(title="From codex", source="codex")
    log(make_session(title="Of opus"), prompt="x", model="opus")
    make_session(title="Tagged", tags=["ci"])
    log(make_session(title="Failed"), kind=InteractionKind.ERROR, error_message="no")
    make_session(title="Long", turns=3)
    make_session(title="Expired one", idle_days=9)
    actions.hold_session(make_session(title="Held one").pk, actor=ALICE)
    actions.trash_session(make_session(title="Trashed one").pk, actor=ALICE)
    ancient = make_session(title="Ancient")
    Session.objects.filter(pk=ancient.pk).update(last_activity_at="2020-06-01T00:00:00Z")
    assert shown(staff, f"?{query}") == [title]


def test_it_goes_through_all_pages_without_a_gap(staff: Client) -> None:
    now = timezone.now()
    rows = [Session(pk=f"s{n}", last_activity_at=now - timedelta(seconds=n)) for n in range(120)]
    Session.objects.bulk_create(rows)
    seen: list[str] = []
    url = LIST
    for _ in range(3):
        page = staff.get(url)
        seen += [session.pk for session in page.context["found"].sessions]
        url = LIST + page.context["next_page"]
    assert seen == [row.pk for row in rows]
    assert not page.context["next_page"]


def test_it_sorts_by_a_column_and_the_other_way_round(staff: Client) -> None:
    for turns, title in ((1, "short"), (3, "long"), (2, "middling")):
        make_session(title=title, turns=turns)
    assert shown(staff, "?sort=interactions") == ["long", "middling", "short"]
    assert shown(staff, "?sort=-interactions") == ["short", "middling", "long"]
    page = staff.get(f"{LIST}?sort=interactions&user=alice").text
    assert (
        'aria-sort="descending"><a id="sort-interactions" class="sorter" href="?user=alice&amp;sort=-interactions"'
        in page
    )
    assert 'href="?user=alice&amp;sort=created"' not in page  # not among the usual columns


def test_it_gives_htmx_the_results_alone_and_a_clean_address(staff: Client) -> None:
    make_session(title="Here")
    answer = staff.get(f"{LIST}?user=alice&tag=&state=active&sort=activity", headers=HTMX)
    assert answer.text.lstrip().startswith('<section id="results"')
    assert answer["HX-Push-Url"] == "/sessions/?user=alice"


def test_it_gives_the_whole_page_to_a_restored_history(staff: Client) -> None:
    answer = staff.get(LIST, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert answer.text.startswith("<!DOCTYPE html>")


def test_it_keeps_the_filters_in_its_links(staff: Client) -> None:
    make_session(user_id="a&b", title="x")
    page = staff.get(f"{LIST}?user=a%26b&state=all&sort=tokens").text
    assert 'href="?state=expired&amp;user=a%26b&amp;sort=tokens"' in page


def test_it_names_the_active_filters_with_a_way_to_drop_each(staff: Client) -> None:
    make_session(tags=["ci"], title="x")
    page = staff.get(f"{LIST}?tag=ci&user=alice&errors_only=on").text
    assert 'href="/sessions/?user=alice&amp;errors_only=on">Tag: <bdi>ci</bdi>' in page
    assert 'href="/sessions/?user=alice&amp;tag=ci">With errors' in page


@pytest.mark.parametrize(
    ("query", "field", "problem"),
    [
        ("since=yesterday", "since", "Enter a valid date"),
        ("since=0202-11-29", "since", "between 1970 and 8999"),
        ("least=5&most=2", "most", "less than"),
        ("least=many", "least", "whole number"),
        ("since=2026-02-01&before=2026-01-01", "before", "not after"),
    ],
)
def test_it_tells_what_is_wrong_at_the_field(staff: Client, query: str, field: str, problem: str) -> None:
    for headers in ({}, HTMX):
        page = staff.get(f"{LIST}?{query}", headers=headers).text
        place = page.index(f'id="filter-{field}_error"')
        assert problem in page[place : page.index("</p>", place)]


def test_it_says_how_to_send_the_first_conversation(staff: Client) -> None:
    assert "No conversation has arrived yet" in staff.get(LIST).text


def test_it_says_that_nothing_fits_and_offers_ways_out(staff: Client) -> None:
    make_session()
    page = staff.get(f"{LIST}?user=nobody").text
    assert "No active session fits these filters" in page
    assert 'href="/sessions/?state=active">Without the filters' in page
    assert 'href="/sessions/?user=nobody&amp;state=all">In all states' in page


@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=bm9uc2Vuc2U"])
def test_it_refuses_a_cursor_that_is_none(staff: Client, query: str) -> None:
    answer = staff.get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert "Start from the first page" in answer.text


def test_it_refuses_a_cursor_of_another_order(staff: Client) -> None:
    Session.objects.bulk_create([Session(pk=f"s{n}") for n in range(60)])
    next_page = staff.get(f"{LIST}?sort=tokens").context["next_page"]
    assert staff.get(LIST + next_page.replace("tokens", "errors")).status_code == 400


# --- Display --------------------------------------------------------------------------------------------------


def test_it_remembers_columns_and_density(staff: Client) -> None:
    make_session(title="x", source="codex")
    answer = staff.get(f"{LIST}?display=1&column=model&column=cost&density=compact&user=alice")
    assert answer["Location"] == "/sessions/?user=alice"
    page = staff.get(LIST).text
    assert '<table class="list compact"' in page
    assert 'data-label="Model"' in page
    assert 'data-label="Source"' not in page


def test_it_may_show_no_column_but_the_title(staff: Client) -> None:
    make_session(title="x")
    staff.get(f"{LIST}?display=1&density=comfortable")
    assert "data-label=" not in staff.get(LIST).text


def test_an_address_may_choose_the_columns(staff: Client) -> None:
    make_session(title="x", turns=1)
    page = staff.get(f"{LIST}?columns=interactions,nonsense&density=compact").text
    assert 'data-label="Interaction"' in page
    assert 'data-label="User"' not in page
    assert 'data-label="User"' in staff.get(LIST).text


# --- What a reader sees -----------------------------------------------------------------------------------------


def test_a_reader_filters_and_exports_and_changes_nothing(reader: Client) -> None:
    session = make_session(title="x", turns=1)
    page = reader.get(LIST).text
    assert 'value="trash"' not in page
    assert "Edit<" not in page
    assert 'action="/sessions/export.zip"' in page
    assert reader.post("/sessions/export.zip", {"id": session.pk}).status_code == 200
    assert reader.post("/bulk/", {"verb": "trash", "id": session.pk}).status_code == 403


# --- Export -----------------------------------------------------------------------------------------------------


def unpacked(response: Any) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response)))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


def test_it_exports_the_ticked_as_one_archive(staff: Client) -> None:
    make_session(session_id="A", turns=2)
    make_session(session_id="a", turns=1)
    answer = staff.post("/sessions/export.zip", {"id": ["A", "a", "gone"]})
    assert answer["Content-Type"] == "application/zip"
    files = unpacked(answer)
    manifest = [json.loads(line) for line in files.pop("manifest.jsonl").splitlines()]
    assert len({name.lower() for name in files}) == 2
    assert {"session_id": "gone", "left_out": "gone"} in manifest
    for line in [line for line in manifest if "file" in line]:
        document = json.loads(files[line["file"]])
        assert document["session_info"]["session_id"] == line["session_id"]
        assert len(files[line["file"]]) == line["bytes"]


def test_it_exports_all_that_match(staff: Client) -> None:
    for number in range(3):
        make_session(session_id=f"s{number}", tags=["ci"])
    make_session(session_id="other")
    files = unpacked(staff.get("/sessions/export.zip?everything=1&tag=ci"))
    assert len(files) == 4


def test_it_says_what_an_export_left_out(staff: Client) -> None:
    for name in "ab":
        make_session(session_id=name, turns=1)
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    files = unpacked(staff.get("/sessions/export.zip?everything=1&state=all"))
    assert {"session_id": "b", "left_out": "merged"} in map(json.loads, files["manifest.jsonl"].splitlines())


def test_it_exports_nothing_without_a_choice(staff: Client) -> None:
    assert staff.get("/sessions/export.zip").status_code == 400


# --- Changes ------------------------------------------------------------------------------------------------------


def test_it_tells_what_changed_since_it_was_drawn(staff: Client) -> None:
    _, spoken, gone = (make_session(session_id=name) for name in ("still", "spoken", "gone"))
    Session.objects.update(last_activity_at=timezone.now() - timedelta(hours=1))
    AuditEvent.objects.all().delete()
    moment = timezone.now().isoformat()
    log(spoken, prompt="more")
    actions.trash_session(gone.pk, actor=ALICE)
    rows = staff.get("/sessions/changes", {"moment": moment, "user": "alice"}).text
    assert 'data-entry="spoken"' in rows
    assert 'data-entry="still"' not in rows
    assert "data-gone" in rows[rows.index('data-entry="gone"') :].split(">")[0]


@pytest.mark.parametrize("moment", ["", "now", "2026-01-01T00:00:00"])
def test_it_refuses_a_moment_that_is_none(staff: Client, moment: str) -> None:
    assert staff.get("/sessions/changes", {"moment": moment}).status_code == 400
