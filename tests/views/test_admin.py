"""The admin: everything can be looked at, and its actions are the same as everywhere."""

import io
import json
import zipfile

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from sessions import actions
from sessions.models import AuditEvent, BrowserLogin, Merge, Session
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db
SESSIONS = "/admin/conversations/session/"


def run(client: Client, action: str, *sessions: Session, **more: str) -> str:
    chosen = {"action": action, "_selected_action": [session.pk for session in sessions], **more}
    return client.post(SESSIONS, chosen, follow=True).text


def now(session: Session) -> Session:
    return Session.objects.get(pk=session.pk)


@pytest.mark.parametrize("state", ["active", "expired", "held", "trashed", "merged", "all", "nonsense"])
def test_it_filters_by_state(staff: Client, state: str) -> None:
    make_session(title="Active one")
    page = staff.get(f"{SESSIONS}?state={state}")
    assert page.status_code == 200
    assert ("Active one" in page.text) == (state in ("active", "all", "nonsense"))


def test_it_finds_a_session_by_its_whole_id_or_user(staff: Client) -> None:
    session = make_session(title="Wanted")
    make_session(title="Not this", user_id="bob")
    for term in (session.pk, "alice"):
        page = staff.get(SESSIONS, {"q": term}).text
        assert "Wanted" in page
        assert "Not this" not in page


def test_it_says_that_it_counts_no_further(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.admin.MOST_ROWS", 2)
    for _ in range(2):
        make_session()
    assert "2 sessions" in staff.get(SESSIONS).text
    make_session()
    assert "The first 2 sessions: filter or search for the others" in staff.get(SESSIONS).text


def test_it_exports_the_chosen_as_a_zip(staff: Client) -> None:
    session = make_session(turns=2)
    answer = staff.post(SESSIONS, {"action": "export", "_selected_action": [session.pk]})
    with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as archive:
        document = json.loads(archive.read(f"sessions/{session.pk}.json"))
    assert len(document["interactions"]) == 2


def test_it_holds_releases_and_trashes(staff: Client) -> None:
    one, two = make_session(), make_session()
    assert "2 sessions held." in run(staff, "hold", one, two)
    assert now(one).held_at
    run(staff, "release", one)
    assert not now(one).held_at
    page = run(staff, "trash", one, two)
    assert now(one).trashed_at
    assert not now(two).trashed_at
    assert "1 session moved to the trash." in page
    assert "is held" in page


def test_it_says_that_the_admin_did_it(staff: Client) -> None:
    run(staff, "hold", make_session())
    assert AuditEvent.objects.get(verb="session_held").face == "admin"


def test_it_asks_before_it_merges_into_the_oldest(staff: Client) -> None:
    oldest, second, third = (make_session(turns=1) for _ in range(3))
    page = run(staff, "merge", third, oldest, second)
    assert "The merge can be undone" in page
    assert not Merge.objects.exists()
    page = run(staff, "merge", third, oldest, second, confirmed="yes")
    assert now(oldest).interaction_count == 3
    assert now(second).merged_into_id == now(third).merged_into_id == oldest.pk
    group_id = Merge.objects.values_list("group_id", flat=True).distinct().get()
    assert f"/merges/{group_id}/" in page
    staff.post(f"/merges/{group_id}/undo/")
    assert [now(row).interaction_count for row in (oldest, second, third)] == [1, 1, 1]


def test_it_merges_all_of_them_or_none(staff: Client) -> None:
    sessions = [make_session(turns=1) for _ in range(3)]
    actions.trash_session(sessions[2].pk, actor=ALICE)
    assert "lies in the trash" in run(staff, "merge", *sessions, confirmed="yes")
    assert not Merge.objects.exists()


def test_it_wants_two_sessions_for_a_merge(staff: Client) -> None:
    assert "Choose two sessions or more." in run(staff, "merge", make_session())


def test_it_leads_to_the_cleanup_of_their_user(staff: Client) -> None:
    answer = staff.post(SESSIONS, {"action": "clean_up", "_selected_action": [make_session().pk]})
    assert answer["Location"] == "/cleanup/?idle_days=7&user=alice"


def test_it_does_not_offer_to_delete(staff: Client) -> None:
    session = make_session()
    assert "delete_selected" not in staff.get(SESSIONS).text
    assert staff.post(reverse("admin:conversations_session_delete", args=[session.pk])).status_code == 403


def test_it_never_shows_more_than_a_thousand_rows(staff: Client) -> None:
    Session.objects.bulk_create([Session(pk=f"s{n}") for n in range(1_050)])
    page = staff.get(SESSIONS)
    assert page.context["cl"].paginator.count == 1_000
    assert staff.get(f"{SESSIONS}?p=20").status_code == 200


def test_it_shows_a_merged_session_and_its_survivor(staff: Client) -> None:
    stays, absorbed = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(stays.pk, absorbed=absorbed.pk, actor=ALICE)
    assert stays.pk in staff.get(f"{SESSIONS}{absorbed.pk}/change/").text


def test_it_offers_a_reader_no_action_but_the_export(reader: Client) -> None:
    session = make_session(turns=1)
    page = reader.get(SESSIONS).text
    assert 'value="export"' in page
    for action in ("merge", "hold", "release", "trash", "clean_up"):
        assert f'value="{action}"' not in page
        run(reader, action, session)
    assert now(session) == session
    assert not AuditEvent.objects.filter(face="admin").exists()


def test_it_shows_accounts_and_keeps_logins_secret(staff: Client, alice: User) -> None:
    page = staff.get(f"/admin/auth/user/{alice.pk}/change/").text
    assert f"/accounts/{alice.pk}/" in page
    assert alice.password not in page
    for url in (
        "/admin/auth/user/add/",
        f"/admin/auth/user/{alice.pk}/delete/",
        f"/admin/auth/user/{alice.pk}/password/",
    ):
        assert staff.post(url).status_code in (403, 302)
    assert staff.get("/admin/auth/group/").status_code == 404
    [login] = BrowserLogin.objects.all()
    lists = staff.get("/admin/conversations/browserlogin/").text
    assert login.session_key not in lists
    assert login.session_data not in lists


@pytest.mark.parametrize(("term", "found"), [("tea", 0), ("1e9", 0), ("9" * 40, 0), ("mine", 1)])
def test_logins_are_searched_by_a_number(staff: Client, term: str, found: int) -> None:
    mine = BrowserLogin.objects.get().account_id
    page = staff.get("/admin/conversations/browserlogin/", {"q": str(mine) if term == "mine" else term})
    assert page.status_code == 200
    assert len(page.context["cl"].result_list) == found
