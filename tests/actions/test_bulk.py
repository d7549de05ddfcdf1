"""One verb over many sessions: planned, done in steps, taken back."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from sessions import actions
from sessions.actions import SessionFilters
from sessions.actions import bulk as room
from sessions.errors import Conflict, InvalidInput, NotFound
from sessions.mirror import drain
from sessions.models import AuditEvent, BulkItem, BulkRun, Session
from sessions.records import Actor, Face
from tests.builders import ALICE, make_session

BOB = Actor("bob", Face.BROWSER)


def run(verb: str, sessions: Sequence[str] | SessionFilters, **parameters: Any) -> BulkRun:
    """A run from its plan to its end."""
    planned = actions.plan_bulk(verb, sessions=sessions, actor=ALICE, **parameters)
    actions.start_bulk(planned.pk, actor=ALICE)
    return actions.advance_bulk(planned.pk, actor=ALICE)


def undo(done: BulkRun) -> BulkRun:
    actions.undo_bulk(done.pk, actor=BOB)
    return actions.advance_bulk(done.pk, actor=BOB)


def outcomes(done: BulkRun) -> dict[str, tuple[str, str]]:
    return {item.session_id: (item.outcome, item.reason) for item in done.items.all()}


def tags(pk: str) -> list[str]:
    return sorted(Session.objects.get(pk=pk).tags.values_list("name", flat=True))


def of(pk: str) -> Session:
    return Session.objects.get(pk=pk)


def make_all_kinds() -> None:
    """One session of each kind: a (plain), h (held), t (trashed), m (merged into a)."""
    for name in "ahtm":
        make_session(session_id=name, turns=1)
    actions.hold_session("h", actor=ALICE)
    actions.trash_session("t", actor=ALICE)
    actions.merge_sessions("a", absorbed="m", actor=ALICE)


EVERYTHING = SessionFilters(state="all")


@pytest.mark.parametrize(
    ("verb", "done"), [("trash", "a"), ("restore", "t"), ("hold", "a"), ("release", "h"), ("tag", "ah")]
)
def test_it_changes_what_fits_and_names_the_rest(verb: str, done: str) -> None:
    make_all_kinds()
    finished = run(verb, EVERYTHING, tags=["x"])
    assert finished.phase == "done"
    assert {pk for pk, (outcome, _) in outcomes(finished).items() if outcome == "done"} == set(done)
    assert outcomes(finished)["m"] == ("skipped", "merged into another session")
    assert (finished.total, finished.done, finished.skipped) == (4, len(done), 4 - len(done))
    assert dict(actions.bulk_skips(finished))["merged into another session"] == 1


@pytest.mark.parametrize("verb", ["trash", "restore", "hold", "release", "tag", "untag"])
def test_it_takes_back_exactly_what_it_did(verb: str) -> None:
    make_all_kinds()
    actions.update_context("h", tags=["x", "kept"], actor=ALICE)
    before = {pk: _marks(of(pk)) for pk in "ahtm"}
    finished = run(verb, EVERYTHING, tags=["x"])
    assert {pk: _marks(of(pk)) for pk in "ahtm"} != before
    undone = undo(finished)
    assert (undone.phase, undone.undone, undone.kept) == ("undone", finished.done, 0)
    assert {pk: _marks(of(pk)) for pk in "ahtm"} == before


def _marks(session: Session) -> tuple[bool, bool, str, list[str]]:
    return session.held_at is not None, session.trashed_at is not None, session.hold_reason, tags(session.pk)


def test_it_tags_only_where_the_tag_is_new_and_takes_back_only_that() -> None:
    make_session(session_id="has", tags=["ci"])
    make_session(session_id="new")
    finished = run("tag", ["has", "new"], tags=["ci"])
    assert outcomes(finished) == {"has": ("skipped", "has the tag already"), "new": ("done", "")}
    undo(finished)
    assert (tags("has"), tags("new")) == (["ci"], [])


def test_it_does_not_count_tagging_as_activity() -> None:
    session = make_session(idle_days=30)
    run("tag", [session.pk], tags=["old"])
    assert of(session.pk).last_activity_at == session.last_activity_at


def test_it_keeps_what_was_changed_since_when_it_takes_back() -> None:
    for name in "abc":
        make_session(session_id=name)
    finished = run("trash", ["a", "b", "c"])
    actions.restore_session("a", actor=BOB)
    actions.restore_session("b", actor=BOB)
    actions.trash_session("b", actor=BOB)
    undone = undo(finished)
    assert outcomes(undone) == {
        "a": ("kept", "restored since"),
        "b": ("kept", "put into the trash again since"),
        "c": ("undone", ""),
    }
    assert of("b").trashed_at is not None
    assert of("c").trashed_at is None


def test_it_survives_sessions_that_are_gone() -> None:
    for name in "ab":
        actions.trash_session(make_session(session_id=name).pk, actor=ALICE)
    planned = actions.plan_bulk("restore", sessions=["a", "b"], actor=ALICE)
    actions.purge_session("a", actor=ALICE)
    assert dict(actions.bulk_plan(planned).refused) == {"gone": 1}
    actions.start_bulk(planned.pk, actor=ALICE)
    assert outcomes(actions.advance_bulk(planned.pk, actor=ALICE)) == {"a": ("skipped", "gone"), "b": ("done", "")}


def test_it_touches_nothing_until_it_is_told_to() -> None:
    make_all_kinds()
    planned = actions.plan_bulk("trash", sessions=EVERYTHING, actor=ALICE)
    plan = actions.bulk_plan(planned)
    assert (plan.fitting, [row.pk for row in plan.first]) == (1, ["a"])
    assert dict(plan.refused) == {"merged into another session": 1, "in the trash": 1, "held": 1}
    actions.advance_bulk(planned.pk, actor=ALICE)
    assert of("a").trashed_at is None


def test_it_never_touches_what_came_after_the_plan() -> None:
    make_session(session_id="a")
    planned = actions.plan_bulk("trash", sessions=SessionFilters(), actor=ALICE)
    make_session(session_id="later")
    actions.start_bulk(planned.pk, actor=ALICE)
    assert set(outcomes(actions.advance_bulk(planned.pk, actor=ALICE))) == {"a"}


def test_it_goes_on_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BATCH", 2)
    for number in range(5):
        make_session(session_id=f"s{number}")
    planned = actions.plan_bulk("hold", sessions=SessionFilters(), actor=ALICE, reason="audit")
    actions.start_bulk(planned.pk, actor=ALICE)
    seen = [actions.advance_bulk(planned.pk, actor=ALICE, seconds=0).done for _ in range(3)]
    assert seen == [2, 4, 5]
    assert actions.get_bulk(planned.pk).phase == "done"
    assert of("s4").hold_reason == "audit"


def test_it_stops_half_way_and_takes_back_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BATCH", 2)
    for number in range(4):
        make_session(session_id=f"s{number}")
    planned = actions.plan_bulk("hold", sessions=SessionFilters(), actor=ALICE)
    actions.start_bulk(planned.pk, actor=ALICE)
    half = actions.advance_bulk(planned.pk, actor=ALICE, seconds=0)
    undone = undo(half)
    assert (undone.phase, undone.done, undone.undone) == ("undone", 2, 2)
    assert not Session.objects.held().exists()


def test_it_leaves_the_copies_equal() -> None:
    for number in range(3):
        make_session(session_id=f"s{number}", turns=1)
    finished = run("trash", SessionFilters())
    assert drain.layout().trashed_journal("s1").exists()
    undo(finished)
    assert drain.layout().journal("s1").exists()
    assert not [finding for finding in actions.verify_mirror() if finding.reason]
    assert not Session.objects.in_mirror_debt().exists()


def test_it_writes_who_did_it() -> None:
    make_session(session_id="a")
    undo(run("trash", ["a"]))
    told = AuditEvent.objects.order_by("id").values_list("verb", "actor")
    assert list(told)[1:] == [
        ("bulk_started", "alice"),
        ("session_trashed", "alice"),
        ("bulk_undone", "bob"),
        ("session_restored", "bob"),
    ]


def test_one_that_refuses_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.validation.MAX_HEADER_BYTES", 1_500)
    make_session(session_id="full")
    Session.objects.filter(pk="full").update(context_summary="x" * 2_000)
    make_session(session_id="roomy")
    finished = run("tag", ["full", "roomy"], tags=["ci"])
    assert outcomes(finished)["roomy"] == ("done", "")
    assert outcomes(finished)["full"][0] == "skipped"
    assert tags("full") == []


def test_it_refuses_what_makes_no_run() -> None:
    make_session(session_id="a")
    for parameters in ({"verb": "explode"}, {"verb": "tag"}, {"verb": "trash", "sessions": ["nobody"]}):
        with pytest.raises(InvalidInput):
            actions.plan_bulk(**{"sessions": ["a"], "actor": ALICE, **parameters})  # type: ignore[arg-type]
    assert not BulkRun.objects.exists()
    with pytest.raises(NotFound):
        actions.start_bulk(uuid4(), actor=ALICE)
    planned = actions.plan_bulk("trash", sessions=["a"], actor=ALICE)
    with pytest.raises(Conflict):
        actions.undo_bulk(planned.pk, actor=ALICE)


def test_it_drops_plans_that_nobody_began() -> None:
    make_session(session_id="a")
    old = actions.plan_bulk("trash", sessions=["a"], actor=ALICE)
    BulkRun.objects.update(created_at="2020-01-01T00:00:00Z")
    actions.plan_bulk("trash", sessions=["a"], actor=ALICE)
    assert not BulkItem.objects.filter(run_id=old.pk).exists()


def test_it_writes_a_plan_down_with_one_statement(django_assert_max_num_queries: Any) -> None:
    Session.objects.bulk_create([Session(pk=f"s{n:04}") for n in range(1_500)])
    with django_assert_max_num_queries(8):
        assert actions.plan_bulk("trash", sessions=SessionFilters(), actor=ALICE).total == 1_500
