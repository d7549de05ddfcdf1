"""Queries are a budget: a page asks the database as often for 300 rows as for 3."""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker

from tests.authorization.faces import taken_back

from .pages import ADMIN_TABLES, PAGES
from .store import grow, make_pages_work

pytestmark = pytest.mark.django_db
MORE_PAGES = {
    "the list of all": "/?state=all",
    "the list of a tag": "/?tag=tag&user=alice&state=all",
    "the latest interactions": "/sessions/main/?latest=1",
}


class Answer(NamedTuple):
    status: int
    queries: int


type Answers = Mapping[str, Answer]


def answer_of(client: Client, url: str) -> Answer:
    """What a page answers and how often it asks; what it may have changed is taken back."""
    with taken_back(), CaptureQueriesContext(connection) as queries:
        response = client.get(url)
        if response.streaming:
            b"".join(response)
        return Answer(response.status_code, len(queries))


def answers_of(client: Client, urls: Iterable[str]) -> Answers:
    return {url: answer_of(client, url) for url in urls}


def list_in_admin(table: str) -> str:
    return reverse(f"admin:conversations_{table}_changelist")


def row_in_admin(table: str) -> str:
    row = apps.get_model("conversations", table)._default_manager.order_by("pk").first()
    assert row is not None
    return reverse(f"admin:conversations_{table}_change", args=[row.pk])


@pytest.fixture(scope="module")
def visitor(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Staff, with three rows of everything, and with what Django looks up once in a process.

    One store for the whole module, in a transaction that is taken back: to make it takes far longer than to ask it.
    """
    with (
        django_db_blocker.unblock(),
        override_settings(DATA_DIR=tmp_path_factory.mktemp("budget")),
        pytest.MonkeyPatch.context() as patch,
        taken_back(),
    ):
        patch.setattr(import_module("sessions.actions.search"), "SEARCH_SETTLES_SECONDS", 60.0)
        staff = Client(raise_request_exception=False)
        staff.force_login(User.objects.create_superuser("alice", password="correct horse"))
        make_pages_work()
        grow(0, 3)
        staff.get("/")
        yield staff


@pytest.fixture(scope="module")
def for_3(visitor: Client) -> Answers:
    """What every page answers with three rows of everything."""
    in_admin = [page(table) for table in ADMIN_TABLES for page in (list_in_admin, row_in_admin)]
    answers_of(visitor, in_admin)
    return answers_of(visitor, [*PAGES.values(), *MORE_PAGES.values(), *in_admin])


@pytest.fixture(scope="module")
def for_300(visitor: Client, for_3: Answers) -> Answers:
    """What the same pages answer with three hundred."""
    with taken_back():
        grow(3, 300)
        return answers_of(visitor, for_3)


@pytest.mark.thorough
@pytest.mark.parametrize("url", [*PAGES.values(), *MORE_PAGES.values()], ids=[*PAGES, *MORE_PAGES])
def test_it_asks_as_often_for_300_rows_as_for_3(for_3: Answers, for_300: Answers, url: str) -> None:
    assert for_3[url].status == 200
    assert for_300[url] == for_3[url]


@pytest.mark.parametrize("url", PAGES.values(), ids=PAGES)
def test_it_asks_no_more_than_15_times(visitor: Client, url: str) -> None:
    found = answer_of(visitor, url)
    assert found.status == 200
    assert found.queries <= 15


@pytest.mark.thorough
@pytest.mark.parametrize("table", ADMIN_TABLES)
def test_it_asks_as_often_for_300_rows_as_for_3_in_the_admin(for_3: Answers, for_300: Answers, table: str) -> None:
    url = list_in_admin(table)
    assert for_3[url].status == 200
    assert for_300[url] == for_3[url]


@pytest.mark.thorough
@pytest.mark.parametrize("table", ADMIN_TABLES)
def test_it_asks_as_often_for_a_row_in_the_admin(for_3: Answers, for_300: Answers, table: str) -> None:
    url = row_in_admin(table)
    assert for_3[url].status == 200
    assert for_300[url] == for_3[url]


def test_it_never_counts_a_whole_table_in_the_admin(visitor: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        visitor.get(reverse("admin:conversations_session_changelist"))
        visitor.get(reverse("admin:conversations_session_changelist"), {"_facets": "True", "state": "active"})
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"]]
