"""A caller that is bound to alice knows nothing of bob's, whatever it asks and however it asks."""

import json
from typing import Any

import pytest

from sessions import actions, agents
from sessions.actions import LATEST_FIRST, SessionFilters
from sessions.agents.shapes import SessionBatch
from sessions.errors import NotFound, ScopeMissing, SessionExists, SessionNotFound, SessionPurged, UserNotFound
from sessions.models import Session
from sessions.records import Scope
from tests.builders import ALICE, make_session
from tests.mirror.disk import lose_database

from .estate import Estate, caller, said, start, whole_store
from .verbs import VERBS

# These tell that there is nothing, where the others tell that it is not known.
ANSWERED_WITH_NOTHING = {
    "append_batches",
    "search",
    "list_imports",
    "list_users",
    "suggest_session_ids",
    "suggest_user_ids",
}
BOUND = caller(user_id="alice")


def refusal(verb: str, estate: Estate) -> str:
    """How a verb that is asked for somebody else's refuses, in its own words; "" where it does not."""
    try:
        VERBS[verb].call(BOUND, estate)
    except NotFound as error:
        return f"{error.code}: {error}"
    return ""


def told(answer: Any) -> str:
    """All that an answer tells."""
    return json.dumps(answer.model_dump(mode="json")) if hasattr(answer, "model_dump") else json.dumps(answer)


def test_no_verb_knows_somebody_elses_and_none_changes_anything(alices: Estate, bobs: Estate) -> None:
    before = whole_store()
    answered = {verb for verb in VERBS if not refusal(verb, bobs)}
    assert answered == ANSWERED_WITH_NOTHING
    assert whole_store() == before


def test_it_tells_nothing_where_it_answers(alices: Estate, bobs: Estate) -> None:
    for verb in ANSWERED_WITH_NOTHING - {"append_batches"}:
        assert "bob" not in told(VERBS[verb].call(BOUND, bobs)), verb


def test_it_refuses_what_is_there_in_the_words_for_what_is_not(alices: Estate, bobs: Estate) -> None:
    """Else a stranger could find out which sessions there are."""
    refusals = {verb: refusal(verb, bobs) for verb in VERBS}
    for name in (bobs.main, bobs.idle, bobs.trashed):
        actions.purge_session(actions.trash_session(name, actor=ALICE).pk, actor=ALICE)
    Session.objects.filter(user_id="bob").update(user_id="nobody")
    assert {verb: refusal(verb, bobs) for verb in VERBS} == refusals


# --- what a list holds ----------------------------------------------------------------------------------------


def test_it_lists_the_bound_users_alone(alices: Estate, bobs: Estate) -> None:
    make_session(session_id="anonymous-1", user_id="anonymous")
    page = agents.list_sessions(BOUND, SessionFilters(state="all"), order=LATEST_FIRST)
    assert {line.user_id for line in page.sessions} == {"alice"}
    assert len(page.sessions) == Session.objects.filter(user_id="alice").count()
    everybodys = agents.list_sessions(caller(), SessionFilters(state="all"), order=LATEST_FIRST)
    assert {line.user_id for line in everybodys.sessions} == {"alice", "bob", "anonymous"}


def test_it_lists_no_other_users(alices: Estate, bobs: Estate) -> None:
    assert [user.user_id for user in agents.list_users(BOUND).users] == ["alice"]
    assert agents.suggest_user_ids(BOUND, "") == ["alice"]
    assert {user.user_id for user in agents.list_users(caller()).users} == {"alice", "bob"}
    assert agents.suggest_user_ids(caller(), "") == ["alice", "bob"]


def test_it_suggests_the_bound_users_sessions_alone(alices: Estate, bobs: Estate) -> None:
    assert all(name.startswith("alice-") for name in agents.suggest_session_ids(BOUND, ""))
    assert agents.suggest_session_ids(caller(), "bob-m") == ["bob-main"]


@pytest.mark.parametrize("text", ["request", "request user:bob", "request user:alice user:bob"])
def test_it_finds_in_the_bound_users_sessions_alone(alices: Estate, bobs: Estate, text: str) -> None:
    found = agents.search(BOUND, text).hits
    assert {hit.session.user_id for hit in found} <= {"alice"}
    assert {hit.session.user_id for hit in agents.search(caller(), "request").hits} == {"alice", "bob"}


def test_it_finds_what_is_the_bound_users(alices: Estate, bobs: Estate) -> None:
    assert {hit.session.session_id for hit in agents.search(BOUND, "request").hits} >= {alices.main, alices.other}
    assert agents.search(BOUND, "request user:bob").hits == []


def test_it_plans_no_cleanup_but_of_the_bound_users(alices: Estate, bobs: Estate) -> None:
    plan = agents.plan_cleanup(BOUND)
    assert (plan.user_id, [one.session_id for one in plan.first]) == ("alice", [alices.idle])
    for foreign in (agents.plan_cleanup(caller()), agents.plan_cleanup(caller(), user_id="bob")):
        with pytest.raises(NotFound):
            agents.apply_cleanup(BOUND, foreign.plan_token)
    assert agents.apply_cleanup(BOUND, plan.plan_token).trashed == 1
    assert actions.get_session(bobs.idle).trashed_at is None


