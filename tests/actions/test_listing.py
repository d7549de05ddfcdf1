"""Lists of sessions: narrowed, ordered, in pages."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions import actions
from sessions.actions import Order, SessionFilters
from sessions.errors import InvalidInput
from sessions.models import Session, SessionModel
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_idle, make_session
from tests.mirror.disk import lose_database, reconcile


def found(cursor: str = "", limit: int = 50, **filters: Any) -> list[str]:
    return [one.pk for one in actions.list_sessions(SessionFilters(**filters), cursor=cursor, limit=limit).sessions]


def sorted_by(sort: str, *, descending: bool = True, limit: int = 500, cursor: str = "") -> actions.SessionPage:
    filters = SessionFilters(state="all")
    return actions.list_sessions(filters, order=Order(sort, descending), cursor=cursor, limit=limit)


def pages(limit: int, **filters: Any) -> list[list[str]]:
    result, cursor = [], ""
    while True:
        page = actions.list_sessions(SessionFilters(**filters), cursor=cursor, limit=limit)
        result.append([one.pk for one in page.sessions])
        cursor = page.next_cursor
        if not cursor:
            return result


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(["activity", True, *values]).encode()).decode()


def test_it_lists_by_the_beginning_of_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app.1", "app.2.sub", "app-1", "apple", "b.app.1"):
        make_session(session_id=name)
    actions.trash_session("app.1", actor=ALICE)
    for few in (1_000, 1):
        monkeypatch.setattr("sessions.actions.listing._FEW", few)
        assert set(found(prefix="app.", state="all")) == {"app.1", "app.2.sub"}
        assert found(prefix="app.") == ["app.2.sub"]
        assert found(prefix="app.", user_id="bob") == []
        assert found(prefix="App.", state="all") == []
    assert pages(1, prefix="app", state="active") == [["apple"], ["app-1"], ["app.2.sub"]]


def test_it_lists_by_state() -> None:
    active, expired, held, trashed, merged = (make_session(session_id=name) for name in "aehtm")
    make_idle(expired, 30)
    actions.hold_session(held.pk, actor=ALICE)
    actions.trash_session(trashed.pk, actor=ALICE)
    actions.merge_sessions(active.pk, absorbed=merged.pk, actor=ALICE)
    assert set(found(state="active")) == {"a", "h"}
    assert found(state="expired") == ["e"]
    assert found(state="held") == ["h"]
    assert found(state="trashed") == ["t"]
    assert found(state="merged") == ["m"]
    assert set(found(state="all")) == set("aehtm")
    with pytest.raises(InvalidInput):
        found(state="asleep")


def test_it_narrows_by_every_filter() -> None:
    make_session(session_id="x", user_id="bob", source="mcp", tags=["t", "u"])
    make_idle(make_session(session_id="y"), 3)
    day_ago = timezone.now() - timedelta(days=1)
    assert found(user_id="bob") == found(source="mcp") == found(tag="t") == found(active_since=day_ago) == ["x"]
    assert found(active_before=day_ago) == ["y"]
    assert found(user_id="bob", tag="none") == []
    assert set(actions.known_sources()) == {"mcp"}


@pytest.mark.parametrize(
    "filters",
    [
        {"user_id": "\0"},
        {"source": "\ud800"},
        {"tag": "x" * 300},
        {"active_since": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"active_before": datetime(1, 1, 1, tzinfo=UTC)},
    ],
)
def test_it_refuses_what_no_session_can_have(filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        found(**filters)
    assert caught.value.field in filters


def test_it_pages_through_everything_once() -> None:
    names = {make_session().pk for _ in range(11)}
    Session.objects.update(last_activity_at=timezone.now())
    result = pages(4)
    assert [len(page) for page in result] == [4, 4, 3]
    assert {name for page in result for name in page} == names


def test_pages_stay_as_they_are_under_inserts() -> None:
    for number in range(6):
        make_idle(make_session(), number / 10)
    before = pages(2)
    first = actions.list_sessions(SessionFilters(), limit=2)
    make_session()
    make_session()
    assert found(cursor=first.next_cursor, limit=2) == before[1]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ä",
        "====",
        forged(),
        forged("2026-01-01T00:00:00+00:00"),
        forged("2026-01-01T00:00:00", "a"),
        forged("2026-01-01T00:00:00+00:00", "../x"),
        forged("2026-01-01T00:00:00+00:00", 5),
        forged("0001-01-01T00:00:00+14:00", "a"),
        forged("9999-12-31T23:59:59-14:00", "a"),
        forged(5, "a"),
        forged("2026-01-01T00:00:00+00:00", "a", "b"),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "A" * 100_000,
    ],
)
def test_it_refuses_a_foreign_cursor(cursor: str) -> None:
    make_session()
    with pytest.raises(InvalidInput) as caught:
        found(cursor=cursor)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_it_refuses_a_limit_that_makes_no_page(limit: int) -> None:
    with pytest.raises(InvalidInput):
        found(limit=limit)


def test_a_list_costs_the_same_however_long_it_is(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        make_session(tags=["t"])
    with django_assert_num_queries(3):
        found()
    for _ in range(20):
        make_session(tags=["t"])
    with django_assert_num_queries(3):
        found()


# --- Filters that follow from the interactions ------------------------------------------------------------------


def test_it_narrows_by_what_was_said() -> None:
    make_session(session_id="none")
    log(make_session(session_id="one"), prompt="x", model="opus")
    make_session(session_id="three", turns=3)
    log("three", kind=InteractionKind.ERROR, error_message="no", model="haiku")
    log("three", prompt="y", model="opus")
    assert set(found(model="opus")) == {"one", "three"}
    assert found(model="haiku") == found(has_errors=True) == found(least_interactions=2) == ["three"]
    assert found(most_interactions=0) == ["none"]
    assert found(least_interactions=1, most_interactions=1) == ["one"]
    assert found(model="opus", most_interactions=0) == []
    assert actions.known_models() == ["haiku", "opus"]


def test_it_counts_what_an_old_system_only_stated() -> None:
    make_session(session_id="old")
    Session.objects.filter(pk="old").update(stated_interactions=7)
    assert found(least_interactions=7) == ["old"]


@pytest.mark.parametrize("names", [("tag",), ("model",), ("user_id",), ("tag", "model"), ("tag", "model", "user_id")])
def test_common_names_narrow_like_rare_ones(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        log(make_session(session_id=f"s{number}", tags=["x"], user_id="x"), prompt="hello", model="x")
    make_session(session_id="with-tag", tags=["x"])
    make_session(session_id="with-user", user_id="x")
    for number in range(3):
        log(make_session(session_id=f"model-{number}"), prompt="hello", model="x")
    narrowed: dict[str, Any] = dict.fromkeys(names, "x")
    rare = found(**narrowed)
    monkeypatch.setattr("sessions.actions.listing._FEW", 2)
    assert found(**narrowed) == rare
    assert {"s3", "s2", "s1", "s0"} <= set(rare)
    others = {"tag": 1, "user_id": 1, "model": 3}
    assert len(rare) == 4 + (others[names[0]] if len(names) == 1 else 0)


# --- Orders -----------------------------------------------------------------------------------------------------


def make_various() -> None:
    """Sessions that differ in all that they may be sorted by, and some that do not."""
    now = timezone.now()
    Session.objects.bulk_create(
        Session(
            pk=f"s{number:02}",
            user_id=f"user-{number % 3}",
            created_at=now - timedelta(days=number % 5),
            last_activity_at=now - timedelta(hours=number % 4),
            interaction_count=number % 4,
            stated_interactions=number % 2,
            input_tokens=number % 6,
            output_tokens=number % 2,
            cost_microusd=number % 7,
            error_count=number % 3,
        )
        for number in range(30)
    )


def key_of(sort: str, row: Session) -> Any:
    return {
        "activity": (row.last_activity_at,),
        "created": (row.created_at,),
        "user": (row.user_id, row.last_activity_at),
        "interactions": (row.total_interactions,),
        "tokens": (row.input_tokens + row.output_tokens,),
        "cost": (row.cost_microusd,),
        "errors": (row.error_count,),
    }[sort] + (row.pk,)


@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
@pytest.mark.parametrize("sort", actions.SORTS)
def test_it_pages_through_every_order_both_ways(sort: str, descending: bool) -> None:
    make_various()
    rows: list[Session] = []
    cursor = ""
    while True:
        page = sorted_by(sort, descending=descending, limit=7, cursor=cursor)
        rows += page.sessions
        cursor = page.next_cursor
        if not cursor:
            break
    assert len({row.pk for row in rows}) == len(rows) == 30
    keys = [key_of(sort, row) for row in rows]
    assert all((one > other) is descending for one, other in pairwise(keys))


def test_it_refuses_an_order_and_a_cursor_of_another_one() -> None:
    make_various()
    with pytest.raises(InvalidInput):
        sorted_by("mood")
    for other in (("cost", True), ("tokens", False)):
        with pytest.raises(InvalidInput):
            sorted_by(other[0], descending=other[1], cursor=sorted_by("tokens", limit=3).next_cursor)


# --- The models of a session --------------------------------------------------------------------------------------


def models_of(pk: str) -> tuple[list[str], set[str]]:
    """What the row says in its order, and what the table says."""
    rows = SessionModel.objects.filter(session_id=pk)
    return Session.objects.get(pk=pk).model_names, set(rows.values_list("name", flat=True))


def test_it_notes_each_model_once_in_the_order_of_use() -> None:
    make_session(session_id="s")
    for model in ("b", "a", "", "b"):
        log("s", prompt="x", model=model)
    assert models_of("s") == (["b", "a"], {"a", "b"})


def test_a_model_that_is_known_costs_no_statement(django_assert_num_queries: Any) -> None:
    make_session(session_id="s")
    log("s", prompt="x", model="a")
    log("s", prompt="x")
    with CaptureQueriesContext(connection) as without:
        log("s", prompt="x")
    with django_assert_num_queries(len(without)):
        log("s", prompt="x", model="a")


def test_a_model_that_is_known_is_not_written_again() -> None:
    make_session(session_id="s")
    with CaptureQueriesContext(connection) as queries:
        log("s", prompt="x", model="a")
        new = [one["sql"] for one in queries if one["sql"].startswith("UPDATE") and '"model_names" =' in one["sql"]]
    with CaptureQueriesContext(connection) as queries:
        log("s", prompt="x", model="a")
        known = [one["sql"] for one in queries if one["sql"].startswith("UPDATE") and '"model_names" =' in one["sql"]]
    assert (len(new), known) == (1, [])


def test_models_go_with_a_merge_and_come_back_with_its_undoing() -> None:
    log(make_session(session_id="s"), prompt="x", model="a")
    log(make_session(session_id="t"), prompt="y", model="b")
    merge = actions.merge_sessions("s", absorbed="t", actor=ALICE)
    assert models_of("s") == (["a", "b"], {"a", "b"})
    assert models_of("t") == ([], set())
    actions.unmerge(merge.pk, actor=ALICE)
    assert models_of("s") == (["a"], {"a"})
    assert models_of("t") == (["b"], {"b"})


def test_it_notes_no_more_models_than_a_row_should_hold() -> None:
    make_session(session_id="s")
    actions.log_interactions("s", [draft(prompt="x", model=f"m{number:03}") for number in range(60)], actor=ALICE)
    names, table = models_of("s")
    assert len(names) == len(table) == 50


def test_models_go_when_a_session_is_purged() -> None:
    log(make_session(session_id="s"), prompt="x", model="a")
    actions.trash_session("s", actor=ALICE)
    actions.purge_session("s", actor=ALICE)
    assert not SessionModel.objects.exists()


# --- What changed -------------------------------------------------------------------------------------------------


def test_it_tells_what_changed_since_a_moment() -> None:
    for name in ("still", "spoken", "tagged", "gone", "bobs"):
        make_idle(make_session(session_id=name, user_id="bob" if name == "bobs" else "alice"), 1)
    moment = timezone.now()
    log("spoken", prompt="x")
    log("bobs", prompt="x")
    actions.hold_session("tagged", actor=ALICE)
    actions.trash_session("gone", actor=ALICE)
    changes = actions.changed_since(SessionFilters(user_id="alice"), moment)
    assert {row.pk for row in changes.fitting} == {"spoken", "tagged"}
    assert {row.pk for row in changes.others} == {"gone"}


def test_models_come_back_from_the_files() -> None:
    log(make_session(session_id="s"), prompt="x", model="b")
    log("s", prompt="y", model="a")
    lose_database()
    reconcile()
    assert models_of("s") == (["b", "a"], {"a", "b"})
    assert found(model="a") == ["s"]
