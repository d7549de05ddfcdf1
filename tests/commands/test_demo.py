"""`manage.py demo`: sample conversations come once, keep what people did to them, and go without a trace of others."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from sessions import actions
from sessions.actions import SessionFilters
from sessions.management.demo import store, transcript
from sessions.models import Interaction, Profile, Session, Tombstone
from tests.builders import ALICE, log, make_session

# The mirror is written on commit, so commits must be real.
pytestmark = pytest.mark.django_db(transaction=True)


# One of each fate: plain, held, in the trash, merged, forked.
FEW = {
    "tea-forecast", "slow-query", "bread-for-forty", "ferry-outage", "smoke-test", "wrong-project", "print-stylesheet",
    "login-rate-limit", "login-rate-limit-fork", "kiln-firmware", "kiln-firmware-phone",
}  # fmt: skip


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen of the samples, where it does not matter which."""
    chosen = [sample for sample in transcript.conversations() if sample.name in FEW]
    monkeypatch.setattr(store, "conversations", lambda: chosen)


def demo(*arguments: str, code: int = 0) -> dict[str, Any]:
    output = StringIO()
    try:
        call_command("demo", "--json", *arguments, stdout=output, stderr=StringIO())
        left_with: str | int | None = 0
    except SystemExit as leaving:
        left_with = leaving.code
    assert left_with == code
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def count(state: str) -> int:
    return actions.matching(SessionFilters(state=state)).count()


def test_it_fills_a_store_with_life() -> None:
    filled = demo()

    assert len(filled["created"]) == Session.objects.count() >= 40
    assert filled["interactions_added"] == Interaction.objects.count() > 500
    assert Profile.objects.count() == Session.objects.values("user_id").distinct().count() == 7
    assert {"python", "claude-code", "mcp", "rest", "legacy"} == set(actions.known_sources())
    for state, at_least in {"active": 20, "expired": 10, "held": 3, "trashed": 3, "merged": 1}.items():
        assert count(state) >= at_least, state
    assert set(Interaction.objects.values_list("kind", flat=True).order_by().distinct()) == {
        "agent_response", "client_request", "conversation_turn", "error", "tool_call", "tool_response",
    }  # fmt: skip
    assert set(filled["look_at"]) <= set(filled["created"])


def test_it_adds_nothing_a_second_time_and_owes_nothing() -> None:
    demo()
    actions.settle_mirror()
    assert list(actions.verify_mirror()) == []
    assert actions.mirror_status().settled
    digest = actions.store_digest()

    again = demo()

    assert (again["created"], again["interactions_added"]) == ([], 0)
    assert actions.store_digest() == digest


def test_it_leaves_what_people_changed(few: None) -> None:
    demo()
    actions.restore_session("demo-smoke-test", actor=ALICE)
    actions.release_hold("demo-ferry-outage", actor=ALICE)
    actions.unmerge(actions.merges_of("demo-kiln-firmware")[0].pk, actor=ALICE)
    actions.update_context("demo-tea-forecast", title="Mine", tags=[], actor=ALICE)
    actions.update_profile("nora@example.com", replace={"editor": "ed"}, remove=["style"], actor=ALICE)
    actions.purge_session("demo-wrong-project", actor=ALICE)
    digest = actions.store_digest()

    again = demo()

    assert (again["created"], again["purged"]) == ([], ["demo-wrong-project"])
    assert actions.store_digest() == digest


def test_three_conversations_on_one_topic_and_a_fork_wait_to_be_merged() -> None:
    demo()

    preview = actions.preview_merge("demo-login-rate-limit", "demo-login-rate-limit-fork")
    timetable = actions.matching(SessionFilters(tag="timetable"))

    assert preview.duplicates == {"demo-login-rate-limit-fork": 4}
    assert {session.user_id for session in timetable} == {"nora@example.com"}
    assert timetable.count() == 3


def test_it_removes_exactly_what_it_brought_and_comes_back_under_new_ids(few: None) -> None:
    mine = make_session(turns=1, session_id="demo-of-mine")
    demo()

    removed = demo("--remove")

    assert removed["left"] == {}
    assert list(Session.objects.all()) == [mine]
    assert Tombstone.objects.count() == len(removed["purged"]) == len(FEW)
    assert list(actions.verify_mirror()) == []
    again = demo()
    assert "demo-tea-forecast-2" in again["created"]
    assert len(again["created"]) == len(removed["purged"])
    assert demo()["created"] == []


def test_it_never_removes_what_others_said(few: None) -> None:
    demo()
    log("demo-tea-forecast", prompt="my own question")
    mine, survivor = make_session(), make_session()
    actions.merge_sessions("demo-slow-query", absorbed=mine.pk, actor=ALICE)
    actions.merge_sessions(survivor.pk, absorbed="demo-bread-for-forty", actor=ALICE)

    removed = demo("--remove", code=1)

    assert set(removed["left"]) == {"demo-tea-forecast", "demo-slow-query", "demo-bread-for-forty"}
    assert {session.pk for session in Session.objects.all()} == {*removed["left"], mine.pk, survivor.pk}
    assert actions.get_session(survivor.pk).interaction_count == 1
    assert len(demo()["created"]) == len(FEW)
