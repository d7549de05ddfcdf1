"""The cleanup page: a plan that changes nothing, then the plan applied."""

import pytest
from django.test import Client

from sessions import actions
from sessions.models import Session
from tests.builders import ALICE, make_idle, make_session

pytestmark = pytest.mark.django_db


def plan_of(client: Client, query: str = "") -> actions.CleanupPlan:
    plan = client.get(f"/cleanup/{query}").context["plan"]
    assert isinstance(plan, actions.CleanupPlan)
    return plan


def test_it_plans_without_touching_anything(staff: Client) -> None:
    due, held = make_session(idle_days=9), make_session(idle_days=9)
    make_session()
    actions.hold_session(held.pk, actor=ALICE)
    plan = plan_of(staff)
    assert [item.session_id for item in plan.to_trash] == [due.pk]
    assert [item.session_id for item in plan.excluded] == [held.pk]
    assert not Session.objects.trashed().exists()


def test_it_plans_by_the_rule_that_is_given(staff: Client) -> None:
    mine = make_session(idle_days=3)
    make_session(idle_days=3, user_id="bob")
    plan = plan_of(staff, "?idle_days=2&user=alice")
    assert [item.session_id for item in plan.to_trash] == [mine.pk]


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
    assert "1 left alone" in answer.text


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
    assert not plan_of(staff).to_purge
    token = plan_of(staff, "?idle_days=7&purge=on").token
    answer = staff.post("/cleanup/apply/", {"plan": token}, follow=True)
    assert "1 purged" in answer.text
    assert not Session.objects.exists()
