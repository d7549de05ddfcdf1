"""Counting interactions: each once, whatever is appended, imported, merged, purged or rebuilt meanwhile."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.analytics import tally
from sessions.mirror import load
from sessions.models import ActivityCount, ActivityMark, Interaction, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import places

LONG_AGO = datetime(2020, 2, 29, 23, 50, tzinfo=UTC)


def counted() -> dict[int, tuple[int, int]]:
    rows = ActivityCount.objects.exclude(interactions=0, errors=0).values_list("quarter", "interactions", "errors")
    return {quarter: (interactions, errors) for quarter, interactions, errors in rows}


def in_fact() -> dict[int, tuple[int, int]]:
    """The law: the interactions whose ID is smaller than the mark, counted one by one."""
    found: dict[int, tuple[int, int]] = {}
    mark = ActivityMark.objects.get().counted_before
    for row in Interaction.objects.filter(pk__lt=mark):
        interactions, errors = found.get(quarter := tally.quarter_of(row.occurred_at), (0, 0))
        found[quarter] = (interactions + 1, errors + (row.kind == "error"))
    return found


def count_all() -> int:
    """As many as there were; no more rounds than that takes, lest a mark that stands still hangs the test."""
    total = 0
    for _ in range(Interaction.objects.count() + 1):
        number = actions.count_activity(limit=3)
        if not number:
            return total
        total += number
    raise AssertionError("The mark does not advance.")


def test_it_counts_each_interaction_once_in_its_quarter() -> None:
    session = make_session(turns=4)
    log(session, prompt="then", occurred_at=LONG_AGO)
    log(session, kind=InteractionKind.ERROR, error_message="no", occurred_at=LONG_AGO + timedelta(minutes=5))
    assert count_all() == 6
    assert count_all() == 0
    assert counted() == in_fact()
    assert counted()[tally.quarter_of(LONG_AGO)] == (2, 1)


def test_what_is_not_counted_yet_is_seen_apart() -> None:
    session = make_session(turns=2)
    count_all()
    log(session, prompt="new")
    waiting, complete = tally.uncounted(10)
    assert (waiting.interactions.total(), complete) == (1, True)
    log(session, prompt="newer")
    waiting, complete = tally.uncounted(1)
    assert (waiting.interactions.total(), complete) == (1, False)


def test_it_leaves_room_for_clocks_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    make_session(turns=1)
    monkeypatch.setattr("sessions.analytics.tally.LAG_SECONDS", 60.0)
    assert count_all() == 0
    assert tally.uncounted(10)[0].interactions.total() == 1


def test_an_append_asks_nothing_of_the_counts() -> None:
    session = make_session(turns=1)
    count_all()
    with CaptureQueriesContext(connection) as queries:
        log(session, prompt="on")
    assert not [query["sql"] for query in queries if "activity" in query["sql"].replace("last_activity", "")]


def test_a_merge_and_its_undoing_change_no_count() -> None:
    one, other = make_session(turns=3), make_session(turns=2)
    count_all()
    before = counted()
    merge = actions.merge_sessions(one.pk, absorbed=other.pk, actor=ALICE)
    assert count_all() == 0
    actions.unmerge(merge.pk, actor=ALICE)
    assert count_all() == 0
    assert counted() == before == in_fact()


def test_a_purge_takes_its_interactions_out() -> None:
    stays, goes = make_session(turns=2), make_session(turns=3)
    log(goes, prompt="then", occurred_at=LONG_AGO)
    count_all()
    log(goes, prompt="not counted yet")
    actions.trash_session(goes.pk, actor=ALICE)
    actions.purge_session(goes.pk, actor=ALICE)
    assert counted() == in_fact()
    assert sum(interactions for interactions, _ in counted().values()) == stays.interaction_count


def test_a_session_that_is_loaded_from_its_journal_is_counted_again() -> None:
    session = make_session(turns=3)
    log(session, prompt="then", occurred_at=LONG_AGO)
    make_session(turns=1)
    count_all()
    before = counted()
    with transaction.atomic():
        tally.subtract(Interaction.objects.filter(session=session))
        Interaction.objects.filter(session=session).unordered_delete()
        Session.objects.filter(pk=session.pk).delete()
    assert counted() == in_fact() != before
    load.load_session(places(), session.pk)
    assert counted() == in_fact() == before


def test_a_decision_for_the_journal_keeps_the_counts_true() -> None:
    session = make_session(turns=3)
    count_all()
    before = counted()
    actions.keep_journal(session.pk, actor=ALICE)
    assert counted() == in_fact() == before


def test_a_rebuilt_store_is_counted_from_the_beginning() -> None:
    session = make_session(turns=2)
    Interaction.objects.all().delete()
    Session.objects.all().delete()
    actions.reconcile_copies(actor=ALICE)
    assert count_all() == 2
    assert counted() == in_fact()
    assert Session.objects.get().pk == session.pk


def test_an_old_conversation_that_comes_in_today_is_counted_in_its_time() -> None:
    make_session(turns=1)
    count_all()
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt="a", occurred_at=LONG_AGO)] * 2, actor=ALICE)
    assert count_all() == 2
    assert counted()[tally.quarter_of(LONG_AGO)] == (2, 0)


def test_counts_that_do_not_add_up_are_made_anew() -> None:
    make_session(turns=3)
    count_all()
    assert tally.is_exact()
    ActivityCount.objects.update(interactions=17)
    assert not tally.is_exact()
    tally.forget()
    assert tally.is_exact()
    count_all()
    assert counted() == in_fact()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_it_waits_for_a_transaction_that_may_still_insert() -> None:
    session = make_session(turns=1)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM conversations_session WHERE session_id = %s FOR UPDATE", [session.pk])
        time.sleep(1.2)
        make_session(turns=1)
        assert count_all() == 1
        with other.cursor() as cursor:
            cursor.execute("ROLLBACK")
        assert count_all() == 1
    finally:
        other.close()
