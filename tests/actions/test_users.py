"""Who talks here: lists of users, and one of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions import actions
from sessions.errors import InvalidInput, UserNotFound
from sessions.models import Interaction, Session
from sessions.records import ANONYMOUS, InteractionKind
from tests.builders import ALICE, log, make_session


def names(**filters: Any) -> list[str]:
    return [row.user_id for row in actions.list_users(**filters).users]


def walk(**filters: Any) -> list[str]:
    """All pages of a list, two users each."""
    found: list[str] = []
    cursor = ""
    while True:
        page = actions.list_users(**filters, cursor=cursor, limit=2)
        found += [row.user_id for row in page.users]
        if not (cursor := page.next_cursor):
            return found


@pytest.fixture
def crowd() -> None:
    """Users whose order by name, by activity and by number of sessions differ; two with equal figures."""
    now = timezone.now()
    table = {
        "ann": (1, 3),
        "Ben": (5, 1),
        "bob": (3, 2),
        "bo%": (3, 2),
        "été": (2, 1),
        "團隊": (4, 4),
        ANONYMOUS: (0, 1),
    }
    Session.objects.bulk_create(
        [
            Session(pk=f"{place}-{number}", user_id=name, last_activity_at=now - timedelta(days=days + number))
            for place, (name, (days, sessions)) in enumerate(table.items())
            for number in range(sessions)
        ]
    )
    Session.objects.filter(user_id__in=["bob", "bo%"]).update(last_activity_at=now - timedelta(days=3))


def test_it_tells_each_users_figures() -> None:
    first = make_session(user_id="ann", turns=2, idle_days=30)
    second = make_session(user_id="ann", turns=3)
    Session.objects.filter(pk=first.pk).update(stated_interactions=10)
    (row,) = actions.list_users().users
    assert (row.user_id, row.sessions, row.active_sessions, row.interactions) == ("ann", 2, 1, 15)
    first, second = Session.objects.get(pk=first.pk), Session.objects.get(pk=second.pk)
    assert (row.first_seen_at, row.last_activity_at) == (first.created_at, second.last_activity_at)


@pytest.mark.usefixtures("crowd")
def test_it_sorts_and_pages() -> None:
    by_name = ["Ben", "ann", ANONYMOUS, "bo%", "bob", "été", "團隊"]
    assert walk(sort="name") == sorted(by_name) == names(sort="name")
    assert walk(sort="activity") == [ANONYMOUS, "ann", "été", "bo%", "bob", "團隊", "Ben"] == names()
    assert walk(sort="sessions") == ["團隊", "ann", "bo%", "bob", "Ben", ANONYMOUS, "été"] == names(sort="sessions")


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("sort", actions.USER_SORTS)
@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("bo", {"bo%", "bob"}),
        ("bo%", {"bo%"}),
        ("an", {"ann", ANONYMOUS}),
        ("團", {"團隊"}),
        ("x", set()),
        ("\\", set()),
    ],
)
def test_it_narrows_to_how_a_name_begins(sort: str, prefix: str, expected: set[str]) -> None:
    found = walk(prefix=prefix, sort=sort)
    assert len(found) == len(expected)
    assert set(found) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "age"},
        {"cursor": "nonsense"},
        {"cursor": "W10"},
        {"cursor": "WyJuYW1lIiwxXQ"},
        {"sort": "name", "cursor": "WyJuYW1lIiwxXQ"},
        {"prefix": "\0"},
        {"limit": 0},
    ],
)
def test_it_refuses_what_is_no_question(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        actions.list_users(**wrong)


@pytest.mark.usefixtures("crowd")
def test_it_refuses_a_cursor_of_another_order() -> None:
    cursor = actions.list_users(sort="sessions", limit=1).next_cursor
    with pytest.raises(InvalidInput):
        actions.list_users(sort="activity", cursor=cursor)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite tells its plan so briefly")
@pytest.mark.parametrize("sort", actions.USER_SORTS)
def test_it_reads_no_row_to_find_and_to_count(sort: str) -> None:
    make_session(user_id="ann")
    with CaptureQueriesContext(connection) as queries:
        actions.list_users(sort=sort)
    plans = []
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plans += [str(row[3]) for row in cursor.fetchall()]
    read = [plan for plan in plans if "conversations_session" in plan]
    assert read
    assert all("COVERING INDEX session_by_user" in plan for plan in read), plans


# --- One user -----------------------------------------------------------------------------------------------


def test_it_knows_those_with_sessions_or_preferences() -> None:
    make_session(user_id="ann")
    actions.update_profile("bob", actor=ALICE, replace={"a": 1})
    assert actions.find_user("ann").preferences == {}
    assert actions.find_user("bob").preferences == {"a": 1}
    with pytest.raises(UserNotFound):
        actions.find_user("carl")


def test_it_adds_up_what_a_user_used() -> None:
    for number in (1, 2):
        session = make_session(user_id="ann")
        log(session, prompt="x", input_tokens=number, output_tokens=10, cost_microusd=100, model=f"model-{number}")
        log(session, kind=InteractionKind.TOOL_CALL, tool_name="Bash")
    log(session, kind=InteractionKind.ERROR, error_message="no")
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="Read", model="model-1")
    figures = actions.user_figures("ann")
    assert (figures.input_tokens, figures.output_tokens, figures.cost_microusd, figures.errors) == (3, 20, 200, 1)
    usage = actions.user_usage("ann")
    assert usage.models == [("model-1", 2), ("model-2", 1)]
    assert usage.tools == [("Bash", 2), ("Read", 1)]
    nobody = actions.user_figures("bob")
    assert (nobody.sessions, nobody.interactions, nobody.first_seen_at) == (0, 0, None)


def test_it_counts_interactions_by_day() -> None:
    """Of a session of one day by its count, of one over several days by its interactions' own times."""
    now = timezone.now().replace(hour=12)
    one_day, long, ancient = (make_session(user_id="ann", turns=number) for number in (2, 3, 4))
    Session.objects.filter(pk=one_day.pk).update(created_at=now, last_activity_at=now)
    yesterday = now - timedelta(days=1)
    Session.objects.filter(pk=long.pk).update(created_at=now - timedelta(days=3), last_activity_at=now)
    Interaction.objects.filter(session=long).update(occurred_at=now)
    Interaction.objects.filter(session=long, sequence=1).update(occurred_at=yesterday)
    Session.objects.filter(pk=ancient.pk).update(created_at=now - timedelta(days=99), last_activity_at=yesterday)
    Interaction.objects.filter(session=ancient).update(occurred_at=now - timedelta(days=98))
    days = actions.user_days("ann")
    assert days.exact
    assert len(days.days) == 56
    assert {day.date: day.interactions for day in days.days if day.interactions} == {now.date(): 4, yesterday.date(): 1}


def test_it_looks_at_no_more_interactions_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.actions.users._MOST_COUNTED", 3)
    session = make_session(user_id="ann", turns=5)
    Session.objects.filter(pk=session.pk).update(created_at=timezone.now() - timedelta(days=3))
    days = actions.user_days("ann")
    assert (days.interactions, days.exact) == (3, False)


def test_it_follows_no_circle_of_names() -> None:
    """Files may say anything; nothing hangs."""
    from sessions.models import Profile

    Profile.objects.bulk_create([Profile(pk="a", merged_into="b"), Profile(pk="b", merged_into="a")])
    assert actions.resolve_user("a") == "b"
    assert actions.known_as("a") == ["b"]
    assert make_session(user_id="a").user_id == "b"
