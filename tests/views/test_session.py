"""A session's context and its export."""

import json

import pytest
from django.test import Client

from sessions import actions
from sessions.models import AuditEvent, Session
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db


def url_of(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/{rest}"


def test_it_streams_the_export_as_a_file(staff: Client) -> None:
    session = make_session(turns=2)
    answer = staff.get(url_of(session, "export.json"))
    document = json.loads(b"".join(answer))
    assert answer.streaming
    assert answer["Content-Disposition"] == f'attachment; filename="{session.pk}.json"'
    assert len(document["interactions"]) == 2


CONTEXT = {
    "title": "New title",
    "context_summary": "Summary",
    "active_topics": "one\n\n two \n",
    "tags": "ci\nauth",
    "user_preferences": '{"language": "de"}',
    "project_context": "",
    "semantic_context": "",
    "metadata": "{}",
}


def test_it_saves_the_context(staff: Client) -> None:
    session = make_session()
    staff.post(url_of(session, "context/"), CONTEXT)
    now = Session.objects.get(pk=session.pk)
    assert (now.title, now.context_summary, now.active_topics) == ("New title", "Summary", ["one", "two"])
    assert now.user_preferences == {"language": "de"}
    assert [tag.name for tag in now.tags.all()] == ["auth", "ci"]


def test_it_saves_only_what_was_changed(staff: Client) -> None:
    session = make_session(title="Kept", metadata={"kept": True})
    form = staff.get(url_of(session, "context/")).context["form"]
    shown = {field.name: field.value() or "" for field in form}
    assert json.loads(shown["metadata"]) == {"kept": True}
    staff.post(url_of(session, "context/"), {**shown, "context_summary": "New"})
    assert AuditEvent.objects.get(verb="context_updated").details == {"fields": ["context_summary"]}


@pytest.mark.parametrize(
    ("field", "value"), [("metadata", "[1]"), ("metadata", "{"), ("tags", "x" * 101), ("title", "x\x00y")]
)
def test_it_keeps_what_was_typed_when_it_is_refused(staff: Client, field: str, value: str) -> None:
    session = make_session()
    answer = staff.post(url_of(session, "context/"), {**CONTEXT, field: value})
    assert answer.status_code == 400
    assert answer.context["form"].errors[field]
    assert "Summary" in answer.text
    assert Session.objects.get(pk=session.pk).context_summary == ""


# --- Editing while somebody else does ---


def shown(staff: Client, session: Session, field: str = "") -> dict[str, str]:
    """What a browser would send of the form as it is, all of it or one field."""
    form = staff.get(url_of(session, "context/"), {"field": field}).context["form"]
    values = {one.name: one.value() if one.value() is not None else "" for one in form}
    texts = {name: one.replace("\n", "\r\n") for name, one in values.items()}
    return {**texts, "seen": form.seen_text(), "field": field}


def test_line_ends_of_a_browser_are_no_change(staff: Client) -> None:
    session = make_session()
    actions.update_context(session.pk, actor=ALICE, context_summary="one\n two \n", active_topics=["a", "b"])
    audited = AuditEvent.objects.count()
    answer = staff.post(url_of(session, "context/"), shown(staff, session), follow=True)
    assert "There was nothing to save." in answer.text
    assert AuditEvent.objects.count() == audited


def test_changes_of_different_fields_do_not_meet(staff: Client) -> None:
    session = make_session()
    mine = shown(staff, session)
    actions.update_context(session.pk, actor=ALICE, title="Theirs", active_topics=["theirs"])
    staff.post(url_of(session, "context/"), {**mine, "context_summary": "Mine"})
    now = Session.objects.get(pk=session.pk)
    assert (now.title, now.context_summary, now.active_topics) == ("Theirs", "Mine", ["theirs"])


def both_changed(staff: Client) -> tuple[Session, dict[str, str]]:
    session = make_session()
    mine = {**shown(staff, session), "context_summary": "Mine", "title": "My title"}
    actions.update_context(session.pk, actor=ALICE, context_summary="Theirs <b>")
    return session, mine


def test_it_shows_both_when_somebody_changed_the_same_field(staff: Client) -> None:
    session, mine = both_changed(staff)
    answer = staff.post(url_of(session, "context/"), mine)
    assert answer.status_code == 409
    for text in ("Mine", "My title", "Theirs &lt;b&gt;", "Nothing was saved"):
        assert text in answer.text
    now = Session.objects.get(pk=session.pk)
    assert (now.context_summary, now.title) == ("Theirs <b>", "")


@pytest.mark.parametrize(("kept", "summary"), [("mine", "Mine"), ("theirs", "Theirs <b>")])
def test_it_saves_what_was_chosen_of_both(staff: Client, kept: str, summary: str) -> None:
    session, mine = both_changed(staff)
    form = staff.post(url_of(session, "context/"), mine).context["form"]
    again = {**mine, "seen": form.seen_text(), "keep-context_summary": kept}
    assert staff.post(url_of(session, "context/"), again).status_code == 302
    now = Session.objects.get(pk=session.pk)
    assert (now.context_summary, now.title) == (summary, "My title")


def test_the_same_change_twice_is_no_quarrel(staff: Client) -> None:
    session, mine = both_changed(staff)
    actions.update_context(session.pk, actor=ALICE, context_summary="Mine")
    assert staff.post(url_of(session, "context/"), mine).status_code == 302


def test_what_a_form_saw_is_not_taken_on_trust(staff: Client) -> None:
    session = make_session()
    for seen in ("", "[]", "{", '{"title": 5, "unknown": "x"}', "[" * 100_000):
        answer = staff.post(url_of(session, "context/"), {**CONTEXT, "seen": seen})
        assert answer.status_code in (302, 409)


# --- One field, in its place ---

HTMX = {"HX-Request": "true"}


def test_it_edits_one_field_in_its_place(staff: Client) -> None:
    session = make_session(title="Before")
    editor = staff.get(url_of(session, "context/"), {"field": "title"}, headers=HTMX).text
    assert "<html" not in editor
    assert 'id="context-of-title"' in editor
    assert "context_summary" not in editor
    sent = {**shown(staff, session, "title"), "title": "After"}
    answer = staff.post(url_of(session, "context/"), sent, headers=HTMX).text
    assert 'id="session-title" hx-swap-oob="true">After</h1>' in answer
    assert "Saved." in answer
    assert Session.objects.get(pk=session.pk).title == "After"


def test_it_says_at_the_field_what_is_wrong(staff: Client) -> None:
    session = make_session()
    sent = {**shown(staff, session, "metadata"), "metadata": "{"}
    answer = staff.post(url_of(session, "context/"), sent, headers=HTMX)
    assert (answer.status_code, "This is not a JSON object" in answer.text) == (200, True)
    assert 'id="context-of-metadata"' in answer.text


def test_it_gives_up_and_shows_what_stands(staff: Client) -> None:
    session = make_session(title="Stands")
    answer = staff.get(url_of(session, "context/"), {"field": "title", "shown": "1"}, headers=HTMX).text
    assert "Stands" in answer
    assert "<form" not in answer


def test_a_reader_sees_the_context_and_no_form(reader: Client) -> None:
    session = make_session(title="To be read")
    page = reader.get(url_of(session, "context/")).text
    assert "To be read" in page
    assert "<textarea" not in page
