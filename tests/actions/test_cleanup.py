"""Cleanup: a plan that changes nothing, and a plan applied to nothing that it did not show."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.utils import timezone
from pytest_django import Settings

from sessions import actions
from sessions.actions import CleanupPlan
from sessions.errors import BrakePulled, InvalidInput, PlanChanged
from sessions.models import AuditEvent, Session, Tombstone
from tests.builders import ALICE, log, make_idle, make_session
from tests.mirror.disk import findings, places


def names(plan: CleanupPlan, part: str = "trash") -> set[str]:
    return {item.session_id for item in actions.all_planned(plan, part)}


def apply(plan: CleanupPlan, **options: Any) -> actions.CleanupResult:
    return actions.apply_cleanup(plan.token, actor=ALICE, **options)


def trashed() -> set[str]:
    return set(Session.objects.trashed().values_list("pk", flat=True))


def furnish() -> None:
    for name, days in (("new", 0), ("six", 6.9), ("eight", 8), ("held", 30), ("old", 400)):
        make_session(session_id=name, turns=1, idle_days=days)
    actions.hold_session("held", actor=ALICE)


def test_the_plan_is_exact() -> None:
    furnish()
    plan = actions.plan_cleanup()
    assert names(plan) == {"eight", "old"}
    assert [(one.session_id, one.reason) for one in actions.all_planned(plan, "spared")] == [("held", "held")]
    assert (plan.count, plan.spared_count, plan.store_sessions, plan.braked) == (2, 1, 5, False)
    assert actions.plan_size(plan).size_bytes == sum(places().journal(name).stat().st_size for name in ("eight", "old"))
    assert trashed() == set()


def test_applying_takes_just_what_was_planned() -> None:
    furnish()
    plan = actions.plan_cleanup()
    size_bytes = actions.plan_size(plan).size_bytes
    result = apply(plan)
    assert (result.trashed, result.purged, result.skipped, result.size_bytes) == (2, 0, 0, size_bytes)
    assert trashed() == {"eight", "old"}
    assert Session.objects.get(pk="old").trash_reason == "idle for 7 days"
    assert AuditEvent.objects.filter(verb="session_trashed").count() == 2
    assert findings() == []


def test_what_expires_after_the_plan_is_left() -> None:
    furnish()
    plan = actions.plan_cleanup()
    make_idle(Session.objects.get(pk="new"), 20)
    Session.objects.filter(pk="new").update(settled_at=timezone.now())
    make_session(session_id="late", idle_days=20)
    Session.objects.filter(pk="late").update(settled_at=timezone.now())
    apply(plan)
    assert trashed() == {"eight", "old"}


@pytest.mark.parametrize(
    "touch", ["log", "resume", "context", "hold", "merge", "trash and restore", "hold and release"]
)
def test_what_was_touched_since_survives(touch: str) -> None:
    furnish()
    plan = actions.plan_cleanup()
    match touch:
        case "log":
            log("old", prompt="on")
        case "resume":
            actions.resume_session("old", actor=ALICE)
        case "context":
            actions.update_context("old", actor=ALICE, title="T")
        case "hold":
            actions.hold_session("old", actor=ALICE)
        case "merge":
            actions.merge_sessions("new", absorbed="old", actor=ALICE)
        case "trash and restore":
            actions.trash_session("old", actor=ALICE)
            actions.restore_session("old", actor=ALICE)
        case "hold and release":
            actions.hold_session("old", actor=ALICE)
            actions.release_hold("old", actor=ALICE)
    result = apply(plan)
    assert (result.trashed, result.skipped) == (1, 1)
    assert trashed() == {"eight"}
    assert findings() == []


def test_what_an_unmerge_makes_idle_was_not_in_the_plan() -> None:
    survivor, lively = make_session(idle_days=30, turns=1), make_session(turns=1)
    merge = actions.merge_sessions(survivor.pk, absorbed=lively.pk, actor=ALICE)
    plan = actions.plan_cleanup()
    assert plan.count == 0
    actions.unmerge(merge.pk, actor=ALICE)
    apply(plan)
    assert trashed() == set()


def test_a_plan_is_applied_once() -> None:
    furnish()
    plan = actions.plan_cleanup()
    apply(plan)
    actions.restore_session("old", actor=ALICE)
    result = apply(plan)
    assert (result.trashed, result.skipped) == (0, 2)
    assert trashed() == {"eight"}


def test_it_is_narrowed_to_a_user() -> None:
    make_session(session_id="a", idle_days=9)
    make_session(session_id="b", idle_days=9, user_id="bob")
    assert names(actions.plan_cleanup(user_id="bob")) == {"b"}


def test_it_takes_another_age() -> None:
    furnish()
    assert names(actions.plan_cleanup(idle_days=30)) == {"old"}
    assert names(actions.plan_cleanup(idle_days=1)) == {"six", "eight", "old"}


def test_the_schedules_rule_spares_what_came_in_or_came_back_lately() -> None:
    furnish()
    Session.objects.filter(pk="old").update(settled_at=timezone.now() - timedelta(days=2))
    plan = actions.plan_cleanup(settled_days=7)
    assert names(plan) == {"eight"}
    assert names(plan, "spared") == {"held", "old"}
    apply(plan)
    assert trashed() == {"eight"}


# --- Purge ---


def test_it_purges_what_lay_in_the_trash_long_enough() -> None:
    for name, days in (("short", 29), ("long", 31)):
        make_session(session_id=name, turns=1)
        actions.trash_session(name, actor=ALICE)
        Session.objects.filter(pk=name).update(trashed_at=timezone.now() - timedelta(days=days))
    assert actions.plan_cleanup().count == 0
    plan = actions.plan_cleanup(purge=True)
    assert names(plan, "purge") == {"long"}
    assert actions.plan_size(plan).size_bytes > 0
    result = apply(plan)
    assert (result.trashed, result.purged) == (0, 1)
    assert set(Tombstone.objects.values_list("pk", flat=True)) == {"long"}
    assert not places().trashed_journal("long").exists()


def test_it_purges_nothing_that_was_restored_since() -> None:
    make_session(session_id="a")
    actions.trash_session("a", actor=ALICE)
    Session.objects.update(trashed_at=timezone.now() - timedelta(days=31))
    plan = actions.plan_cleanup(purge=True)
    actions.restore_session("a", actor=ALICE)
    assert apply(plan).purged == 0
    assert Session.objects.exists()


# --- The brake ---


def many(count: int, idle_days: float) -> None:
    now = timezone.now() - timedelta(days=idle_days)
    base = Session.objects.count()
    Session.objects.bulk_create(
        Session(session_id=f"s{base + n:05}", last_activity_at=now, settled_at=now, created_at=now)
        for n in range(count)
    )


def test_the_brake_wants_the_number_said_once_more() -> None:
    many(21, 30)
    many(100, 0)
    plan = actions.plan_cleanup()
    assert plan.braked
    for said in (None, 20, 121):
        with pytest.raises(BrakePulled):
            apply(plan, confirmed_sessions=said)
    assert trashed() == set()
    assert apply(plan, confirmed_sessions=21).trashed == 21


@pytest.mark.parametrize(("idle", "lively"), [(20, 0), (21, 189)])
def test_the_brake_lets_small_numbers_and_small_parts_pass(idle: int, lively: int) -> None:
    many(idle, 30)
    many(lively, 0)
    assert apply(actions.plan_cleanup()).trashed == idle


# --- What makes no sense deletes nothing ---


@pytest.mark.parametrize("days", [0, -1, -(10**9), "7", "", None, 7.5, True, 10**9, float("nan")])
@pytest.mark.parametrize("name", ["SESSIONSITE_EXPIRE_DAYS", "SESSIONSITE_TRASH_DAYS"])
def test_a_bad_setting_deletes_nothing(name: str, days: object, settings: Settings) -> None:
    furnish()
    plan = actions.plan_cleanup(purge=True)
    setattr(settings, name, days)
    with pytest.raises(InvalidInput) as caught:
        actions.plan_cleanup(purge=True)
    assert caught.value.field == name
    del plan
    assert trashed() == set()


def test_a_missing_setting_deletes_nothing(settings: Settings) -> None:
    furnish()
    del settings.SESSIONSITE_EXPIRE_DAYS
    with pytest.raises(InvalidInput):
        actions.plan_cleanup()


@pytest.mark.parametrize("days", [0, -1, "7", 7.5, True, 10**9])
def test_a_bad_age_deletes_nothing(days: Any) -> None:
    with pytest.raises(InvalidInput):
        actions.plan_cleanup(idle_days=days)


@pytest.mark.parametrize("token", ["", "x", "a:b:c"])
def test_a_foreign_token_deletes_nothing(token: str) -> None:
    furnish()
    with pytest.raises(PlanChanged):
        actions.apply_cleanup(token, actor=ALICE)
    assert trashed() == set()


def test_a_token_that_was_signed_for_something_else_deletes_nothing() -> None:
    furnish()
    for token in (signing.dumps([1, 2, 3]), signing.dumps("x", salt="sessionsite.cleanup")):
        with pytest.raises(PlanChanged):
            actions.apply_cleanup(token, actor=ALICE)
    assert trashed() == set()


def test_a_changed_token_deletes_nothing() -> None:
    furnish()
    token = actions.plan_cleanup().token
    for place in range(0, len(token), 3):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(PlanChanged):
            actions.apply_cleanup(changed, actor=ALICE)
    assert trashed() == set()


def test_an_old_token_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    furnish()
    plan = actions.plan_cleanup()
    monkeypatch.setattr("sessions.actions.cleanup.TOKEN_SECONDS", -1)
    with pytest.raises(PlanChanged):
        apply(plan)
    assert trashed() == set()
