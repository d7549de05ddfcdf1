"""A cleanup in steps: what each takes, what the record says, and how it is undone."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from sessions import actions
from sessions.actions import cleanup
from sessions.errors import Conflict, InvalidInput, MirrorUnavailable, NotFound
from sessions.models import AuditEvent, CleanupRun, Session
from tests.builders import ALICE, log, make_idle, make_session
from tests.mirror.disk import findings, places


def make_due(count: int) -> None:
    for number in range(count):
        make_session(session_id=f"due-{number}", turns=1, idle_days=30 - number)


def begin() -> CleanupRun:
    plan = actions.plan_cleanup()
    return actions.begin_cleanup(plan.token, actor=ALICE, confirmed_sessions=plan.count)


def trashed() -> set[str]:
    return set(Session.objects.trashed().values_list("pk", flat=True))


def test_beginning_touches_no_session() -> None:
    make_due(2)
    run = begin()
    assert (run.planned, run.done, run.finished_at) == (2, 0, None)
    assert trashed() == set()


def test_each_step_takes_those_idle_longest() -> None:
    make_due(5)
    run = begin()
    run = actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    assert (run.trashed, run.finished_at, trashed()) == (2, None, {"due-0", "due-1"})
    run = actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    run = actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    assert (run.trashed, run.skipped, len(trashed())) == (5, 0, 5)
    assert run.finished_at is not None
    assert findings() == []


def test_what_is_used_between_two_steps_is_left_alone() -> None:
    make_due(4)
    run = begin()
    actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    log("due-3", prompt="on")
    while run.finished_at is None:
        run = actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    assert (run.trashed, run.skipped) == (3, 1)
    assert trashed() == {"due-0", "due-1", "due-2"}


def test_what_expires_between_two_steps_is_left_alone() -> None:
    make_due(2)
    late = make_session()
    run = begin()
    make_idle(late, 6.9)
    run = actions.continue_cleanup(run.pk, actor=ALICE)
    assert trashed() == {"due-0", "due-1"}


def test_going_on_with_what_has_ended_changes_nothing() -> None:
    make_due(1)
    ended = actions.continue_cleanup(begin().pk, actor=ALICE)
    assert actions.continue_cleanup(ended.pk, actor=ALICE) == ended
    assert AuditEvent.objects.filter(verb="cleanup_finished").count() == 1


def test_two_who_go_on_with_the_same_run_take_each_session_once() -> None:
    make_due(4)
    run = begin()
    for _ in range(2):
        actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    run = actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=2)
    assert (run.trashed, AuditEvent.objects.filter(verb="session_trashed").count()) == (4, 4)


def test_a_run_knows_the_bytes_that_it_took() -> None:
    make_due(2)
    size_bytes = sum(places().journal(f"due-{n}").stat().st_size for n in range(2))
    run = actions.continue_cleanup(begin().pk, actor=ALICE)
    assert run.size_bytes == size_bytes


def test_a_file_that_cannot_be_moved_is_counted_and_the_run_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    make_due(3)
    run = begin()
    with monkeypatch.context() as broken:
        broken.setattr("sessions.mirror.drain.drain_session", unavailable)
        with pytest.raises(MirrorUnavailable):
            actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=1)
    run = actions.continue_cleanup(run.pk, actor=ALICE)
    assert (run.trashed, run.failures) == (3, 1)
    actions.settle_mirror()
    assert findings() == []


def unavailable(session_id: str) -> None:
    raise MirrorUnavailable("The disk is full.")


# --- Undo ---


def test_undoing_restores_what_the_run_trashed_and_nothing_else() -> None:
    make_due(3)
    other = make_session()
    actions.trash_session(other.pk, actor=ALICE)
    before = {pk: places().journal(pk).read_bytes() for pk in ("due-0", "due-1", "due-2")}
    run = actions.continue_cleanup(begin().pk, actor=ALICE)
    assert actions.left_in_trash(run) == 3
    run = actions.restore_cleanup(run.pk, actor=ALICE, most_sessions=2)
    assert (run.restored, actions.left_in_trash(run)) == (2, 1)
    run = actions.restore_cleanup(run.pk, actor=ALICE, most_sessions=2)
    assert (run.restored, trashed()) == (3, {other.pk})
    assert {pk: places().journal(pk).read_bytes() for pk in before} == before
    assert findings() == []


def test_undoing_leaves_what_was_restored_and_trashed_anew() -> None:
    make_due(2)
    run = actions.continue_cleanup(begin().pk, actor=ALICE)
    actions.restore_session("due-0", actor=ALICE)
    actions.trash_session("due-0", actor=ALICE)
    actions.restore_cleanup(run.pk, actor=ALICE)
    assert trashed() == {"due-0"}


def test_a_run_that_goes_on_cannot_be_undone() -> None:
    make_due(2)
    run = begin()
    actions.continue_cleanup(run.pk, actor=ALICE, most_sessions=1)
    with pytest.raises(Conflict):
        actions.restore_cleanup(run.pk, actor=ALICE)


def test_a_run_is_known_or_not_found() -> None:
    for act in (actions.continue_cleanup, actions.restore_cleanup):
        with pytest.raises(NotFound):
            act(uuid4(), actor=ALICE)


def test_the_runs_are_told_latest_first() -> None:
    runs = [begin() for _ in range(3)]
    assert list(actions.cleanup_runs(limit=2)) == [runs[2], runs[1]]
    assert list(actions.cleanup_runs(before=runs[1].at)) == [runs[0]]


# --- A plan in pages ---


def pages(plan: actions.CleanupPlan, limit: int) -> Iterator[list[str]]:
    cursor = ""
    while True:
        page = actions.planned(plan, "trash", cursor=cursor, limit=limit)
        yield [item.session_id for item in page.items]
        if not (cursor := page.next_cursor):
            return


def test_a_plan_is_read_a_page_at_a_time() -> None:
    make_due(5)
    assert list(pages(actions.plan_cleanup(), 2)) == [["due-0", "due-1"], ["due-2", "due-3"], ["due-4"]]


def test_a_plan_that_is_named_by_its_token_holds_no_more_than_it_did() -> None:
    make_due(2)
    token = actions.plan_cleanup().token
    make_session(session_id="late", idle_days=30)
    Session.objects.filter(pk="late").update(settled_at="2099-01-01T00:00:00Z")
    log("due-0", prompt="on")
    plan = actions.plan_of(token)
    assert (plan.trash_count, list(pages(plan, 9))) == (1, [["due-1"]])


def test_a_part_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput):
        actions.planned(actions.plan_cleanup(), "everything")


def test_a_large_plans_size_is_estimated_until_it_is_asked_for() -> None:
    make_due(4)
    plan = actions.plan_cleanup()
    exact = actions.plan_size(plan)
    about = actions.plan_size(plan, measured=2)
    assert (exact.exact, about.exact, actions.plan_size(plan, measured=None)) == (True, False, exact)
    assert abs(about.size_bytes - exact.size_bytes) < exact.size_bytes // 2


def test_it_loads_no_more_than_a_step_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_due(5)
    monkeypatch.setattr(cleanup, "_PAGE", 2)
    assert len(list(actions.all_planned(actions.plan_cleanup(), "trash"))) == 5