# --- whose a session becomes ----------------------------------------------------------------------------------


def test_it_starts_sessions_of_the_bound_user(alices: Estate) -> None:
    assert agents.start_session(BOUND, start())[0].user_id == "alice"
    assert agents.start_session(BOUND, start(user_id="alice"))[0].user_id == "alice"
    assert agents.start_session(caller(), start())[0].user_id == "anonymous"
    assert agents.start_session(caller(), start(user_id="bob"))[0].user_id == "bob"


@pytest.mark.parametrize("session_id", [None, "alice-main", "bob-main", "new"])
def test_it_starts_no_session_in_somebody_elses_name(alices: Estate, bobs: Estate, session_id: str | None) -> None:
    before = whole_store()
    with pytest.raises(ScopeMissing, match="for the user 'alice' alone"):
        agents.start_session(BOUND, start(session_id=session_id, user_id="bob", if_exists="resume"))
    assert whole_store() == before


@pytest.mark.parametrize("if_exists", ["refuse", "resume"])
def test_it_starts_no_session_under_an_id_that_is_somebody_elses(bobs: Estate, if_exists: Any) -> None:
    before = whole_store()
    with pytest.raises(SessionNotFound) as told:
        agents.start_session(BOUND, start(session_id=bobs.main, if_exists=if_exists))
    assert told.value.hint == "This ID cannot be had. Start one with another; none was made."
    assert whole_store() == before


def test_who_may_know_all_is_told_that_an_id_is_taken_by_files_alone() -> None:
    session_id = make_session().pk
    lose_database()
    with pytest.raises(SessionExists):
        agents.start_session(caller(), start(session_id=session_id))
    with pytest.raises(SessionNotFound):
        agents.start_session(BOUND, start(session_id=session_id))


@pytest.mark.parametrize("if_exists", ["refuse", "resume"])
def test_it_does_not_tell_a_stranger_that_a_session_was_purged(bobs: Estate, if_exists: Any) -> None:
    actions.purge_session(bobs.trashed, actor=ALICE)
    wanted = start(session_id=bobs.trashed, if_exists=if_exists)
    with pytest.raises(SessionPurged):
        agents.start_session(caller(), wanted)
    for verb in (lambda: agents.start_session(BOUND, wanted), lambda: agents.get_session(BOUND, bobs.trashed)):
        with pytest.raises(SessionNotFound) as told:
            verb()
        assert type(told.value) is SessionNotFound


def test_it_resumes_nothing_as_somebody_else(alices: Estate) -> None:
    before = whole_store()
    with pytest.raises(SessionNotFound):
        agents.resume(BOUND, alices.main, user_id="bob")
    with pytest.raises(SessionNotFound):
        agents.resume(caller(), alices.main, user_id="bob")
    assert whole_store() == before
    assert agents.resume(BOUND, alices.main, user_id="alice").session.session_id == alices.main


# --- what moved -----------------------------------------------------------------------------------------------


def test_it_follows_a_merge_to_whoever_the_session_belongs_to_now(alices: Estate, bobs: Estate) -> None:
    actions.merge_sessions(alices.main, absorbed=bobs.main, actor=ALICE)
    actions.merge_sessions(bobs.other, absorbed=alices.other, actor=ALICE)
    assert agents.get_session(BOUND, bobs.main).session_id == alices.main
    with pytest.raises(SessionNotFound):
        agents.get_session(BOUND, alices.other)


def test_it_takes_no_session_out_of_a_merge_that_was_somebody_elses(alices: Estate, bobs: Estate) -> None:
    mixed = actions.merge_sessions(alices.main, absorbed=bobs.main, actor=ALICE)
    before = whole_store()
    for verb in (agents.get_merge, agents.unmerge):
        with pytest.raises(NotFound):
            verb(BOUND, str(mixed.pk))
    assert whole_store() == before


def test_it_knows_the_user_by_every_id(alices: Estate) -> None:
    actions.update_profile("ann", replace={"tone": "plain"}, actor=ALICE)
    actions.merge_users("alice", absorbed="ann", actor=ALICE)
    assert agents.get_user(BOUND, "ann").user_id == "alice"
    assert agents.start_session(BOUND, start(user_id="ann"))[0].user_id == "alice"
    assert agents.list_sessions(BOUND, SessionFilters(user_id="ann"), order=LATEST_FIRST).sessions
    assert agents.plan_cleanup(caller(), user_id="ann").user_id == "alice"
    with pytest.raises(UserNotFound):
        agents.list_sessions(BOUND, SessionFilters(user_id="bob"), order=LATEST_FIRST)


def test_it_stores_one_batch_though_another_is_somebody_elses(alices: Estate, bobs: Estate) -> None:
    hello = [said(prompt="hello")]
    batches = [SessionBatch(session_id=name, interactions=hello) for name in (bobs.main, alices.main)]
    theirs, own = agents.append_batches(caller(Scope.WRITE, "alice"), batches).results
    assert (theirs.logged, theirs.problem and theirs.problem.code) == (None, "session_not_found")
    assert (own.problem, own.logged and own.logged.added) == (None, 1)
    assert actions.get_session(bobs.main).interaction_count == 2
