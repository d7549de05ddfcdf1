"""Saved views: everybody's own, readers' too; shared ones for all to open."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions.models import SavedView
from tests.builders import make_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(db: None) -> User:
    return User.objects.create_user("rita", is_staff=True)


@pytest.fixture
def reader(rita: User) -> Client:
    client = Client()
    client.force_login(rita)
    return client


def save(client: Client, name: str, query: str = "?user=alice&sort=tokens", **fields: Any) -> Any:
    return client.post("/views/", {"name": name, "query": query, **fields})


def test_it_keeps_filters_order_and_columns_under_a_name(staff: Client) -> None:
    make_session(title="x")
    answer = save(staff, "Mine", "?user=alice&sort=tokens&columns=user%2Ccost&density=compact&cursor=x&evil=1")
    view = SavedView.objects.get()
    assert view.query == "user=alice&sort=tokens&columns=user%2Ccost&density=compact"
    page = staff.get(answer["Location"])
    assert page.context["form"].given() == {"user": "alice", "sort": "tokens"}
    assert 'data-label="User"' in page.text
    assert 'aria-current="true"' in page.text[page.text.index('class="view"') :].split(">")[0]


def test_readers_keep_their_own(reader: Client, staff: Client) -> None:
    save(reader, "Rita's")
    assert "Rita&#x27;s" in reader.get("/sessions/").text
    assert "Rita&#x27;s" not in staff.get("/sessions/").text


def test_a_shared_one_is_for_all_to_open_and_its_owners_to_change(reader: Client, staff: Client) -> None:
    save(staff, "For all", is_shared="on")
    view = SavedView.objects.get()
    assert "Shared by alice" in reader.get("/sessions/").text
    for address in (f"/views/{view.pk}/", f"/views/{view.pk}/delete/"):
        assert reader.post(address, {"name": "Stolen"}).status_code == 404
    assert SavedView.objects.get().name == "For all"


def test_the_default_is_what_the_bare_address_opens(staff: Client) -> None:
    save(staff, "First", is_default="on")
    save(staff, "Second", "?tag=ci", is_default="on")
    first, second = SavedView.objects.order_by("pk")
    assert (first.is_default, second.is_default) == (False, True)
    assert staff.get("/sessions/")["Location"] == f"/sessions/?tag=ci&view={second.pk}"
    assert staff.get("/sessions/?state=active").status_code == 200


def test_it_renames_shares_and_updates(staff: Client) -> None:
    save(staff, "Old name")
    view = SavedView.objects.get()
    staff.post(f"/views/{view.pk}/", {"name": "New name", "is_shared": "on", "query": "?tag=ci"})
    view.refresh_from_db()
    assert (view.name, view.is_shared, view.query) == ("New name", True, "user=alice&sort=tokens")
    staff.post(f"/views/{view.pk}/", {"name": "New name", "query": "?tag=ci", "update": "on"})
    view.refresh_from_db()
    assert (view.is_shared, view.query) == (False, "tag=ci")


def test_it_deletes_the_view_alone(staff: Client) -> None:
    make_session(session_id="kept")
    save(staff, "Gone")
    staff.post(f"/views/{SavedView.objects.get().pk}/delete/")
    assert not SavedView.objects.exists()
    assert staff.get("/sessions/kept/").status_code == 200


@pytest.mark.parametrize(("name", "status"), [("", 400), ("  ", 400), ("x" * 81, 400), ("Taken", 409)])
def test_it_refuses_a_name_that_will_not_do(staff: Client, name: str, status: int) -> None:
    save(staff, "Taken")
    assert save(staff, name).status_code == status
    assert SavedView.objects.count() == 1
