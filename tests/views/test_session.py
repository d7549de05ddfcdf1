"""The page of a session, its resume link, its context and its export."""

import json

import pytest
from django.test import Client

from sessions import actions
from sessions.models import AuditEvent, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session

pytestmark = pytest.mark.django_db


def url_of(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/{rest}"


def test_it_shows_the_conversation_in_order(staff: Client) -> None:
    session = make_session(turns=3)
    page = staff.get(url_of(session)).text
    places = [page.index(text) for n in (1, 2, 3) for text in (f"request {n}", f"answer {n}")]
    assert places == sorted(places)
    assert 'id="i-3"' in page


def test_it_folds_tool_calls_and_names_their_results(staff: Client) -> None:
    session = make_session()
    call = {"tool_use_id": "t1"}
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="Bash", tool_parameters={"command": "ls"}, metadata=call)
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="file.txt", metadata=call)
    response = staff.get(url_of(session))
    assert [turn.tool_name for turn in response.context["transcript"].turns] == ["Bash", "Bash"]
    assert response.text.count('<details class="fold">') == 2


def test_it_tells_what_an_old_system_counted_only(staff: Client) -> None:
    session = make_session()
    Session.objects.filter(pk=session.pk).update(stated_interactions=6)
    page = staff.get(url_of(session)).text
    assert "The old system counted 6 interactions that were not handed over." in page


def test_it_marks_what_came_with_a_merge(staff: Client) -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    page = staff.get(url_of(session)).text
    assert f"Came with a merge from session {other.pk}" in page
    assert "Undo" in page


def test_it_leads_from_an_absorbed_session_to_the_one_that_stayed(staff: Client) -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    answer = staff.get(url_of(other), follow=True)
    assert answer.redirect_chain == [(url_of(session), 302)]
    assert f"Session {other.pk} was merged into this one." in answer.text


@pytest.fixture
def long_session() -> Session:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt=f"request {n}") for n in range(1, 251)], actor=ALICE)
    return Session.objects.get(pk=session.pk)


@pytest.mark.parametrize(
    ("query", "first", "last", "before", "after"),
    [
        ("", 1, 100, None, 100),
        ("?after=100", 101, 200, 101, 200),
        ("?after=200", 201, 250, 201, None),
        ("?before=101", 1, 100, None, 100),
        ("?latest=1", 151, 250, 151, None),
        ("?at=150", 146, 245, 146, 245),
        ("?at=1", 1, 100, None, 100),
    ],
)
def test_it_reads_a_long_conversation_in_pieces(
    staff: Client, long_session: Session, query: str, first: int, last: int, before: int | None, after: int | None
) -> None:
    shown = staff.get(url_of(long_session, query)).context["transcript"]
    sequences = [turn.interaction.sequence for turn in shown.turns]
    assert sequences == list(range(first, last + 1))
    assert (shown.before, shown.after) == (before, after)


def test_it_adds_later_pieces_without_the_link_to_earlier_ones(staff: Client, long_session: Session) -> None:
    part = staff.get(url_of(long_session, "?after=100&only=after"), headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "Earlier interactions" not in part
    assert "Later interactions" in part


def test_it_refuses_a_place_that_is_none(staff: Client, long_session: Session) -> None:
    assert staff.get(url_of(long_session, "?at=²")).status_code == 400


def test_it_cuts_a_long_text_and_shows_it_whole_elsewhere(staff: Client) -> None:
    session = make_session()
    log(session, prompt="x" * 20_000 + "END")
    page = staff.get(url_of(session)).text
    assert "END" not in page
    assert "Show all 20,003 characters" in page
    assert "END" in staff.get(url_of(session, "i/1/")).text


def test_it_knows_no_interaction_that_is_not_there(staff: Client) -> None:
    assert staff.get(url_of(make_session(turns=1), "i/2/")).status_code == 404


def test_it_changes_nothing_when_a_resume_link_is_opened(staff: Client) -> None:
    session = make_session(turns=1, idle_days=9)
    page = staff.get(f"/r/{session.pk}").text
    assert Session.objects.get(pk=session.pk).last_activity_at == session.last_activity_at
    assert "Resume this conversation" in page
    assert not AuditEvent.objects.filter(verb="session_resumed").exists()


def test_it_resumes_on_post_and_adds_no_interaction(staff: Client) -> None:
    session = make_session(turns=1, idle_days=9)
    answer = staff.post(url_of(session, "resume/"), follow=True)
    now = Session.objects.get(pk=session.pk)
    assert now.last_activity_at > session.last_activity_at
    assert now.interaction_count == 1
    assert "active again" in answer.text
    assert AuditEvent.objects.get(verb="session_resumed").face == "browser"


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
