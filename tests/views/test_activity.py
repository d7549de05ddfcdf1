"""The page of the log, and the log as a file."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.models import AuditEvent
from sessions.records import Actor, Face
from sessions.templatetags.activity import WORDS, tell_event
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>"


def text_of(response: Any) -> str:
    return b"".join(response).decode()


def test_it_tells_in_plain_words_with_links(staff: Client) -> None:
    for name in ("ann", "team/anna"):
        make_session(user_id=name)
    actions.merge_users("ann", absorbed="team/anna", actor=ALICE)
    stays, absorbed = make_session(title="The one that stays"), make_session()
    actions.merge_sessions(stays.pk, absorbed=absorbed.pk, actor=ALICE)
    page = staff.get("/activity/").text
    assert 'merged the user <a href="/users/team~2Fanna/"><bdi>team/anna</bdi></a> into' in page
    assert f'href="/sessions/{absorbed.pk}/"' in page
    assert "<bdi>The one that stays</bdi>" in page


def test_it_narrows_by_the_address_and_pages(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.activity.PAGE_EVENTS", 2)
    session = make_session()
    for _ in range(2):
        actions.hold_session(session.pk, actor=Actor("ben", Face.MCP))
        actions.release_hold(session.pk, actor=ALICE)
    answer = staff.get("/activity/", {"actor": "ben", "face": "mcp", "verb": "session_held", "session": session.pk})
    assert [event.verb for event in answer.context["found"].events] == ["session_held"] * 2
    first = staff.get("/activity/", {"session": session.pk})
    part = staff.get("/activity/" + first.context["next_page"], headers=HTMX)
    assert len(part.context["found"].events) == 2
    assert f"session={session.pk}" in part["HX-Push-Url"]
    assert part.text.lstrip().startswith("<section")


def test_it_takes_dates_for_the_viewers_days(staff: Client) -> None:
    make_session()
    today = timezone.now().date()
    assert staff.get("/activity/", {"since": today.isoformat()}).context["found"].events
    assert not staff.get("/activity/", {"before": today.isoformat()}).context["found"].events
    staff.cookies["timezone"] = "Pacific/Kiritimati"
    AuditEvent.objects.update(at=timezone.now().replace(hour=12))
    assert (
        not staff.get("/activity/", {"since": today.isoformat(), "before": today.isoformat()}).context["found"].events
    )


@pytest.mark.parametrize(
    "given",
    [
        {"since": "soon"},
        {"since": "0002-11-29"},
        {"before": "9999-12-31"},
        {"verb": HOSTILE},
        {"face": HOSTILE},
        {"session": "x" * 500},
    ],
)
def test_it_survives_filters_that_make_no_sense(staff: Client, given: dict[str, str]) -> None:
    page = staff.get("/activity/", given)
    assert page.status_code == 200
    assert HOSTILE not in page.text


def test_it_shows_what_strangers_wrote_as_text(staff: Client) -> None:
    for verb in [*WORDS, "never_heard_of"]:
        details = dict.fromkeys(("reason", "user_id", "kept", "account", "role", "tag", "name", "bulk_verb"), HOSTILE)
        AuditEvent.objects.create(
            actor=HOSTILE,
            face="mcp",
            verb=verb,
            session_id="s1",
            details={**details, "absorbed": [HOSTILE] * 9, "names": [HOSTILE] * 9, "fields": None, "sessions": "many"},
        )
    page = staff.get("/activity/").text
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "never heard of" in page
    assert "and 4 more" in page


def test_every_sentence_has_its_places_filled() -> None:
    for verb in WORDS:
        told = tell_event(AuditEvent(verb=verb, session_id="s1", details={}), {})
        assert "{" not in told, verb


def test_it_links_a_session_to_all_that_was_done_to_it(staff: Client) -> None:
    from django.template.loader import render_to_string

    session = make_session()
    events = actions.session_events(session.pk)
    part = render_to_string("sessions/parts/session_activity.html", {"session": session, "events": events})
    assert f'href="/activity/?session={session.pk}"' in part
    assert "began" in part
    assert not render_to_string("sessions/parts/session_activity.html", {"session": session, "events": []}).strip()


def test_it_gives_the_log_out_as_it_is_narrowed(staff: Client) -> None:
    session, _ = make_session(), make_session()
    lines = text_of(staff.get("/activity/activity.jsonl", {"session": session.pk})).splitlines()
    (event,) = [json.loads(line) for line in lines]
    assert (event["actor"], event["verb"], event["session_id"]) == ("alice", "session_created", session.pk)
    answer = staff.get("/activity/activity.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="activity.csv"'
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert [row["verb"] for row in rows] == ["session_created"] * 2


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", " =", "\n="])
def test_no_spreadsheet_takes_a_cell_for_a_formula(staff: Client, sign: str) -> None:
    AuditEvent.objects.create(actor=f'{sign}cmd|"/c calc"!A1', face="mcp", verb="tested", details={"a": "=1"})
    (row,) = csv.DictReader(io.StringIO(text_of(staff.get("/activity/activity.csv"))))
    assert row["actor"] == f'\'{sign}cmd|"/c calc"!A1'
    assert row["details"].startswith("{")


def test_it_knows_no_other_file(staff: Client) -> None:
    assert staff.get("/activity/activity.xls").status_code == 404


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_what_cannot_be_asked_for_is_refused_ahead_of_the_file(staff: Client, kind: str) -> None:
    make_session()
    assert staff.get(f"/activity/activity.{kind}", {"verb": "\0"}).status_code == 400
    # A field that makes no sense narrows nothing, as on the page.
    assert "session_created" in text_of(staff.get(f"/activity/activity.{kind}", {"since": "0002-11-29"}))


def test_it_says_that_nothing_was_done_yet(staff: Client) -> None:
    AuditEvent.objects.all().delete()
    assert "Nothing was changed yet" in staff.get("/activity/").text
    assert "Nothing fits" in staff.get("/activity/", {"actor": "x"}).text
