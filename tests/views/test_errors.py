"""Every domain error becomes a page that says what happened, what is safe, and what to do."""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from sessions import actions, errors
from sessions.views.errors import MEANINGS, UNKNOWN, meaning_of, translated
from tests.builders import ALICE, make_session

CASES = [
    (errors.SessionNotFound("x"), 404),
    (errors.SessionPurged("x"), 410),
    (errors.NotFound("There is no such merge."), 404),
    (errors.InvalidInput("field", "is wrong"), 400),
    (errors.SessionTrashed("It lies in the trash."), 409),
    (errors.MergeRefused("No."), 409),
    (errors.UnmergeRefused("No."), 409),
    (errors.PlanChanged("Old."), 409),
    (errors.BrakePulled("Too many."), 409),
    (errors.Conflict("No."), 409),
    (errors.AccountNotFound("There is no such account."), 404),
    (errors.AccountRefused("No."), 409),
    (errors.SignInSlowed(2), 429),
    (errors.MirrorUnavailable("Disk full."), 503),
    (errors.MirrorConflict("They differ."), 503),
    (errors.SessionsiteError("Odd."), 500),
]


def everything_below(kind: type[errors.SessionsiteError]) -> Iterator[type[errors.SessionsiteError]]:
    for child in kind.__subclasses__():
        yield child
        yield from everything_below(child)


@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda case: type(case).__name__)
def test_it_gives_each_error_its_status(error: errors.SessionsiteError, status: int) -> None:
    assert meaning_of(error).status == status


def test_it_has_a_meaning_for_every_error_that_a_page_can_meet() -> None:
    lost = [
        kind.__name__
        for kind in everything_below(errors.SessionsiteError)
        if kind.__module__ == "sessions.errors" and not any(issubclass(kind, known) for known, _ in MEANINGS)
    ]
    # A damaged line is met by the mirror alone, which reports it.
    assert lost == ["DamagedLine"]


@pytest.mark.parametrize("meaning", [*(meaning for _, meaning in MEANINGS), UNKNOWN])
def test_it_always_knows_a_way_out(meaning: object) -> None:
    assert reverse(meaning.way_out)  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_it_says_whether_a_merge_or_its_undoing_was_refused(staff: Client) -> None:
    one, other = make_session(turns=1), make_session(turns=1)
    merge = actions.merge_sessions(one.pk, absorbed=other.pk, actor=ALICE)
    staff.post(f"/merges/{merge.pk}/undo/")
    undone_twice = staff.post(f"/merges/{merge.pk}/undo/").text
    merged_with_itself = staff.post("/merge/", {"id": [one.pk], "into": one.pk}).text
    assert "<h1>This merge cannot be undone</h1>" in undone_twice
    assert "<h1>These sessions cannot be merged</h1>" in merged_with_itself
    assert "Every session is as it was." in undone_twice
    assert "Every session is as it was." in merged_with_itself


@pytest.mark.django_db
def test_it_tells_when_to_come_back(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise errors.MirrorUnavailable("The journal could not be written.")

    monkeypatch.setattr(actions, "hold_session", fail)
    answer = staff.post(f"/sessions/{make_session().pk}/hold/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "Nothing that was acknowledged is lost." in answer.text


def test_it_leaves_other_exceptions_alone() -> None:
    def view(_: object) -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        translated(view)(RequestFactory().get("/"))


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/sessions/nope/", "/r/nope", "/sessions/.hidden/", "/sessions/nope/merge/"])
def test_it_knows_no_session_that_is_not_there(staff: Client, url: str) -> None:
    answer = staff.get(url)
    assert answer.status_code == 404
    assert "What is safe" in answer.text


@pytest.mark.django_db
def test_it_has_a_page_for_an_address_that_leads_nowhere(staff: Client) -> None:
    answer = staff.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.django_db
def test_it_has_a_page_for_its_own_failure(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "known_sources", lambda: 1 / 0)
    staff.raise_request_exception = False
    answer = staff.get("/sessions/")
    assert answer.status_code == 500
    assert "Everything that was acknowledged" in answer.text


@pytest.mark.django_db
def test_it_has_a_page_for_a_foreign_host(staff: Client) -> None:
    answer = staff.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "SESSIONSITE_ALLOWED_HOSTS" in answer.text
