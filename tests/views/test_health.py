"""The health page."""

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from sessions.mirror import drain, quarantine
from sessions.models import Schedule, Session

pytestmark = pytest.mark.django_db


def test_it_says_that_all_is_well(staff: Client) -> None:
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
    assert str(data_dir) not in page


def test_it_shows_the_schedules(staff: Client) -> None:
    Schedule.objects.create(pk="cleanup", next_run_at=timezone.now(), last_error="disk full")
    page = staff.get("/health/").text
    assert "cleanup" in page
    assert "disk full" in page
