"""Merging by a form, with a preview first and an undo after."""

import pytest
from django.test import Client

from sessions import actions
from sessions.models import Merge, Session
from tests.builders import ALICE, log, make_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> tuple[Session, Session]:
    stays, absorbed = make_session(title="Stays"), make_session(title="Absorbed")
    for session in (stays, absorbed):
        log(session, prompt="the same", idempotency_key="k")
    log(absorbed, prompt="another")
    return stays, absorbed


def test_it_offers_the_users_other_sessions(staff: Client, pair: tuple[Session, Session]) -> None:
    stays, absorbed = pair
    make_session(title="Bob's", user_id="bob")
    actions.trash_session(make_session(title="Trashed").pk, actor=ALICE)
    offered = staff.get(f"/sessions/{stays.pk}/merge/").context["candidates"]
    assert [row.pk for row in offered] == [absorbed.pk]


@pytest.mark.parametrize("given", ["{}", "http://testserver/r/{}", "/sessions/{}/"])
def test_it_previews_what_would_be_combined(staff: Client, pair: tuple[Session, Session], given: str) -> None:
    stays, absorbed = pair
    answer = staff.get(f"/sessions/{stays.pk}/merge/", {"with_session": given.format(absorbed.pk)})
    preview = answer.context["preview"]
    assert (preview.duplicates, preview.total) == (1, 2)
    assert "in both" in answer.text
    assert Session.objects.get(pk=absorbed.pk).merged_into_id is None


def test_it_gives_htmx_the_preview_alone(staff: Client, pair: tuple[Session, Session]) -> None:
    stays, absorbed = pair
    url = f"/sessions/{stays.pk}/merge/?with_session={absorbed.pk}"
    part = staff.get(url, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<section id="preview"')


def test_it_merges_and_takes_it_back(staff: Client, pair: tuple[Session, Session]) -> None:
    stays, absorbed = pair
    page = staff.post(f"/sessions/{stays.pk}/merge/", {"with_session": absorbed.pk}, follow=True).text
    merge = Merge.objects.get()
    assert Session.objects.get(pk=absorbed.pk).merged_into_id == stays.pk
    assert f'action="/merges/{merge.pk}/undo/"' in page
    staff.post(f"/merges/{merge.pk}/undo/")
    assert Session.objects.get(pk=absorbed.pk).merged_into_id is None


@pytest.mark.parametrize("given", ["{stays}", "nope", "../../etc", "x" * 150])
def test_it_says_what_cannot_be_merged(staff: Client, pair: tuple[Session, Session], given: str) -> None:
    stays, _ = pair
    answer = staff.get(f"/sessions/{stays.pk}/merge/", {"with_session": given.format(stays=stays.pk)})
    assert answer.status_code == 200
    assert answer.context["form"].errors["with_session"]


def test_it_refuses_the_merge_itself_too(staff: Client, pair: tuple[Session, Session]) -> None:
    stays, _ = pair
    answer = staff.post(f"/sessions/{stays.pk}/merge/", {"with_session": stays.pk})
    assert answer.status_code == 409
    assert "cannot be merged into itself" in answer.text


def test_it_merges_nothing_when_nothing_was_chosen(staff: Client, pair: tuple[Session, Session]) -> None:
    stays, _ = pair
    assert staff.post(f"/sessions/{stays.pk}/merge/").status_code == 200
    assert not Merge.objects.exists()


def test_it_knows_no_merge_that_never_was(staff: Client) -> None:
    assert staff.post("/merges/00000000-0000-7000-8000-000000000000/undo/").status_code == 404
