"""Merging by a page: choose, look, decide, merge, take back."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.models import Merge, Session
from tests.builders import ALICE, draft, log, make_session

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def three() -> list[Session]:
    """Three sessions of alice's; the first has most interactions, and all share one."""
    rows = [make_session(session_id=name, title=f"Title {name}", metadata={"a key": name}) for name in "abc"]
    for row in rows:
        log(row, prompt="the same", idempotency_key="k")
    for name in "aab":
        log(name, prompt=f"only {name}")
    return [Session.objects.get(pk=row.pk) for row in rows]


def board(client: Client, query: str = "id=a&id=b&id=c") -> Any:
    return client.get(f"/merge/?{query}")


def chosen(client: Client, query: str) -> list[str]:
    return [side.session.pk for side in board(client, query).context["board"].sides]


# --- Choosing ---


@pytest.mark.parametrize("given", ["{}", "http://testserver/r/{}", "/sessions/{}/"])
def test_it_takes_ids_and_links(staff: Client, three: list[Session], given: str) -> None:
    answer = staff.get("/merge/", {"id": ["a", given.format("b"), "b"]})
    assert [side.session.pk for side in answer.context["board"].sides] == ["a", "b"]


def test_the_one_with_most_interactions_stays_unless_another_is_chosen(staff: Client, three: list[Session]) -> None:
    assert chosen(staff, "id=c&id=b&id=a") == ["a", "c", "b"]
    assert chosen(staff, "id=a&id=b&id=c&into=c") == ["c", "a", "b"]


def test_an_absorbed_id_stands_for_the_one_that_it_leads_to(staff: Client, three: list[Session]) -> None:
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    assert chosen(staff, "id=a&id=b&id=c") == ["a", "c"]


