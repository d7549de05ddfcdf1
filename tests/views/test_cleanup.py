"""The cleanup page: a plan that changes nothing, then the plan applied."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.models import CleanupRun, Schedule, Session
from tests.builders import ALICE, make_idle, make_session

from .store import RULE

pytestmark = pytest.mark.django_db


def plan_of(client: Client, query: str = "") -> actions.CleanupPlan:
    plan = client.get(f"/cleanup/{query}").context["plan"]
    assert isinstance(plan, actions.CleanupPlan)
    return plan


def planned(plan: actions.CleanupPlan, part: str = "trash") -> list[str]:
    return [item.session_id for item in actions.all_planned(plan, part)]


def test_it_plans_without_touching_anything(staff: Client) -> None:
    due, held = make_session(idle_days=9), make_session(idle_days=9)
    make_session()
    actions.hold_session(held.pk, actor=ALICE)
    plan = plan_of(staff)
    assert planned(plan) == [due.pk]
    assert planned(plan, "spared") == [held.pk]
    assert not Session.objects.trashed().exists()


def test_it_plans_by_the_rule_that_is_given(staff: Client) -> None:
    mine = make_session(idle_days=3)
    make_session(idle_days=3, user_id="bob")
    plan = plan_of(staff, "?idle_days=2&user=alice")
    assert planned(plan) == [mine.pk]


@pytest.mark.parametrize("days", ["0", "-1", "", "many", "99999999999"])
def test_it_plans_nothing_by_a_rule_that_makes_no_sense(staff: Client, days: str) -> None:
    make_session(idle_days=9)
    answer = staff.get("/cleanup/", {"idle_days": days, "user": ""})
    assert answer.context["plan"] is None
    assert "cleanup/apply" not in answer.text


def test_it_applies_the_plan_that_was_shown(staff: Client) -> None:
    session = make_session(idle_days=9)
    answer = staff.post("/cleanup/apply/", {"plan": plan_of(staff).token}, follow=True)
    assert Session.objects.get(pk=session.pk).trashed_at is not None
    assert "Cleaned up: 1 moved to the trash" in answer.text


def test_it_leaves_alone_what_was_used_meanwhile(staff: Client) -> None:
    session = make_session(idle_days=9)
    token = plan_of(staff).token
    make_idle(session, 0)
    answer = staff.post("/cleanup/apply/", {"plan": token}, follow=True)
    assert Session.objects.get(pk=session.pk).trashed_at is None
    assert "1 left alone, because it was used" in answer.text


@pytest.mark.parametrize("token", ["", "forged", "x" * 5000])
def test_it_applies_no_plan_that_it_did_not_make(staff: Client, token: str) -> None:
    session = make_session(idle_days=9)
    answer = staff.post("/cleanup/apply/", {"plan": token})
    assert answer.status_code == 409
    assert "Make a new plan" in answer.text
    assert Session.objects.get(pk=session.pk).trashed_at is None


@pytest.fixture
def many_due() -> None:
    for _ in range(21):
        make_session(idle_days=9)


@pytest.mark.usefixtures("many_due")
@pytest.mark.parametrize("said", ["", "20", "many"])
def test_it_stops_a_large_cleanup_until_its_number_is_said(staff: Client, said: str) -> None:
    answer = staff.post("/cleanup/apply/", {"plan": plan_of(staff).token, "confirmed": said})
    assert answer.status_code == 409
    assert "Nothing was removed." in answer.text
    assert not Session.objects.trashed().exists()


@pytest.mark.usefixtures("many_due")
def test_it_lets_the_brake_go_for_the_right_number(staff: Client) -> None:
    page = staff.get("/cleanup/")
    assert "type that number" in page.text
    staff.post("/cleanup/apply/", {"plan": page.context["plan"].token, "confirmed": "21"})
    assert Session.objects.trashed().count() == 21


def test_it_purges_only_when_asked(staff: Client) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    Session.objects.update(trashed_at="2020-01-01T00:00:00Z")
    assert not plan_of(staff).purge_count
    token = plan_of(staff, "?idle_days=7&purge=on").token
    answer = staff.post("/cleanup/apply/", {"plan": token}, follow=True)
    assert "1 purged" in answer.text
    assert not Session.objects.exists()


# --- Steps, undo, history ---


def test_it_goes_on_step_by_step_until_all_is_taken(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.cleanup_runs.STEP_SESSIONS", 2)
    for _ in range(3):
        make_session(idle_days=9)
    answer = staff.post("/cleanup/apply/", {"plan": plan_of(staff).token}, follow=True)
    assert "2 of 3 sessions" in answer.text
    run = CleanupRun.objects.get()
    answer = staff.post(f"/cleanup/runs/{run.pk}/step/", follow=True)
    assert "Cleaned up: 3 moved to the trash" in answer.text
    assert Session.objects.trashed().count() == 3


def test_it_answers_htmx_with_the_next_step_alone(staff: Client) -> None:
    run = CleanupRun.objects.create(rule=RULE, actor="alice", face="browser")
    answer = staff.post(f"/cleanup/runs/{run.pk}/step/", headers={"HX-Request": "true"})
    assert '<section id="run"' in answer.text
    assert 'id="toasts"' in answer.text
    assert "<html" not in answer.text


def test_it_undoes_a_whole_cleanup(staff: Client) -> None:
    for _ in range(3):
        make_session(idle_days=9)
    answer = staff.post("/cleanup/apply/", {"plan": plan_of(staff).token}, follow=True)
    run = CleanupRun.objects.get()
    assert f'action="/cleanup/runs/{run.pk}/restore/"' in answer.text
    answer = staff.post(f"/cleanup/runs/{run.pk}/restore/", follow=True)
    assert "Undone: 3 of its sessions are back" in answer.text
    assert not Session.objects.trashed().exists()


def test_undoing_a_long_cleanup_goes_on_until_all_is_back(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        make_session(idle_days=9)
    staff.post("/cleanup/apply/", {"plan": plan_of(staff).token})
    run = CleanupRun.objects.get()
    monkeypatch.setattr("sessions.views.cleanup_runs.STEP_SESSIONS", 2)
    restore = f"/cleanup/runs/{run.pk}/restore/"
    page = staff.post(restore, follow=True)
    assert page.redirect_chain == [(f"/cleanup/runs/{run.pk}/", 302)]
    assert "Restoring: 2 are back, 3 to go" in page.text
    assert "load delay" in page.text
    assert "Done" not in page.text
    assert "load delay" not in staff.get(f"/cleanup/runs/{run.pk}/").text, "who comes back later is asked"
    staff.post(restore)
    assert "Undone: 5 of its sessions are back" in staff.post(restore, follow=True).text
    assert not Session.objects.trashed().exists()


def test_it_shows_what_a_cleanup_put_into_the_trash_alone(staff: Client) -> None:
    make_session(idle_days=9, title="Of the cleanup")
    other = make_session(title="By hand")
    actions.trash_session(other.pk, actor=ALICE)
    actions.apply_cleanup(plan_of(staff).token, actor=ALICE)
    page = staff.get("/trash/", {"run": str(CleanupRun.objects.get().pk)}).text
    assert "Of the cleanup" in page
    assert "By hand" not in page


def test_it_tells_what_cleanups_did_and_when_the_next_one_is(staff: Client) -> None:
    make_session(idle_days=9)
    actions.apply_cleanup(plan_of(staff).token, actor=ALICE)
    Schedule.objects.create(pk=actions.CLEANUP, next_run_at=timezone.now() + timedelta(hours=5, minutes=1))
    page = staff.get("/cleanup/?view=history").text
    assert "in 5 hours" in page
    assert "Done" in page
    assert "<bdi>alice</bdi>" in page


@pytest.mark.usefixtures("many_due")
def test_it_says_beforehand_that_the_night_will_stop(staff: Client) -> None:
    assert "It will stop: 21 of 21 sessions" in staff.get("/cleanup/?view=history").text


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_it_refuses_a_page_of_history_that_is_none(staff: Client, moment: str) -> None:
    assert staff.get("/cleanup/", {"view": "history", "before": moment}).status_code == 400


def test_it_shows_the_rest_of_a_long_plan_page_by_page(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.cleanup.PAGE_SESSIONS", 2)
    for number in range(3):
        make_session(idle_days=20 - number, title=f"Number {number}")
    page = staff.get("/cleanup/")
    assert "Number 1" in page.text
    assert "Number 2" not in page.text
    more = staff.get("/cleanup/planned/" + page.context["parts"][0]["more"])
    assert "Number 2" in more.text
    assert "Number 1" not in more.text


def test_it_counts_a_plan_to_the_byte(staff: Client) -> None:
    make_session(idle_days=9, turns=1)
    size = actions.plan_size(plan_of(staff)).size_bytes
    assert f"{size:,} bytes" in staff.get("/cleanup/size/", {"plan": plan_of(staff).token}).text


# --- What expires soon ---


def test_it_lists_what_expires_soon_and_holds_it_with_one_click(staff: Client) -> None:
    session = make_session(idle_days=6, title="Nearly gone")
    assert "Nearly gone" in staff.get("/cleanup/?view=expiring").text
    there = "/cleanup/?view=expiring"
    answer = staff.post(f"/sessions/{session.pk}/hold/", {"next": there}, follow=True)
    assert answer.redirect_chain[-1][0] == there
    assert "Nothing expires soon" in answer.text


def test_it_answers_htmx_with_the_row_as_it_is_now(staff: Client) -> None:
    session = make_session(idle_days=6)
    answer = staff.post(f"/sessions/{session.pk}/hold/", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith(f'<tr data-entry id="expiring-{session.pk}"')
    assert "Release" in answer.text
    assert "Held: no cleanup will take this session." in answer.text


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_it_never_leads_to_another_host_after_a_hold(staff: Client, there: str) -> None:
    session = make_session()
    answer = staff.post(f"/sessions/{session.pk}/hold/", {"next": there})
    assert answer["Location"] == f"/sessions/{session.pk}/"
