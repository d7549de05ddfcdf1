"""Several sessions at once, from the list: by plain forms."""

from typing import Any

import pytest
from django.test import Client

from sessions import actions
from sessions.models import BulkRun, Session
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db


def press(client: Client, verb: str, *ids: str, **fields: Any) -> Any:
    return client.post("/bulk/", {"verb": verb, "id": ids, "back": "?user=alice", **fields})


def plan_of(answer: Any) -> str:
    """The address of the plan that it leads to, without the way back."""
    return str(answer["Location"]).split("?", 1)[0]


def held() -> set[str]:
    return set(Session.objects.held().values_list("pk", flat=True))


def test_it_holds_the_ticked_at_once_and_undoes_it_from_the_toast(staff: Client) -> None:
    for name in "abc":
        make_session(session_id=name)
    answer = press(staff, "hold", "a", "b")
    assert answer["Location"] == "/sessions/?user=alice"
    page = staff.get(answer["Location"]).text
    run = BulkRun.objects.get()
    assert "2 sessions held." in page
    assert f'action="/bulk/{run.pk}/undo/"' in page
    assert held() == {"a", "b"}
    staff.post(f"/bulk/{run.pk}/undo/")
    assert held() == set()


def test_undo_from_the_list_stays_in_the_list(staff: Client) -> None:
    make_session(session_id="a")
    press(staff, "hold", "a")
    undo = f"/bulk/{BulkRun.objects.get().pk}/undo/"
    answer = staff.post(undo, headers={"referer": "http://testserver/sessions/?user=alice"})
    assert answer["Location"] == "/sessions/?user=alice"
    assert "Taken back: 1 session." in staff.get(answer["Location"]).text


def test_it_tells_how_many_were_skipped(staff: Client) -> None:
    make_session(session_id="a")
    actions.hold_session(make_session(session_id="b").pk, actor=ALICE)
    press(staff, "trash", "a", "b")
    assert "1 session moved to the trash, 1 skipped." in staff.get("/sessions/?state=all").text


def test_it_explains_when_nothing_could_be_done(staff: Client) -> None:
    actions.hold_session(make_session(session_id="b").pk, actor=ALICE)
    answer = press(staff, "trash", "b")
    assert "1 left alone: held" in staff.get(answer["Location"]).text


def test_it_asks_before_more_than_a_handful_goes_to_the_trash(staff: Client) -> None:
    names = [f"s{number}" for number in range(6)]
    for name in names:
        make_session(session_id=name, title=f"Title of {name}")
    plan = plan_of(press(staff, "trash", *names))
    page = staff.get(plan).text
    assert "Move to the trash: 6 sessions" in page
    assert all(f"Title of {name}" in page for name in names)
    assert not Session.objects.trashed().exists()
    staff.post(f"{plan}start/")
    assert Session.objects.trashed().count() == 6
    assert "Undo: 6 sessions" in staff.get(plan).text


def test_it_plans_for_all_that_match(staff: Client) -> None:
    for number in range(3):
        make_session(session_id=f"s{number}", tags=["old"])
    make_session(session_id="other")
    plan = plan_of(press(staff, "hold", everything="1", tag="old", state="active"))
    page = staff.get(plan).text
    assert "all active sessions, tag old" in page
    assert not held()
    staff.post(f"{plan}start/")
    assert held() == {"s0", "s1", "s2"}


def test_it_goes_on_by_its_button_and_by_htmx(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.actions.bulk._BATCH", 1)
    monkeypatch.setattr("sessions.actions.bulk.advance_bulk.__kwdefaults__", {"seconds": 0})
    for number in range(3):
        make_session(session_id=f"s{number}")
    plan = plan_of(press(staff, "hold", everything="1"))
    staff.post(f"{plan}start/")
    page = staff.get(plan).text
    assert "1 of 3" in page
    assert "Stop and take back: 1 session" in page
    staff.post(f"{plan}continue/")
    part = staff.post(f"{plan}continue/", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<section id="run"')
    staff.post(f"{plan}continue/")
    assert BulkRun.objects.get().phase == "done"
    assert len(held()) == 3


def test_it_adds_and_removes_tags(staff: Client) -> None:
    make_session(session_id="a", tags=["old"])
    press(staff, "tag", "a", tags=" new , other")
    press(staff, "untag", "a", tags="old")
    assert sorted(Session.objects.get(pk="a").tags.values_list("name", flat=True)) == ["new", "other"]


def test_it_leads_to_the_merge(staff: Client) -> None:
    assert press(staff, "merge", "a", "b&c")["Location"] == "/merge/?id=a&id=b%26c"


@pytest.mark.parametrize("fields", [{"verb": "explode"}, {"verb": ""}, {"verb": "tag"}, {"verb": "hold", "id": []}])
def test_it_refuses_what_makes_no_sense(staff: Client, fields: dict[str, Any]) -> None:
    make_session(session_id="a")
    answer = staff.post("/bulk/", {"id": ["a"], **fields})
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text


def test_who_thinks_better_of_a_plan_is_led_back_to_the_list_as_it_was(staff: Client) -> None:
    make_session(session_id="a")
    page = staff.get(press(staff, "trash", everything="1", user="alice")["Location"]).text
    assert '<a class="button quiet" href="/sessions/?user=alice">Cancel</a>' in page
    elsewhere = staff.get(f"/bulk/{BulkRun.objects.get().pk}/?back=//elsewhere").text
    assert '<a class="button quiet" href="/sessions/?state=active">Cancel</a>' in elsewhere


def test_it_leads_back_nowhere_else(staff: Client) -> None:
    make_session(session_id="a")
    assert press(staff, "hold", "a", back="//evil.example")["Location"] == "/sessions/?state=active"


def test_it_knows_no_such_run(staff: Client) -> None:
    assert staff.get("/bulk/00000000-0000-7000-8000-000000000000/").status_code == 404