def test_it_offers_the_users_other_sessions_that_could_be_merged(staff: Client, three: list[Session]) -> None:
    make_session(title="Bob's", user_id="bob")
    actions.trash_session(make_session(title="Trashed").pk, actor=ALICE)
    offered = board(staff, "id=a").context["board"].candidates
    assert [one.session.pk for one in offered] == ["b", "c"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", ["needle-1", "needle", "/r/needle-1", "bob", "walrus", "Haystack"])
def test_it_finds_by_id_link_user_title_and_what_was_said(staff: Client, three: list[Session], text: str) -> None:
    wanted = make_session(session_id="needle-1", title="Haystack", user_id="bob")
    log(wanted, prompt="a walrus")
    found = board(staff, f"id=a&q={text}").context["board"].candidates
    assert [one.session.pk for one in found] == ["needle-1"]
    assert found[0].add_url == "/merge/?id=a&id=needle-1"


def test_it_gives_htmx_the_part_that_it_asks_for(staff: Client, three: list[Session]) -> None:
    for target, start in {"picks": "picks", "board": "board"}.items():
        answer = staff.get("/merge/?id=a&id=b", headers={**HTMX, "HX-Target": target})
        assert f'id="{start}"' in answer.text[:80]


@pytest.mark.parametrize("query", ["", "id=nope", "id=../../etc", "id=a", f"id={'x' * 150}&id=a", "id=a&id=a", "id="])
def test_it_waits_until_two_are_chosen(staff: Client, three: list[Session], query: str) -> None:
    answer = board(staff, query)
    assert answer.status_code == 200
    assert answer.context["board"].preview is None


def test_it_says_what_stands_in_the_way_and_the_rest_stays_chosen(staff: Client, three: list[Session]) -> None:
    actions.trash_session("c", actor=ALICE)
    answer = board(staff, "id=a&id=b&id=c&id=nope")
    assert "lies in the trash. Restore it first." in answer.text
    assert "There is no session &#x27;nope&#x27;" in answer.text
    assert len(answer.context["board"].sides) == 3


def test_the_way_in_from_a_session_lets_it_stay(staff: Client, three: list[Session]) -> None:
    answer = staff.get("/sessions/c/merge/?with_session=a", follow=True)
    assert [side.session.pk for side in answer.context["board"].sides] == ["c", "a"]
    assert staff.get("/sessions/nope/merge/").status_code == 404


# --- The preview ---


def test_it_previews_what_would_be_combined(staff: Client, three: list[Session]) -> None:
    answer = board(staff)
    preview = answer.context["board"].preview
    assert (preview.total, preview.duplicates) == (4, {"b": 1, "c": 1})
    assert answer.text.count(">duplicate, kept once<") == 2
    assert Session.objects.get(pk="b").merged_into_id is None


def test_it_asks_where_they_differ_with_the_survivors_value_chosen(staff: Client, three: list[Session]) -> None:
    asked = {one.name: one for one in board(staff).context["board"].questions}
    assert list(asked) == ["keep.title", "keep.metadata.a%20key"]
    assert [(one.keep, one.chosen) for one in asked["keep.title"].answers] == [("a", True), ("b", False), ("c", False)]


def test_what_was_decided_outlives_a_change_of_the_survivor(staff: Client, three: list[Session]) -> None:
    found = board(staff, "id=a&id=b&id=c&into=c&keep.title=b&keep.metadata.a%2520key=a")
    kept = [answer.keep for one in found.context["board"].questions for answer in one.answers if answer.chosen]
    assert kept == ["b", "a"]


def test_it_aligns_side_by_side_what_was_said_at_one_time(staff: Client) -> None:
    now = make_session().created_at
    for name, minutes in {"a": (0, 10, 20), "b": (0, 15, 20)}.items():
        row = make_session(session_id=name)
        for minute in minutes:
            log(row, prompt=f"{name}{minute}", occurred_at=now.replace(minute=minute, second=0))
    (beginning, _) = board(staff, "id=a&id=b&view=side").context["board"].stretches
    cells = [[cell.item.opening if cell else "" for cell in row.cells] for row in beginning.rows]
    assert cells == [["a0", "b0"], ["a10", ""], ["", "b15"], ["a20", "b20"]]


@pytest.fixture
def long_ones() -> None:
    start = make_session(session_id="seed").created_at.replace(year=2025, second=0, microsecond=0)
    for name, offset in {"a": 0, "b": 1}.items():
        row = make_session(session_id=name)
        drafts = [
            draft(
                prompt=f"{name}{n}",
                occurred_at=start.replace(minute=(2 * n + offset) // 60, second=(2 * n + offset) % 60),
            )
            for n in range(150)
        ]
        actions.log_interactions(row.pk, drafts, actor=ALICE)


def test_it_shows_a_long_merge_by_its_ends_and_the_rest_in_pieces(staff: Client, long_ones: None) -> None:
    beginning, end = board(staff, "id=a&id=b").context["board"].stretches
    shown = [entry.item.opening for entry in beginning.entries]
    url, pieces = beginning.more_url, 0
    assert beginning.hidden == 260
    while url:
        answer = staff.get(url, headers={**HTMX, "HX-Target": "x"})
        stretch = answer.context["piece"].stretch
        shown += [entry.item.opening for entry in stretch.entries]
        url, pieces = stretch.more_url, pieces + 1
    shown += [entry.item.opening for entry in end.entries]
    assert shown == [f"{name}{n}" for n in range(150) for name in "ab"]
    assert pieces == 3


def test_a_piece_is_a_page_of_its_own_without_a_script(staff: Client, long_ones: None) -> None:
    for view in ("", "&view=side"):
        beginning, _ = board(staff, f"id=a&id=b{view}").context["board"].stretches
        answer = staff.get(beginning.more_url)
        assert "Back to the merge" in answer.text
        assert "a10" in answer.text


@pytest.mark.parametrize("place", ["", "1", "1.2.3", "a.b", "-1.0", "1.99999999999999999999"])
def test_it_refuses_a_place_that_is_none(staff: Client, three: list[Session], place: str) -> None:
    answer = staff.get("/merge/timeline/", {"id": ["a", "b"], "into": "a", "after": place, "until": "9.9"})
    assert answer.status_code == 400


def test_it_asks_as_often_whatever_their_length(staff: Client, three: list[Session]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            board(staff)
        return len(captured)

    few = queries()
    for name in "abc":
        actions.log_interactions(name, [draft(prompt=f"{n}") for n in range(200)], actor=ALICE)
    assert queries() == few


# --- Merging and taking back ---


def merge(client: Client, **choices: Any) -> Any:
    return client.post("/merge/", {"id": ["a", "b", "c"], "into": "a", **choices}, follow=True)


def test_it_merges_as_decided_and_takes_all_of_it_back(staff: Client, three: list[Session]) -> None:
    before = [actions.session_dump(name) for name in "abc"]
    answer = merge(staff, **{"keep.title": "c", "keep.metadata.a%20key": "b"})
    row = Session.objects.get(pk="a")
    assert (row.title, row.metadata, row.interaction_count) == ("Title c", {"a key": "b"}, 4)
    assert answer.redirect_chain == [("/sessions/a/", 302)]
    group = Merge.objects.values_list("group_id", flat=True).distinct().get()
    assert f'action="/merges/{group}/undo/"' in answer.text
    answer = staff.post(f"/merges/{group}/undo/", follow=True)
    assert "sessions b, c stand on their own again" in answer.text
    assert [actions.session_dump(name) for name in "abc"] == before


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"id": ["a"], "into": "a"}, 409),
        ({"id": ["a", "b"]}, 404),
        ({"id": ["a", "nope"], "into": "a"}, 404),
        ({"id": ["a", "b"], "into": "a", "keep.title": "x"}, 400),
        ({"id": ["a", "b"], "into": "a", "keep.created_at": "b"}, 400),
        ({}, 404),
    ],
)
def test_it_merges_nothing_by_half(staff: Client, three: list[Session], sent: dict[str, Any], status: int) -> None:
    before = actions.store_digest()
    assert staff.post("/merge/", sent).status_code == status
    assert actions.store_digest() == before


