"""The health page."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import Error, Warning
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.mirror import drain, quarantine
from sessions.models import Schedule, Session
from sessions.records import Actor, Face
from tests.builders import ALICE, make_session

pytestmark = pytest.mark.django_db


def test_it_says_that_all_is_well(staff: Client) -> None:
    actions.note_worker()
    assert "Both copies are in step" in staff.get("/health/").text


def test_it_shows_the_debt(staff: Client) -> None:
    Session.objects.create(pk="behind", revision=2, mirrored_revision=1)
    page = staff.get("/health/")
    assert page.context["status"].debt_sessions == 1
    assert "The files are behind the database" in page.text


def test_it_shows_what_was_set_aside_and_why(staff: Client, data_dir: Path) -> None:
    places = drain.layout()
    damaged = places.journal("abc")
    damaged.parent.mkdir(parents=True)
    damaged.write_text("not a journal")
    quarantine.quarantine(places, damaged, key="abc", reason="<b>glued</b> lines")
    page = staff.get("/health/").text
    assert "&lt;b&gt;glued&lt;/b&gt; lines" in page
    assert str(data_dir) not in page.partition("Data directory")[0]


def test_it_shows_the_schedules(staff: Client) -> None:
    Schedule.objects.create(pk="cleanup", next_run_at=timezone.now(), last_error="disk full")
    page = staff.get("/health/").text
    assert "Cleanup" in page
    assert "disk full" in page


def test_it_says_when_no_worker_is_there(staff: Client) -> None:
    assert "No worker was heard of yet" in staff.get("/health/").text
    actions.note_worker()
    assert "No worker was heard of" not in staff.get("/health/").text
    Schedule.objects.filter(pk="worker").update(last_finished_at=timezone.now() - timedelta(minutes=5))
    assert "The worker was last heard of" in staff.get("/health/").text


def test_it_tells_the_last_verify_and_who_made_it(staff: Client, data_dir: Path) -> None:
    assert "Nobody has compared the copies" in staff.get("/health/").text
    Session.objects.create(pk="lost", revision=1, mirrored_revision=1)
    actions.inspect_mirror(actor=ALICE)
    page = staff.get("/health/").text
    assert "1 finding" in page
    assert "<bdi>alice</bdi>" in page


def test_the_diagnostics_hold_no_path_no_name_and_no_text(staff: Client, data_dir: Path) -> None:
    make_session(title="A secret plan", user_id="carla")
    actions.inspect_mirror(actor=Actor("carla", Face.COMMAND))
    Schedule.objects.create(pk="broken", next_run_at=timezone.now(), last_error="A secret plan of carla")
    said = staff.get("/health/").context["diagnostics"]
    assert "SQLite" in said or "PostgreSQL" in said
    assert "broken: last never, failed" in said
    for secret in (str(data_dir), "carla", "secret plan", settings.SECRET_KEY):
        assert secret not in said


def test_the_diagnostics_leave_out_the_notice_that_names_a_folder(
    staff: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = [Error(f"{data_dir} is not writable.", id="sessionsite.E001"), Warning("Odd.", id="sessionsite.W009")]
    monkeypatch.setattr("sessions.views.vitals.run_checks", lambda **_: notices)
    said = staff.get("/health/").context["diagnostics"]
    assert "Notice: sessionsite.W009 Odd." in said
    assert str(data_dir) not in said


def test_it_looks_through_the_quarantine_once(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "count", None)
    assert staff.get("/health/").status_code == 200
