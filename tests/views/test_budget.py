"""Queries are a budget: a page asks the database as often for 300 rows as for 3."""

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from .pages import ADMIN_TABLES, PAGES
from .store import grow, make_pages_work

pytestmark = pytest.mark.django_db
MORE_PAGES = {
    "the list of all": "/?state=all",
    "the list of a tag": "/?tag=tag&user=alice&state=all",
    "the latest interactions": "/sessions/main/?latest=1",
}


def count(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(url)
        if response.streaming:
            b"".join(response)
    assert response.status_code == 200
    return len(queries)


def assert_same_for_3_and_300(client: Client, url: str) -> None:
    few = count(client, url)
    grow(3, 300)
    assert count(client, url) == few


@pytest.fixture
def visitor(staff: Client) -> Client:
    """Staff, with three rows of everything, and with what Django looks up once in a process."""
    make_pages_work()
    grow(0, 3)
    staff.get("/")
    return staff


@pytest.mark.thorough
@pytest.mark.parametrize("url", [*PAGES.values(), *MORE_PAGES.values()], ids=[*PAGES, *MORE_PAGES])
def test_it_asks_as_often_for_300_rows_as_for_3(visitor: Client, url: str) -> None:
    assert_same_for_3_and_300(visitor, url)


@pytest.mark.parametrize("url", PAGES.values(), ids=PAGES)
def test_it_asks_no_more_than_15_times(visitor: Client, url: str) -> None:
    assert count(visitor, url) <= 15


@pytest.mark.thorough
@pytest.mark.parametrize("table", ADMIN_TABLES)
def test_it_asks_as_often_for_300_rows_as_for_3_in_the_admin(visitor: Client, table: str) -> None:
    url = reverse(f"admin:conversations_{table}_changelist")
    visitor.get(url)
    assert_same_for_3_and_300(visitor, url)


@pytest.mark.thorough
@pytest.mark.parametrize("table", ADMIN_TABLES)
def test_it_asks_as_often_for_a_row_in_the_admin(visitor: Client, table: str) -> None:
    rows = apps.get_model("conversations", table)._default_manager
    row = rows.order_by("pk").first()
    assert row is not None
    url = reverse(f"admin:conversations_{table}_change", args=[row.pk])
    visitor.get(url)
    assert_same_for_3_and_300(visitor, url)


def test_it_never_counts_a_whole_table_in_the_admin(visitor: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        visitor.get(reverse("admin:conversations_session_changelist"))
        visitor.get(reverse("admin:conversations_session_changelist"), {"_facets": "True", "state": "active"})
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"]]