def test_those_who_only_read_see_the_preview_and_merge_nothing(client: Client, three: list[Session]) -> None:
    client.force_login(User.objects.create_user("bob", is_staff=True))
    answer = board(client)
    assert "Only administrators merge." in answer.text
    assert merge(client).status_code == 403
    assert not Merge.objects.exists()


# --- The record ---


def test_the_record_tells_what_was_merged_decided_and_undone(staff: Client, three: list[Session]) -> None:
    choices: Any = {"title": "c", "metadata": {"a key": "b"}}
    done = actions.merge_sessions("a", absorbed=["b", "c"], choices=choices, actor=ALICE)
    answer = staff.get(f"/merges/{done.pk}/")
    record = answer.context["record"]
    assert [(one.field, one.key, one.whose, one.value) for one in record.decisions] == [
        ("title", "", "C", "Title c"),
        ("metadata", "a key", "B", "b"),
    ]
    assert "Undo all of it" in answer.text
    staff.post(f"/merges/{done.merges[0].pk}/undo/")
    answer = staff.get(f"/merges/{done.merges[1].pk}/")
    assert "undone in part" in answer.text
    assert "by <bdi>alice</bdi>" in answer.text
    actions.unmerge(done.pk, actor=ALICE)
    assert "/undo/" not in staff.get(f"/merges/{done.pk}/").text


def test_a_record_outlives_what_it_is_about(staff: Client, three: list[Session]) -> None:
    done = actions.merge_sessions("a", absorbed=["b", "c"], choices={"title": "c"}, actor=ALICE)
    actions.unmerge(done.pk, actor=ALICE)
    actions.trash_session("b", actor=ALICE)
    actions.purge_session("b", actor=ALICE)
    assert staff.get(f"/merges/{done.pk}/").status_code == 200


def test_it_knows_no_merge_that_never_was(staff: Client) -> None:
    unknown = "/merges/00000000-0000-7000-8000-000000000000/"
    assert staff.get(unknown).status_code == 404
    assert staff.post(f"{unknown}undo/").status_code == 404


@pytest.mark.parametrize(("decided", "is_kept"), [("stays=a", False), ("into=a", True)])
def test_only_who_was_chosen_stays_whatever_a_search_adds(staff: Client, decided: str, is_kept: bool) -> None:
    for name in "abc":
        make_session(session_id=name, title=f"Title {name}")
    page = staff.get(f"/merge/?id=a&id=b&{decided}&q=Title+c").text
    [link] = re.findall(r'<a href="([^"]*id=c[^"]*)"', page)
    assert ("into=a" in link) == is_kept


def test_who_the_page_shows_as_staying_stays(staff: Client) -> None:
    for name in "ab":
        make_session(session_id=name, turns=2)
    shown = {"id": ["a", "b"], "stays": "b"}
    assert staff.post("/merge/", shown)["Location"] == "/sessions/b/"
