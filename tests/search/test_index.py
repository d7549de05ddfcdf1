"""The index follows the store: what was written is found, what was removed is not."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions import actions
from sessions.errors import InvalidInput
from sessions.mirror import load
from sessions.mirror.drain import layout
from sessions.models import Interaction, Passage, Session
from sessions.search import analysis, index, lookup
from sessionsite.sqlite.base import BUSY_SECONDS
from tests.builders import ALICE, draft, log, make_session


def found(text: str) -> list[tuple[str, int]]:
    """Session and sequence of each hit; 0 for a session's own texts."""
    return [(hit.session.pk, hit.interaction.sequence if hit.interaction else 0) for hit in actions.search(text).hits]


def settled() -> bool:
    return not Session.objects.in_search_debt().exists()


def test_a_write_costs_nothing_and_leaves_a_debt() -> None:
    session = make_session()
    actions.settle_mirror()
    log(session, prompt="marmalade")
    assert Passage.objects.filter(interaction__isnull=False).count() == 0
    assert actions.search_debt() == 1
    assert actions.settle_search() is False
    assert settled()
    assert found("marmalade") == [(session.pk, 1)]


def test_a_search_settles_what_it_finds_unsettled() -> None:
    session = make_session()
    log(session, prompt="marmalade")
    assert found("marmalade") == [(session.pk, 1)]
    assert settled()


def test_no_document_is_written_before_the_search_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    actions.settle_mirror()
    log(session, prompt="marmalade")
    with monkeypatch.context() as broken:
        broken.setattr(index, "_write", _fail)
        actions.settle_mirror()
    row = Session.objects.get()
    assert row.documented_revision < row.revision
    assert found("marmalade") == [(session.pk, 1)]
    actions.settle_mirror()
    row.refresh_from_db()
    assert row.documented_revision == row.searched_revision == row.revision


def _fail(*_: object, **__: object) -> list[Any]:
    raise OperationalError("not now")


def test_what_was_said_just_before_the_trash_is_found_in_it() -> None:
    session = make_session()
    log(session, prompt="marmalade")
    actions.trash_session(session.pk, actor=ALICE)
    assert actions.search_debt() == 1
    assert found("marmalade") == [(session.pk, 1)]
    assert found("marmalade state:trashed") == [(session.pk, 1)]
    actions.settle_mirror()
    assert not Session.objects.in_document_debt().exists()


def test_a_purge_takes_the_passages_along() -> None:
    session = make_session(title="marmalade")
    log(session, prompt="marmalade")
    assert len(found("marmalade")) == 2
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    assert not Passage.objects.exists()
    assert found("marmalade") == []
    assert index_terms("marmalade") == 0


