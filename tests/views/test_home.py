"""The first page: figures that lead to their lists, a chart with its numbers, and the store's health."""

from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.analytics.days import Day, Days
from sessions.models import Session
from sessions.records import InteractionKind
from sessions.views.chart import BOTTOM, TOP, chart, compact, nice_step
from tests.builders import ALICE, log, make_session

pytestmark = pytest.mark.django_db


class Rects(HTMLParser):
    """The drawn rectangles of a class, as (height, title of their day)."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        self.name, self.found, self.title, self.in_title = name, [], "", False  # type: ignore[var-annotated]
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.in_title = tag == "title"
        if tag == "rect" and values["class"] == self.name:
            self.found.append((float(values["height"] or 0), self.title))

    def handle_data(self, data: str) -> None:
        if self.in_title:
            self.title, self.in_title = data, False


def some_days(*interactions: int, errors: int = 0) -> Days:
    today = timezone.now().date()
    return Days([Day(today - timedelta(days=n), number, errors) for n, number in enumerate(interactions)], True)


def test_it_greets_a_first_visitor_with_ways_to_begin(staff: Client) -> None:
    assert "No conversation has arrived yet" in staff.get("/").text


def test_each_figure_leads_to_the_list_behind_it(staff: Client) -> None:
    make_session(turns=1)
    make_session(idle_days=6)
    make_session(idle_days=9)
    page = staff.get("/").text
    for address in (
        "/sessions/?state=active",
        "/cleanup/?view=expiring",
        "/sessions/?state=expired",
        "/sessions/?state=held",
        "/trash/",
        "/users/alice/",
        "/health/",
    ):
        assert f'href="{address}' in page
        assert staff.get(address).status_code == 200


def test_the_drawing_and_the_table_say_the_same(staff: Client) -> None:
    session = make_session(turns=2)
    log(session, kind=InteractionKind.ERROR, error_message="no")
    page = staff.get("/?days=7").text
    assert len(Rects(page, "column").found) == len(Rects(page, "column failed").found) == 1
    assert ": 3 interactions, 1 error" in Rects(page, "column").found[0][1]
    assert '<td class="number">3</td><td class="number">1</td>' in page
    assert "<strong>3</strong> in 7 days" in page


@pytest.mark.parametrize(("asked_for", "period"), [("7", 7), ("365", 365), ("", 30), ("x", 30), ("9999999", 30)])
def test_it_shows_the_period_that_is_asked_for(staff: Client, asked_for: str, period: int) -> None:
    make_session(turns=1)
    answer = staff.get("/", {"days": asked_for})
    assert len(answer.context["days"].days) == period
    assert Rects(answer.text, "place").found[0][0] == BOTTOM


def test_it_answers_htmx_with_the_chart_alone(staff: Client) -> None:
    make_session(turns=1)
    answer = staff.get("/?days=90", headers={"HX-Request": "true"})
    assert '<section id="activity"' in answer.text
    assert "Health of the store" not in answer.text


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [
        ("Asia%2FTokyo", "Asia/Tokyo"),
        ("America/New_York", "America/New_York"),
        ("", "UTC"),
        ("../../etc/passwd", "UTC"),
        ("Mars/Olympus", "UTC"),
        ("x" * 5000, "UTC"),
        ("posixrules\x00", "UTC"),
    ],
)
def test_a_day_is_the_viewers_day(staff: Client, cookie: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_session(turns=1)
    seen: list[object] = []

    def note(number: int, *, now: object, zone: object) -> Days:
        seen.append(zone)
        return some_days(1)

    monkeypatch.setattr("sessions.views.home.interactions_per_day", note)
    staff.cookies["timezone"] = cookie
    assert staff.get("/").status_code == 200
    assert str(seen[0]) == zone
    assert timezone.get_current_timezone_name() == "UTC"


def test_it_says_what_asks_for_a_look(staff: Client) -> None:
    session = make_session(turns=1)
    Session.objects.filter(pk=session.pk).update(mirrored_revision=0, debt_since=timezone.now() - timedelta(hours=2))
    page = staff.get("/").text
    assert "behind for 1 session, the oldest 2 hours" in page
    assert "not heard of yet" in page
    actions.note_worker()
    actions.inspect_mirror(actor=ALICE)
    page = staff.get("/").text
    assert "alive" in page


def test_it_says_that_older_days_are_still_being_counted(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_session(turns=3)
    monkeypatch.setattr("sessions.analytics.days._MOST_UNCOUNTED", 2)
    assert "still being counted" in staff.get("/").text
    monkeypatch.setattr("sessions.analytics.tally.LAG_SECONDS", -1.0)
    actions.count_activity()
    assert "still being counted" not in staff.get("/").text


# --- The drawing ---


@pytest.mark.parametrize(
    ("top", "step"),
    [(0, 1), (1, 1), (3, 1), (5, 2), (9, 5), (40, 10), (41, 20), (999, 500), (1000, 500), (10**6, 500_000)],
)
def test_an_axis_has_round_numbers(top: int, step: int) -> None:
    assert nice_step(top) == step


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0"), (950, "950"), (1500, "1.5k"), (20_000, "20k"), (3_000_000, "3M")]
)
def test_an_axis_says_numbers_short(number: int, said: str) -> None:
    assert compact(number) == said


@pytest.mark.parametrize("top", [0, 1, 7, 99, 100, 12_345])
def test_nothing_is_drawn_beyond_the_axis(top: int) -> None:
    drawn = chart(some_days(top, top // 2, 0))
    assert (drawn.ticks[0].label, drawn.ticks[0].y, drawn.ticks[-1].y) == ("0", BOTTOM, TOP)
    assert all(height <= BOTTOM - TOP for height, _ in Rects(drawn.bars, "column").found)
    assert 2 <= len(drawn.ticks) <= 6


def test_what_is_there_is_seen_however_small() -> None:
    heights = [height for height, _ in Rects(chart(some_days(100_000, 1)).bars, "column").found]
    assert min(heights) >= 1.5


@pytest.mark.parametrize("period", [7, 30, 90, 365])
def test_the_days_that_are_named_fit_a_narrow_page(period: int) -> None:
    named = chart(some_days(*[1] * period)).day_ticks
    assert 3 <= len(named) <= 7
