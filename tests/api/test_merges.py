"""Merging and cleaning up over REST: planned, done, undone."""

import pytest

from sessions import actions
from sessions.models import CleanupRun, Merge, Session
from tests.builders import ALICE, log, make_session

from .programs import Program, code, told


def test_it_merges_by_plan_and_takes_it_back(writer: Program) -> None:
    kept, absorbed = make_session(turns=2), make_session(turns=1)
    plan = told(writer.post(f"/sessions/{kept.pk}/merge/plan", {"absorbed": [absorbed.pk]}))
    assert (plan["moving"], plan["total_interactions"]) == ({absorbed.pk: 1}, 3)
    assert not Merge.objects.exists()
    made = writer.post("/merges", {"plan_token": plan["plan_token"]})
    assert (made.status_code, told(made)["survivor_id"], told(made)["undone"]) == (201, kept.pk, False)
    path = f"/merges/{told(made)['merge_id']}"
    assert told(writer.get(path)) == told(made)
    assert told(writer.post(f"{path}/undo"))["undone"] is True
    assert code(writer.post(f"{path}/undo")) == (409, "merge_refused")


def test_it_refuses_a_plan_that_a_session_outgrew(writer: Program) -> None:
    kept, absorbed = make_session(), make_session()
    plan = told(writer.post(f"/sessions/{kept.pk}/merge/plan", {"absorbed": [absorbed.pk]}))
    log(absorbed, prompt="one more")
    assert code(writer.post("/merges", {"plan_token": plan["plan_token"]})) == (409, "plan_changed")
    assert code(writer.post("/merges", {"plan_token": "x"})) == (409, "plan_changed")


def test_it_merges_at_once_with_choices(writer: Program) -> None:
    kept, absorbed = make_session(title="K"), make_session(title="A")
    body = {"absorbed": [absorbed.pk], "choices": {"title": absorbed.pk}}
    assert writer.post(f"/sessions/{kept.pk}/merge", body).status_code == 201
    assert Session.objects.get(pk=kept.pk).title == "A"


@pytest.mark.parametrize(
    "body", [{"absorbed": []}, {}, {"absorbed": "x"}, {"absorbed": [1]}, {"absorbed": ["x"] * 101}]
)
def test_it_refuses_a_merge_of_nothing(writer: Program, body: object) -> None:
    assert code(writer.post(f"/sessions/{make_session().pk}/merge", body)) == (400, "invalid_input")


def test_it_refuses_a_merge_that_cannot_be(writer: Program) -> None:
    session = make_session()
    assert code(writer.post(f"/sessions/{session.pk}/merge", {"absorbed": [session.pk]})) == (409, "merge_refused")
    assert code(writer.post(f"/sessions/{session.pk}/merge", {"absorbed": ["x"]})) == (404, "session_not_found")
    choices = {"absorbed": [make_session().pk], "choices": {"title": "nobody"}}
    assert code(writer.post(f"/sessions/{session.pk}/merge", choices)) == (400, "invalid_input")


@pytest.mark.parametrize("name", ["x", "00000000-0000-7000-8000-000000000000"])
def test_it_knows_no_merge_or_cleanup_of_another_id(admin: Program, name: str) -> None:
    for path in (f"/merges/{name}", f"/cleanup/{name}"):
        assert code(admin.get(path)) == (404, "not_found")
        assert code(admin.post(f"{path}/undo")) == (404, "not_found")


def test_it_cleans_up_by_plan_and_takes_it_back(admin: Program) -> None:
    make_session(session_id="old", idle_days=40)
    make_session(session_id="new")
    plan = told(admin.post("/cleanup/plan", {"idle_days": 30}))
    assert ([one["session_id"] for one in plan["first"]], plan["sessions"]) == (["old"], 1)
    assert not CleanupRun.objects.exists()
    done = told(admin.post("/cleanup", {"plan_token": plan["plan_token"]}))
    assert (done["trashed"], done["finished"]) == (1, True)
    assert told(admin.get(f"/cleanup/{done['run_id']}")) == done
    assert told(admin.post(f"/cleanup/{done['run_id']}/undo"))["restored"] == 1
    assert Session.objects.get(pk="old").trashed_at is None


def test_it_plans_by_the_sites_rule_where_none_is_given(admin: Program) -> None:
    make_session(idle_days=8)
    assert told(admin.post("/cleanup/plan"))["sessions"] == 1


def test_it_wants_the_number_of_a_large_cleanup_said_again(admin: Program) -> None:
    for _ in range(21):
        make_session(idle_days=40)
    plan = told(admin.post("/cleanup/plan", {"idle_days": 30}))
    assert plan["needs_confirmation"]
    body = {"plan_token": plan["plan_token"]}
    assert code(admin.post("/cleanup", body)) == (409, "brake_pulled")
    assert code(admin.post("/cleanup", {**body, "confirmed_sessions": 20})) == (409, "brake_pulled")
    assert told(admin.post("/cleanup", {**body, "confirmed_sessions": 21}))["trashed"] == 21


@pytest.mark.parametrize(
    "rule", [{"idle_days": 0}, {"idle_days": "7"}, {"idle_days": 10**6}, {"user_id": "\0"}, {"days": 1}]
)
def test_it_refuses_a_rule_that_makes_no_sense(admin: Program, rule: object) -> None:
    assert code(admin.post("/cleanup/plan", rule)) == (400, "invalid_input")


def test_it_merges_only_what_is_not_held_in_the_trash(writer: Program) -> None:
    kept, absorbed = make_session(), make_session()
    actions.trash_session(absorbed.pk, actor=ALICE)
    assert code(writer.post(f"/sessions/{kept.pk}/merge", {"absorbed": [absorbed.pk]})) == (409, "merge_refused")