def index_terms(term: str) -> int:
    """How many passages the database's own index still holds a term for."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT count(*) FROM conversations_passage WHERE vector @@ %s::tsquery", [term])
        else:
            cursor.execute(
                "INSERT INTO conversations_passage_index (conversations_passage_index) VALUES ('integrity-check')"
            )
            cursor.execute("SELECT count(*) FROM conversations_passage_index WHERE terms MATCH %s", [term])
        return int(cursor.fetchone()[0])


def test_merging_moves_what_is_found_and_undoing_it_moves_it_back() -> None:
    one, two = make_session(title="apple"), make_session(title="pear")
    log(one, prompt="apple jam")
    log(two, prompt="pear jam")
    actions.settle_search()
    merge = actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
    merge = merge[0] if isinstance(merge, list) else merge
    assert found('"pear jam"') == [(one.pk, 2)]
    assert found(f"in:{one.pk} jam") == [(one.pk, 2), (one.pk, 1)]
    assert found(f"in:{two.pk} jam") == [(one.pk, 2), (one.pk, 1)]
    actions.unmerge(merge.pk, actor=ALICE)
    assert found('"pear jam"') == [(two.pk, 1)]
    assert found(f"in:{two.pk} jam") == [(two.pk, 1)]
    assert found(f"in:{one.pk} jam") == [(one.pk, 1)]


def test_what_moved_since_it_was_read_is_indexed_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_session(session_id="one"), make_session(session_id="two")
    log(two, prompt="marmalade")
    write = index._write

    def after_a_merge(batches: Any, **named: Any) -> list[Any]:
        if Session.objects.get(pk="two").merged_into_id is None:
            actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
        return write(batches, **named)

    monkeypatch.setattr(index, "_write", after_a_merge)
    actions.settle_search()
    assert found("in:one marmalade") == [("one", 1)]
    assert Passage.objects.filter(interaction__isnull=False).count() == 1


def test_an_interaction_that_two_merged_sessions_share_is_found_once() -> None:
    one, two = make_session(), make_session()
    for session in (one, two):
        log(session, prompt="the fork's common trunk", idempotency_key="k")
    actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
    assert found("trunk") == [(one.pk, 1)]


def test_a_new_title_tag_or_summary_takes_the_old_ones_place() -> None:
    session = make_session(title="marmalade", tags=["toast"])
    log(session, prompt="hello")
    assert found("marmalade") == found("toast") == [(session.pk, 0)]
    before = set(Passage.objects.filter(interaction__isnull=False).values_list("pk", flat=True))
    actions.update_context(session.pk, actor=ALICE, title="jam", tags=["bread"], context_summary="butter")
    assert found("marmalade") == found("toast") == found("tag:toast hello") == []
    assert found("jam") == found("bread") == found("butter") == [(session.pk, 0)]
    assert found("tag:bread hello") == [(session.pk, 1)]
    assert set(Passage.objects.filter(interaction__isnull=False).values_list("pk", flat=True)) == before


def test_what_the_live_text_does_not_say_is_not_shown_however_old_the_index() -> None:
    session = make_session(title="marmalade")
    log(session, prompt="orange")
    assert len(found("marmalade")) == 1
    # Past all bookkeeping: the index is not told.
    Session.objects.update(title="jam")
    Interaction.objects.update(prompt="lemon")
    assert found("marmalade") == found("orange") == []


def test_a_session_loaded_from_its_file_is_found_anew() -> None:
    session = make_session(turns=2)
    assert len(found("answer")) == 2
    load.replace_session(layout(), session.pk)
    assert Passage.objects.count() == 0
    assert len(found("answer")) == 2


def test_a_long_session_is_indexed_in_steps_that_a_kill_cannot_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt=f"marmalade {n}") for n in range(250)], actor=ALICE)
    write, calls = index._write, []

    def dies_in_the_third(*given: Any, **named: Any) -> list[Any]:
        calls.append(1)
        if len(calls) == 3:
            # Killed in the middle of the transaction: what it wrote is gone, what came before stands.
            with transaction.atomic():
                write(*given, **named)
                raise OperationalError("killed")
        return write(*given, **named)

    with monkeypatch.context() as killed:
        killed.setattr(index, "_write", dies_in_the_third)
        actions.settle_search()
    assert Passage.objects.filter(interaction__isnull=False).count() == 200
    assert Session.objects.get().searched_revision == 201
    actions.settle_search()
    assert Passage.objects.filter(interaction__isnull=False).count() == 250
    assert settled()


def test_it_can_be_made_anew() -> None:
    make_session(turns=2)
    actions.settle_mirror()
    Passage.objects.all().delete()
    assert found("answer") == []
    said: list[str] = []
    assert actions.settle_all_search(rebuild=True, progress=said.append) == 2
    assert len(found("answer")) == 2
    assert settled()


def test_one_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = make_session(session_id="a-bad"), make_session(session_id="b-good")
    log(bad, prompt="marmalade")
    log(good, prompt="marmalade")
    monkeypatch.setattr(index, "_write", _only("b-good", index._write))
    assert actions.settle_search() is True
    assert actions.search_debt() == 1


def test_what_comes_in_meanwhile_waits_for_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(session_id="busy")
    log(session, prompt="marmalade")
    write = index._write

    def while_somebody_writes(*given: Any, **named: Any) -> list[Any]:
        log(session, prompt="more marmalade")
        return write(*given, **named)

    monkeypatch.setattr(index, "_write", while_somebody_writes)
    # Else a worker would never rest while somebody writes, and index every few interactions by themselves.
    assert actions.settle_search() is False
    assert actions.search_debt() == 1


def test_what_is_said_in_an_empty_session_while_it_is_read_breaks_no_round(monkeypatch: pytest.MonkeyPatch) -> None:
    make_session(session_id="s", title="Empty")
    make_session(session_id="t", turns=1)
    real = index._batch

    def then_said(session: Session, rows: Any, reached: int) -> Any:
        if not rows:
            log(session, prompt="wombat")
        return real(session, rows, reached)

    monkeypatch.setattr(index, "_batch", then_said)
    assert index.settle(limit=10, seconds=60).sessions == 2
    monkeypatch.undo()
    assert [hit.session.pk for hit in actions.search("wombat").hits] == ["s"]


def test_what_a_round_has_no_time_for_still_waits() -> None:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt=f"marmalade {n}") for n in range(150)], actor=ALICE)
    assert index.settle(limit=10, seconds=0).left == 1
    other = make_session()
    log(other, prompt="jam")
    assert index.settle(limit=1, seconds=10).left == 1
    assert index.settle(limit=2, seconds=10).left == 0


def test_others_still_wait_though_somebody_else_settled_these(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        log(make_session(session_id=f"s{number}"), prompt="marmalade")
    write = index._write

    def beside_somebody_else(*given: Any, **named: Any) -> list[Any]:
        monkeypatch.setattr(index, "_write", write)
        # The same two that are asked for here, and the one that is only known to be there.
        index.settle(limit=2, seconds=10)
        log(make_session(session_id="s9"), prompt="marmalade")
        return write(*given, **named)

    monkeypatch.setattr(index, "_write", beside_somebody_else)
    assert index.settle(limit=1, seconds=10).left == 2


def _only(session_id: str, write: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    return lambda all_, **named: write(all_, **named) if {one.session_id for one in all_} == {session_id} else _fail()


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_busy_database_is_searched_as_far_as_it_is_indexed() -> None:
    session = make_session(turns=1)
    assert len(found("answer")) == 1
    log(session, prompt="", response="answer too")
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        # One who waits does so until then, and finds both.
        release = threading.Timer(BUSY_SECONDS / 6, other.execute, ["ROLLBACK"])
        release.start()
        page = actions.search("answer")
        release.cancel()
        release.join()
    assert (len(page.hits), page.behind) == (1, 1)
    page = actions.search("answer")
    assert (len(page.hits), page.behind) == (2, 0)
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] >= 1_000


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_a_locked_session_is_left_for_later() -> None:
    session = make_session(turns=1)
    assert len(found("answer")) == 1
    log(session, response="answer too")
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Session.objects.select_for_update().get()
            locked.set()
            # One who waits does so until then, and finds both.
            release.wait(5)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(20)
    page = actions.search("answer")
    release.set()
    holder.join()
    assert (len(page.hits), page.behind) == (1, 1)
    assert len(found("answer")) == 2


def test_a_very_long_text_is_left_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_MOST_AT_ONCE", 10_000)
    monkeypatch.setattr(index, "_BATCH_CHARACTERS", 10_000)
    session = make_session()
    log(session, response="hay " * 5_000 + "pin")
    assert actions.search("pin").behind == 1
    actions.settle_search()
    assert found("pin") == [(session.pk, 1)]


def test_words_far_apart_in_a_long_text_are_found_each_and_left_out_each() -> None:
    session = make_session()
    log(session, response="needle " + "hay " * 3_000 + "pin")
    log(session, response="needle alone")
    assert found("pin") == [(session.pk, 1)]
    assert found("needle -pin") == [(session.pk, 2)]


def test_a_phrase_over_the_cut_is_found() -> None:
    session = make_session()
    words = [f"w{number}" for number in range(2_500)]
    log(session, response=" ".join(words))
    for at in (1_000, 1_020, 1_024, 1_030, 2_040):
        phrase = " ".join(words[at : at + 10])
        assert found(f'"{phrase}"') == [(session.pk, 1)], at


def test_filters_narrow_to_many_sessions_and_to_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        session = make_session(session_id=f"s{number}", user_id="bob" if number % 2 else "alice", tags=[f"t{number}"])
        log(session, prompt="seat")
    few = [found(text) for text in ("user:bob seat", "tag:t2 seat", "user:bob tag:t1 seat", "user:bob tag:t2 seat")]
    assert [sorted(one) for one in few] == [[("s1", 1), ("s3", 1)], [("s2", 1)], [("s1", 1)], []]
    monkeypatch.setattr(lookup, "_FEW_SESSIONS", 0)
    assert [found(t) for t in ("user:bob seat", "tag:t2 seat", "user:bob tag:t1 seat", "user:bob tag:t2 seat")] == few


def test_it_goes_on_to_older_hits_without_repeating_or_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "WINDOW", 10)
    monkeypatch.setattr(lookup, "_ROUNDS", (8, 9, 10))
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt="seat") for _ in range(37)], actor=ALICE)
    seen: list[int] = []
    cursor = ""
    while True:
        page = actions.search("seat", cursor=cursor, limit=4)
        seen += [hit.interaction.sequence for hit in page.hits if hit.interaction]
        if not page.next_cursor:
            break
        cursor = page.next_cursor
    assert sorted(seen) == list(range(1, 38))


def test_a_filter_that_few_candidates_pass_asks_no_more_often_and_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_FEW_SESSIONS", 0)
    monkeypatch.setattr(lookup, "_ROUNDS", (2, 3, 4))
    old, new = make_session(user_id="bob"), make_session(user_id="alice")
    log(old, prompt="seat")
    actions.settle_search()
    actions.log_interactions(new.pk, [draft(prompt="seat") for _ in range(30)], actor=ALICE)
    actions.settle_search()
    with CaptureQueriesContext(connection) as queries:
        page = actions.search("user:bob seat")
    assert page.hits == []
    assert sum("passage" in query["sql"] and "latest" in query["sql"] for query in queries) == 3
    pages = 1
    while not page.hits:
        page, pages = actions.search("user:bob seat", cursor=page.next_cursor), pages + 1
    assert ([hit.session.pk for hit in page.hits], page.next_cursor, pages) == ([old.pk], "", 4)


def test_of_a_merged_session_its_own_texts_are_found() -> None:
    one, two = make_session(title="apple"), make_session(title="pear")
    log(two, prompt="pear jam")
    actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
    assert found("state:merged pear") == [(two.pk, 0)]


def test_result_of_a_tool_is_found_by_the_name_of_its_call() -> None:
    session = make_session()
    call = log(session, kind="tool_call", tool_name="mcp__github__create_issue", tool_parameters={"a": 1})
    log(session, kind="tool_response", response="issue made", parent_id=call.pk)
    assert found("tool:github issue") == [(session.pk, 2), (session.pk, 1)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_every_word_of_a_text_finds_its_interaction(text: str) -> None:
    session = make_session()
    said = log(session, prompt=text)
    for term in set(analysis.terms(text)):
        hits = actions.search(f'"{term}" in:{session.pk}').hits
        assert said.pk in {hit.interaction.pk for hit in hits if hit.interaction}, term


HOSTILE = [
    '"', '""', "-", "*", "**", '" OR 1=1 --', "'; DROP TABLE conversations_passage; --", "NEAR(a b, 5)", "terms:seat",
    "{terms} : seat", "^seat", "seat + hold", "seat:*", "'seat'::tsquery", "seat & !hold | (x", "a <-> b", "\\", "\\'",
    "\0", "\u202e", "\ufeff", "%", "_", "i_", "k_i", "e_", "d_2026", "\ud83d",
    "x" * 10_000, '"' * 999, "- " * 500, "a:" * 400,
    "in:../../etc/passwd", 'in:"x y"', "user:\0", "tag:%", "before:0000-00-00", "before:9999-12-31", "after:0001-01-01",
    "NOT", "AND AND", "OR", "()", "((((((((((", "seat) OR (hold", "\n\t seat", "is:error -seat", "state:all", "model:*",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_question_breaks_it(text: str) -> None:
    session = make_session(turns=1)
    log(session, prompt="seat", kind="error")
    with suppress(InvalidInput):
        assert len(actions.search(text).hits) <= 3
    assert found("seat") == [(session.pk, 2)]


@pytest.mark.parametrize("cursor", ["x", "e30", "WzEsMl0x", "W251bGwsMF0", "WzEsLTFd", "\0", "[]" * 500])
def test_it_refuses_a_foreign_cursor(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        actions.search("seat", cursor=cursor)


def test_before_and_after_are_about_when_it_was_said() -> None:
    session = make_session()
    log(session, prompt="seat", occurred_at=timezone.now() - timedelta(days=400))
    log(session, prompt="seat")
    year_ago = f"{timezone.now() - timedelta(days=365):%Y-%m-%d}"
    assert found(f"seat before:{year_ago}") == [(session.pk, 1)]
    assert found(f"seat after:{year_ago}") == [(session.pk, 2)]
