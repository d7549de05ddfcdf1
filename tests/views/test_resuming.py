"""The resume link: a page for people, the context pack for programs, nothing for those who may see no session."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions import actions, packing, throttle
from sessions.models import AuditEvent, Session
from sessions.records import Scope
from tests.builders import ALICE, draft, make_session

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def token_of(user_id: str) -> dict[str, str]:
    throttle.forget()
    _, secret = actions.create_token("robot", scope=Scope.READ, user_id=user_id, actor=ALICE)
    return {"Authorization": f"Bearer {secret}"}


def url_of(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/{rest}"


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


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", "text/html"),
        ("*/*", "", "text/html"),
        ("image/png", "", "text/html"),
        ("application/json", "", "application/json"),
        ("application/json;q=0.5, text/html", "", "text/html"),
        ("application/json, text/html;q=0.5", "", "application/json"),
        ("text/markdown", "", "text/markdown"),
        ("text/html", "?format=json", "application/json"),
        ("text/html", "?format=md", "text/markdown"),
        ("application/json", "?format=html", "text/html"),
        ("application/json", "?format=other", "application/json"),
    ],
)
def test_it_answers_in_the_form_that_is_wanted(staff: Client, accept: str, query: str, kind: str) -> None:
    session = make_session(turns=1)
    answer = staff.get(f"/r/{session.pk}{query}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"].split(";")[0] == kind
    assert {"Accept", "Cookie", "HX-Request"} <= {name.strip() for name in answer["Vary"].split(",")}


def test_a_program_gets_the_pack_and_resumes_nothing(staff: Client) -> None:
    session = make_session(turns=2, idle_days=9)
    answer = staff.get(f"/r/{session.pk}?max_tokens=2000", headers=JSON)
    pack = json.loads(answer.content)
    assert pack == json.loads(packing.to_json(packing.document(actions.context_pack(session.pk, max_tokens=2000))))
    assert [turn["prompt"] for turn in pack["latest"]] == ["request 1", "request 2"]
    assert "no-store" in answer["Cache-Control"]
    assert Session.objects.get(pk=session.pk).last_activity_at == session.last_activity_at
    assert not AuditEvent.objects.filter(verb="session_resumed").exists()


def test_a_program_goes_on_from_the_cursor(staff: Client) -> None:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt="word " * 50) for _ in range(60)], actor=ALICE)
    first = json.loads(staff.get(f"/r/{session.pk}?max_tokens=1000", headers=JSON).content)
    cursor = first["left_out"]["cursor"]
    earlier = json.loads(staff.get(f"/r/{session.pk}?max_tokens=1000&cursor={cursor}", headers=JSON).content)
    assert earlier["latest"][-1]["sequence"] == first["latest"][0]["sequence"] - 1


@pytest.mark.parametrize("given", ["", "499", "1000001", "x", "-5", "2e3", "²", "9" * 5000, "8000.0"])
def test_it_refuses_a_budget_that_makes_no_sense(staff: Client, given: str) -> None:
    session = make_session(turns=1)
    answer = staff.get(f"/r/{session.pk}", {"max_tokens": given}, headers=JSON)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "invalid_input")
    page = staff.get(f"/r/{session.pk}", {"max_tokens": given})
    assert page.status_code == 200
    assert "Shown is the usual budget" in page.text


def test_the_page_shows_what_an_agent_receives(staff: Client) -> None:
    session = make_session(turns=2, title="Ferries <b>")
    page = staff.get(f"/r/{session.pk}", {"max_tokens": "2000"})
    pack = page.context["pack"]
    assert pack.max_tokens == 2000
    sum_up = f"<strong>{pack.tokens:,}</strong> of 2,000 tokens"
    for text in (sum_up, "# Ferries &lt;b&gt;", "request 2", "curl", "Python"):
        assert text in page.text
    assert sum(row.tokens for row in page.context["rows"]) <= pack.tokens


def test_a_presets_button_wins_over_the_field(staff: Client) -> None:
    session = make_session(turns=1)
    assert staff.get(f"/r/{session.pk}?max_tokens=8000&max_tokens=32000").context["pack"].max_tokens == 32_000


def test_htmx_gets_the_pack_alone(staff: Client) -> None:
    session = make_session(turns=1)
    part = staff.get(f"/r/{session.pk}?max_tokens=2000", headers={"HX-Request": "true", **JSON}).text
    assert part.lstrip().startswith('<div id="pack"')
    assert "<html" not in part


def test_the_ways_to_go_on_name_the_session_and_the_site(staff: Client) -> None:
    """That they work is shown in tests/docs/test_recipes.py."""
    session = make_session(turns=2)
    ways = {way.key: way.text for way in staff.get(f"/r/{session.pk}?max_tokens=2000").context["recipes"]}
    assert list(ways) == ["prompt", "mcp", "curl", "python"]
    assert f"/mcp__sessionsite__resume {session.pk}" in ways["mcp"]
    assert "export SESSIONSITE_URL=http://testserver" in ways["curl"]
    assert f"/api/v1/sessions/{session.pk}/resume" in ways["curl"]
    assert f'client.resume("{session.pk}", max_tokens=2000)' in ways["python"]


def test_it_asks_the_signed_out_to_sign_in(client: Client) -> None:
    session = make_session(turns=1)
    answer = client.get(f"/r/{session.pk}?max_tokens=2000")
    assert answer["Location"] == f"/sign-in/?next=/r/{session.pk}%3Fmax_tokens%3D2000"
    refused = client.get(f"/r/{session.pk}", headers=JSON)
    assert (refused.status_code, refused["Content-Type"]) == (401, "application/problem+json")
    assert json.loads(refused.content)["code"] == "not_signed_in"


def test_to_an_outsider_every_id_is_the_same(outsider: Client) -> None:
    session, purged = make_session(turns=1), make_session(turns=1)
    actions.trash_session(purged.pk, actor=ALICE)
    actions.purge_session(purged.pk, actor=ALICE)
    ids = (session.pk, purged.pk, "unknown", "..x")
    told = {outsider.get(f"/r/{one}", headers=JSON).content.replace(one.encode(), b"ID") for one in ids}
    assert len(told) == 1
    assert json.loads(told.pop())["code"] == "session_not_found"
    assert {outsider.get(f"/r/{one}", headers=JSON).status_code for one in ids} == {404}
    pages = {re.sub(r'csrfmiddlewaretoken" value="\w+', "", outsider.get(f"/r/{one}").text) for one in ids}
    assert len(pages) == 1
    assert {outsider.get(f"/r/{one}").status_code for one in ids} == {403}


def test_it_tells_staff_what_became_of_a_session(staff: Client) -> None:
    unknown = staff.get("/r/unknown", headers=JSON)
    assert unknown.status_code == 404
    assert json.loads(unknown.content) == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is no session 'unknown'.",
        "code": "session_not_found",
        "hint": "Check the ID, or start a new session; none was made.",
    }
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    assert "It lies in the trash" in staff.get(f"/r/{session.pk}").text
    assert json.loads(staff.get(f"/r/{session.pk}", headers=JSON).content)["session"]["state"] == "trashed"
    actions.purge_session(session.pk, actor=ALICE)
    gone = staff.get(f"/r/{session.pk}", headers=JSON)
    assert (gone.status_code, json.loads(gone.content)["code"]) == (410, "session_purged")


def test_it_leads_from_an_absorbed_session_to_the_one_that_stayed(staff: Client) -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    assert f"Session <code>{other.pk}</code> was merged into this one." in staff.get(f"/r/{other.pk}").text
    assert json.loads(staff.get(f"/r/{other.pk}", headers=JSON).content)["session"]["id"] == session.pk


def test_it_gives_a_program_with_a_token_the_pack(client: Client) -> None:
    session = make_session(turns=1, idle_days=9)
    bound = token_of("alice")
    answer = client.get(f"/r/{session.pk}?max_tokens=2000", headers=bound)
    assert answer.json() == packing.document(actions.context_pack(session.pk, max_tokens=2000))
    assert (answer["RateLimit-Remaining"], "Authorization" in answer["Vary"]) == ("5999", True)
    markdown = client.get(f"/r/{session.pk}", headers={**bound, "Accept": "text/markdown"})
    assert markdown["Content-Type"] == "text/markdown; charset=utf-8"
    assert client.get(f"/r/{session.pk}?format=json", headers={**bound, "Accept": "text/markdown"}).json()
    assert Session.objects.get(pk=session.pk).last_activity_at == session.last_activity_at


def test_it_knows_nothing_of_somebody_elses_for_a_token(client: Client) -> None:
    session, bound = make_session(user_id="bob"), token_of("alice")
    told = {client.get(f"/r/{one}", headers=bound).content.replace(one.encode(), b"ID") for one in (session.pk, "x")}
    assert len(told) == 1
    assert json.loads(told.pop())["code"] == "session_not_found"


def test_a_token_that_is_none_is_refused_whoever_is_signed_in(staff: Client) -> None:
    answer = staff.get(f"/r/{make_session().pk}", headers={"Authorization": "Bearer sst_none"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert answer["WWW-Authenticate"].startswith("Bearer ")


def test_a_post_to_the_link_changes_nothing(staff: Client) -> None:
    assert staff.post(f"/r/{make_session().pk}", headers=JSON).status_code == 405


def test_it_adds_up_what_stands_beside_the_transcript(staff: Client) -> None:
    session = make_session(turns=1)
    actions.log_interaction(session.pk, draft(prompt="slow", execution_time_ms=7_325_000.0), actor=ALICE)
    part = staff.get(url_of(session, "measures/"), headers={"HX-Request": "true"}).text
    assert "of 8,000 tokens" in part
    assert "2 h 2 min" in part
    assert "<html" in staff.get(url_of(session, "measures/")).text


def test_it_asks_as_often_with_many_pins_and_notes(staff: Client) -> None:
    session = make_session(turns=3)
    actions.pin_interaction(session.pk, session.interactions.get(sequence=1).pk, actor=ALICE)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            staff.get(url_of(session))
            staff.get(f"/r/{session.pk}")
        counts.append(len(queries))
        drafts = [draft(prompt=f"more {n}") for n in range(60)]
        for row in actions.log_interactions(session.pk, drafts, actor=ALICE):
            actions.pin_interaction(session.pk, row.pk, actor=ALICE)
        for number in range(30):
            actions.add_note(session.pk, f"note {number}", actor=ALICE)
    assert counts[0] == counts[1]
