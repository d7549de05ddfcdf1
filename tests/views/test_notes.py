"""Notes, pins and tags beside a transcript, with htmx and without."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from sessions import actions, mapping
from sessions.models import Session
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def url_of(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/{rest}"


def texts_of(session: Session) -> list[str]:
    return [note.text for note in mapping.read_notes(Session.objects.get(pk=session.pk).notes)]


def tags_of(session: Session) -> list[str]:
    return sorted(session.tags.values_list("name", flat=True))


# --- Notes ---


def test_it_adds_a_note_and_shows_it(staff: Client) -> None:
    session = make_session()
    page = staff.post(url_of(session, "notes/"), {"text": "Ask <b>Bob</b>\r\nabout it"}, follow=True)
    assert page.redirect_chain == [(url_of(session) + "#notes", 302)]
    assert "Ask &lt;b&gt;Bob&lt;/b&gt;\nabout it" in page.text
    part = staff.post(url_of(session, "notes/"), {"text": "second"}, headers=HTMX).text
    assert "<html" not in part
    assert texts_of(session) == ["Ask <b>Bob</b>\nabout it", "second"]


def test_it_keeps_what_was_typed_when_a_note_is_refused(staff: Client) -> None:
    session = make_session()
    part = staff.post(url_of(session, "notes/"), {"text": "x" * 10_001}, headers=HTMX).text
    assert "at most 10,000 are kept" in part
    assert "x" * 10_001 in part
    assert staff.post(url_of(session, "notes/"), {"text": " "}).status_code == 400
    assert texts_of(session) == []


def test_it_edits_a_note_in_its_place(staff: Client) -> None:
    session = make_session()
    note = actions.add_note(session.pk, "before", actor=ALICE)
    url = url_of(session, f"notes/{note.id}/")
    assert "before</textarea>" in staff.get(url, headers=HTMX).text
    assert "before</textarea>" in staff.get(url).text
    assert "at most 10,000" in staff.post(url, {"text": "y" * 10_001}, headers=HTMX).text
    assert staff.post(url, {"text": ""}).status_code == 400
    staff.post(url, {"text": "after"}, headers=HTMX)
    assert texts_of(session) == ["after"]
    assert mapping.read_notes(Session.objects.get(pk=session.pk).notes)[0].edited_by == "alice"


def seen_in(form: str) -> str:
    found = re.search('name="seen" value="([^"]+)"', form)
    assert found
    return found[1]


@pytest.mark.parametrize(("headers", "status"), [(HTMX, 200), ({}, 409)], ids=["htmx", "plain"])
def test_two_who_edit_a_note_see_each_others_version(staff: Client, headers: dict[str, str], status: int) -> None:
    session = make_session()
    note = actions.add_note(session.pk, "before", actor=ALICE)
    url = url_of(session, f"notes/{note.id}/")
    seen = seen_in(staff.get(url, headers=headers).text)
    actions.edit_note(session.pk, note.id, "theirs", actor=ALICE)
    answer = staff.post(url, {"text": "mine", "seen": seen}, headers=headers)
    assert answer.status_code == status
    assert f"{ALICE.name} changed it meanwhile." in answer.text
    assert "mine</textarea>" in answer.text
    assert answer.headers.get("HX-Retarget") == (f"#edit-{note.id}" if headers else None)
    assert f'id="edit-{note.id}"' in answer.text
    assert ">theirs</p>" in answer.text
    assert texts_of(session) == ["theirs"]
    staff.post(url, {"text": "mine", "seen": seen_in(answer.text)}, headers=headers)
    assert texts_of(session) == ["mine"]


def test_the_same_edit_twice_is_no_conflict(staff: Client) -> None:
    session = make_session()
    note = actions.add_note(session.pk, "before", actor=ALICE)
    url = url_of(session, f"notes/{note.id}/")
    sent = {"text": "after", "seen": seen_in(staff.get(url).text)}
    assert [staff.post(url, sent).status_code for _ in range(2)] == [302, 302]
    assert "after" in staff.get(url + "?shown=1", headers=HTMX).text


def test_it_removes_a_note_and_brings_it_back(staff: Client) -> None:
    session = make_session()
    kept = [actions.add_note(session.pk, text, actor=ALICE) for text in ("one", "two")]
    page = staff.post(url_of(session, f"notes/{kept[0].id}/remove/"), follow=True).text
    undo = url_of(session, f"notes/{kept[0].id}/restore/")
    assert f'action="{undo}"' in page
    assert texts_of(session) == ["two"]
    staff.post(undo)
    assert mapping.read_notes(Session.objects.get(pk=session.pk).notes) == kept


def test_it_brings_back_only_what_this_browser_removed(staff: Client) -> None:
    assert staff.post(url_of(make_session(), f"notes/{uuid4()}/restore/")).status_code == 404


# --- Pins ---


def test_it_pins_and_unpins(staff: Client) -> None:
    session = make_session(turns=2)
    row = session.interactions.get(sequence=2)
    answer = staff.post(url_of(session, f"pins/{row.pk}/"), follow=True)
    assert answer.redirect_chain == [(url_of(session) + "?at=2#i-2", 302)]
    assert Session.objects.get(pk=session.pk).pins == [str(row.pk)]
    part = staff.post(url_of(session, f"pins/{row.pk}/remove/"), {"beside": "1"}, headers=HTMX).text
    assert 'aria-pressed="false"' in part
    assert 'id="side-pins"' in part
    assert Session.objects.get(pk=session.pk).pins == []
    assert 'id="side-pins"' not in staff.post(url_of(session, f"pins/{row.pk}/"), headers=HTMX).text


def test_it_marks_what_is_pinned(staff: Client, reader: Client) -> None:
    session = make_session(turns=2)
    actions.pin_interaction(session.pk, session.interactions.get(sequence=2).pk, actor=ALICE)
    page = staff.get(url_of(session)).text
    assert page.count('aria-pressed="true"') == 1
    assert "?at=2#i-2" in page
    assert "pin-button" not in reader.get(url_of(session)).text


# --- Tags ---


def test_it_adds_and_removes_a_tag_and_both_can_be_undone(staff: Client) -> None:
    session = make_session(tags=["kept"])
    page = staff.post(url_of(session, "tags/"), {"name": "  two   words "}, follow=True).text
    assert tags_of(session) == ["kept", "two words"]
    undo = url_of(session, "tags/remove/") + "?name=two+words"
    assert undo in page
    staff.post(undo)
    assert tags_of(session) == ["kept"]
    page = staff.post(url_of(session, "tags/remove/"), {"name": "kept"}, follow=True).text
    staff.post(url_of(session, "tags/") + "?name=kept")
    assert tags_of(session) == ["kept"]


def test_it_shows_the_new_tag_in_both_places(staff: Client) -> None:
    part = staff.post(url_of(make_session(), "tags/"), {"name": "new"}, headers=HTMX).text
    assert 'id="side-tags"' in part
    assert 'id="head-tags" hx-swap-oob="true"' in part


@pytest.mark.parametrize("name", ["", "x" * 101, "a\0b"])
def test_it_says_what_is_wrong_with_a_tag(staff: Client, name: str) -> None:
    session = make_session()
    assert 'class="problem"' in staff.post(url_of(session, "tags/"), {"name": name}, headers=HTMX).text
    assert staff.post(url_of(session, "tags/"), {"name": name}).status_code == 400
    assert tags_of(session) == []


# --- Who may ---

CHANGES: dict[str, dict[str, Any]] = {"tags/": {"name": "x"}, "tags/remove/": {"name": "x"}, "notes/": {"text": "x"}}


@pytest.mark.parametrize("rest", CHANGES)
def test_a_session_in_the_trash_stays_as_it_is(staff: Client, rest: str) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    assert staff.post(url_of(session, rest), CHANGES[rest]).status_code == 409
    page = staff.get(url_of(session)).text
    for form in ("add-tag", "add-note", "chip-remove"):
        assert form not in page


def test_a_reader_is_shown_everything_and_offered_nothing(reader: Client) -> None:
    session = make_session(turns=1, tags=["seen"])
    actions.add_note(session.pk, "to be read", actor=ALICE)
    page = reader.get(url_of(session)).text
    assert "to be read" in page
    for form in ("add-tag", "add-note", "chip-remove", "note-tools"):
        assert form not in page
