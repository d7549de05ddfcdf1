"""Sessions as programs begin, find and resume them."""

import threading
from typing import Any

import pytest
from django.db import connection

from sessions import actions, agents
from sessions.actions import LATEST_FIRST, SessionFilters
from sessions.agents.shapes import ContextEdit
from sessions.errors import ContextChanged, InvalidInput, SessionExists, SessionNotFound, SessionPurged
from sessions.models import Interaction, Session
from sessions.records import Scope
from tests.builders import ALICE, make_session

from .estate import caller, start, whole_store

WRITER = caller(Scope.WRITE)


def test_it_begins_a_session_with_what_is_said_of_it() -> None:
    actions.update_profile("ann", replace={"tone": "plain"}, actor=ALICE)
    wanted: dict[str, Any] = {"title": "T", "source": "codex", "tags": ["b", "a"], "metadata": {"k": 1}}
    made, new = agents.start_session(WRITER, start(session_id="one", user_id="ann", **wanted))
    assert (new, made.session_id, made.user_id, made.state) == (True, "one", "ann", "active")
    assert (made.title, made.source, made.tags, made.context.metadata) == ("T", "codex", ["a", "b"], {"k": 1})
    assert made.context.user_preferences == {"tone": "plain"}


def test_it_makes_up_an_id_where_none_is_given() -> None:
    first, second = (agents.start_session(WRITER, start(if_exists="resume"))[0].session_id for _ in range(2))
    assert first != second


def test_it_refuses_or_resumes_a_session_that_is_there() -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    with pytest.raises(SessionExists):
        agents.start_session(WRITER, start(session_id=session.pk))
    resumed, new = agents.start_session(WRITER, start(session_id=session.pk, if_exists="resume", title="ignored"))
    assert (new, resumed.state, resumed.title, resumed.interaction_count) == (False, "active", "request 1", 1)


def test_it_begins_one_session_though_many_ask_for_its_id_at_once() -> None:
    outcomes: list[bool] = []

    def begin() -> None:
        try:
            outcomes.append(agents.start_session(WRITER, start(session_id="shared", if_exists="resume"))[1])
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert Session.objects.count() == 1


def test_it_adds_no_interaction_however_often_it_resumes() -> None:
    session = make_session(turns=3, idle_days=10)
    packs = [agents.resume(WRITER, session.pk, max_tokens=600).context_pack for _ in range(3)]
    assert Interaction.objects.count() == 3
    assert {pack.session.state for pack in packs} == {"active"}
    assert all(pack.budget.tokens <= 600 for pack in packs)


def test_it_hands_out_the_pack_without_resuming() -> None:
    session = make_session(turns=3, idle_days=10)
    before = whole_store()
    assert agents.context_pack(WRITER, session.pk).session.state == "expired"
    assert whole_store() == before


def test_it_resumes_nobody_elses_and_nothing_that_is_gone() -> None:
    session = make_session(user_id="bob")
    for name, user_id in ((session.pk, "alice"), ("missing", None)):
        with pytest.raises(SessionNotFound):
            agents.resume(WRITER, name, user_id=user_id)
    actions.purge_session(actions.trash_session(session.pk, actor=ALICE).pk, actor=ALICE)
    with pytest.raises(SessionPurged):
        agents.resume(WRITER, session.pk)


def test_it_changes_a_context_that_is_as_it_was_seen() -> None:
    session = make_session(tags=["a"])
    seen = agents.context_of(WRITER, session.pk)
    changed = agents.update_context(WRITER, session.pk, ContextEdit(title="New"), version=seen.version)
    assert (changed.title, changed.tags) == ("New", ["a"])
    assert changed.version != seen.version
    before = whole_store()
    with pytest.raises(ContextChanged):
        agents.update_context(WRITER, session.pk, ContextEdit(title="Old"), version=seen.version)
    assert whole_store() == before
    assert agents.update_context(WRITER, session.pk, ContextEdit(title="Old")).title == "Old"


def test_it_empties_what_is_given_as_empty_and_leaves_out_what_is_not_given() -> None:
    session = make_session(title="T", tags=["a"], metadata={"k": 1})
    changed = agents.update_context(WRITER, session.pk, ContextEdit(title="", tags=[], metadata=None))
    assert (changed.title, changed.tags, changed.metadata) == ("", [], {"k": 1})


def test_it_refuses_to_change_nothing() -> None:
    with pytest.raises(InvalidInput, match="names nothing to change"):
        agents.update_context(WRITER, make_session().pk, ContextEdit())


def test_it_lists_in_pages() -> None:
    for number in range(5):
        make_session(session_id=f"s{number}")
    found, cursor = [], ""
    while True:
        page = agents.list_sessions(WRITER, SessionFilters(), order=LATEST_FIRST, cursor=cursor, limit=2)
        found += [line.session_id for line in page.sessions]
        if not (cursor := page.next_cursor):
            break
    assert found == ["s4", "s3", "s2", "s1", "s0"]


def test_it_suggests_ids_by_their_beginning() -> None:
    for name in ("abc-1", "abc-2", "abd", "ABC-3"):
        make_session(session_id=name)
    actions.trash_session("abc-2", actor=ALICE)
    assert agents.suggest_session_ids(WRITER, "abc") == ["abc-1"]
    assert agents.suggest_session_ids(WRITER, "") == ["ABC-3", "abd", "abc-1"]
    assert agents.suggest_session_ids(WRITER, "%") == []
