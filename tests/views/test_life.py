"""Hold, trash, restore, purge: each by a plain form."""

import pytest
from django.test import Client

from sessions import actions
from sessions.models import AuditEvent, Session, Tombstone
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db


def now(session: Session) -> Session:
    return Session.objects.get(pk=session.pk)


def test_it_holds_with_a_reason_and_offers_undo(staff: Client) -> None:
    session = make_session()
    page = staff.post(f"/sessions/{session.pk}/hold/", {"reason": "audit"}, follow=True).text
    assert now(session).hold_reason == "audit"
    assert f'action="/sessions/{session.pk}/release/"' in page


def test_it_releases(staff: Client) -> None:
    session = make_session()
    actions.hold_session(session.pk, actor=ALICE)
    staff.post(f"/sessions/{session.pk}/release/")
    assert now(session).held_at is None


def test_a_second_hold_takes_nobodys_place_and_its_undo_nothing_away(staff: Client) -> None:
    session = make_session()
    actions.hold_session(session.pk, reason="legal", actor=ALICE)
    page = staff.post(f"/sessions/{session.pk}/hold/", {"reason": "mine"}, follow=True).text
    assert f"It is held already by {ALICE.name}: legal." in page
    assert now(session).hold_reason == "legal"
    assert "toast warning" in page
    assert 'class="toast-undo"' not in page
    assert page.count(f'action="/sessions/{session.pk}/release/"') == 1


def test_holding_what_lies_in_the_trash_is_refused_and_looks_like_it(staff: Client) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    assert staff.post(f"/sessions/{session.pk}/hold/").status_code == 409
    assert now(session).held_at is None


def test_undoing_a_release_brings_the_reason_back(staff: Client) -> None:
    session = make_session()
    actions.hold_session(session.pk, reason="legal & more", actor=ALICE)
    page = staff.post(f"/sessions/{session.pk}/release/", follow=True).text
    undo = f"/sessions/{session.pk}/hold/?again=1"
    assert f'action="{undo}"' in page
    staff.post(undo)
    assert now(session).hold_reason == "legal & more"


def test_it_trashes_and_offers_undo(staff: Client) -> None:
    session = make_session(title="Gone soon")
    page = staff.post(f"/sessions/{session.pk}/trash/", follow=True).text
    assert now(session).trashed_at is not None
    assert "“Gone soon” is in the trash." in page
    assert f'action="/sessions/{session.pk}/restore/"' in page


def test_it_restores(staff: Client) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    staff.post(f"/sessions/{session.pk}/restore/")
    assert now(session).trashed_at is None


def test_it_refuses_to_trash_a_held_session(staff: Client) -> None:
    session = make_session()
    actions.hold_session(session.pk, actor=ALICE)
    answer = staff.post(f"/sessions/{session.pk}/trash/")
    assert answer.status_code == 409
    assert "Release the hold first." in answer.text
    assert now(session).trashed_at is None


def test_it_lists_the_trash_with_the_time_left(staff: Client) -> None:
    session = make_session(title="Gone")
    actions.trash_session(session.pk, reason="a copy", actor=ALICE)
    page = staff.get("/trash/").text
    assert "Gone" in page
    assert "a copy" in page
    assert "in 30 days" in page


def test_it_asks_before_it_purges(staff: Client) -> None:
    session = make_session(turns=2)
    actions.trash_session(session.pk, actor=ALICE)
    assert "2 interactions of" in staff.get(f"/sessions/{session.pk}/purge/").text
    assert Session.objects.filter(pk=session.pk).exists()


def test_it_purges_and_says_so_ever_after(staff: Client) -> None:
    session = make_session(turns=2)
    actions.trash_session(session.pk, actor=ALICE)
    staff.post(f"/sessions/{session.pk}/purge/", {"confirm": "purge"})
    assert Tombstone.objects.filter(pk=session.pk).exists()
    answer = staff.get(f"/sessions/{session.pk}/")
    assert answer.status_code == 410
    assert "was purged" in answer.text


def test_it_leads_to_the_session_that_is_in_the_trash_no_more(staff: Client, reader: Client) -> None:
    session = make_session()
    for client in (staff, reader):
        answer = client.get(f"/sessions/{session.pk}/purge/", follow=True)
        assert answer.redirect_chain == [(f"/sessions/{session.pk}/", 302)]
        assert "It is not in the trash, so nothing was purged." in answer.text


@pytest.mark.parametrize("said", ["", "yes", "purge it"])
def test_it_purges_nothing_without_the_word(staff: Client, said: str) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    answer = staff.post(f"/sessions/{session.pk}/purge/", {"confirm": said})
    assert answer.status_code == 400
    assert now(session).trashed_at is not None


def test_it_restores_several(staff: Client) -> None:
    sessions = [make_session() for _ in range(3)]
    for session in sessions:
        actions.trash_session(session.pk, actor=ALICE)
    chosen = [sessions[0].pk, sessions[2].pk, "unknown", "../etc"]
    answer = staff.post("/trash/restore/", {"session": chosen}, follow=True)
    assert "2 sessions restored" in answer.text
    assert [row.pk for row in Session.objects.trashed()] == [sessions[1].pk]


def test_it_purges_several_once_their_number_is_typed(staff: Client) -> None:
    sessions = [make_session(title=f"Number {n}") for n in range(3)]
    for session in sessions[:2]:
        actions.trash_session(session.pk, actor=ALICE)
    chosen = {"session": [session.pk for session in sessions]}
    page = staff.get("/trash/purge/", chosen).text
    assert "Purge 2 sessions for good?" in page
    assert "Number 2" not in page
    assert staff.post("/trash/purge/", {**chosen, "confirm": "3"}).status_code == 400
    assert not Tombstone.objects.exists()
    answer = staff.post("/trash/purge/", {**chosen, "confirm": "2"}, follow=True)
    assert "2 sessions purged." in answer.text
    assert [row.pk for row in Session.objects.all()] == [sessions[2].pk]


def test_it_takes_a_row_away_and_says_why(staff: Client) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    answer = staff.post(f"/sessions/{session.pk}/restore/", headers={"HX-Request": "true"})
    assert "Restored, as it was." in answer.text
    assert "<tr" not in answer.text
    assert now(session).trashed_at is None


def test_it_notes_who_did_it(staff: Client) -> None:
    session = make_session()
    staff.post(f"/sessions/{session.pk}/hold/")
    event = AuditEvent.objects.get(verb="session_held")
    assert (event.actor, event.face) == ("alice", "browser")


def test_it_tells_of_those_that_were_purged_meanwhile(staff: Client) -> None:
    here, gone = make_session(), make_session()
    for session in (here, gone):
        actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(gone.pk, actor=ALICE)
    answer = staff.post("/trash/restore/", {"session": [here.pk, gone.pk]}, follow=True)
    assert "1 session restored, as they were. 1 was not in the trash any more." in answer.text
    answer = staff.post("/trash/restore/", {"session": [gone.pk]}, follow=True)
    assert "No session was restored. 1 was not in the trash any more." in answer.text
    actions.trash_session(here.pk, actor=ALICE)
    answer = staff.post("/trash/purge/", {"session": [here.pk, gone.pk], "confirm": "1"}, follow=True)
    assert "1 session purged. 1 was not in the trash any more." in answer.text
