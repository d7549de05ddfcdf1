"""How values look on a page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from sessions.templatetags import sessionsite


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=61), "1 minute ago"),
        (timedelta(hours=2, minutes=50), "2 hours ago"),
        (timedelta(days=29, hours=1), "29 days ago"),
        (-timedelta(days=3, minutes=1), "in 3 days"),
        (timedelta(seconds=1) - timedelta(days=30), "in 30 days"),
        (timedelta(minutes=2) - timedelta(days=30), "in 29 days"),
    ],
)
def test_it_says_a_time_in_words(ago: timedelta, words: str) -> None:
    assert sessionsite.in_words(timezone.now() - ago) == words


@pytest.mark.parametrize(
    ("session_id", "brief"),
    [
        ("0123456789abcdef0123456789abcdef", "0123456789ab…"),
        ("01a22721-366e-75db-8799-1c76bc630d3b", "01a22721-366…"),
        ("sharegpt-identity_17", "sharegpt…tity_17"),
        ("eighteen-characters"[:18], "eighteen-character"),
    ],
)
def test_it_shows_of_an_id_what_tells_it_from_its_neighbours(session_id: str, brief: str) -> None:
    assert sessionsite.brief_id(session_id) == brief


def test_it_says_an_old_time_as_its_date() -> None:
    assert sessionsite.in_words(datetime(2020, 3, 1, tzinfo=UTC)) == "1 Mar 2020"


def test_it_gives_programs_the_exact_time() -> None:
    moment = datetime(2020, 3, 1, 12, 30, 5, 123_456, tzinfo=UTC)
    assert 'datetime="2020-03-01T12:30:05.123Z"' in sessionsite.when(moment)


def test_it_says_nothing_of_a_time_that_is_none() -> None:
    assert (sessionsite.when(None), sessionsite.clock(None)) == ("", "")


@pytest.mark.parametrize(
    ("parameters", "summary"),
    [
        ({"description": "List", "command": "ls -la"}, "ls -la"),
        ({"path": "src/", "pattern": "def  x"}, "def x"),
        ({"other": 1}, '{"other": 1}'),
        ("free text", "free text"),
        (None, ""),
        ({"command": "x" * 500}, "x" * 140 + "…"),
    ],
)
def test_it_tells_a_call_in_one_line(parameters: object, summary: str) -> None:
    assert sessionsite.call_summary(parameters) == summary


def test_it_reads_objects_as_lines_and_lists_in_a_row() -> None:
    assert sessionsite.readable({"a": ["x", "y"], "b": {"c": 1}}) == "a: x, y\nb: c: 1"


@pytest.mark.parametrize(("amount", "words"), [(1_500, "$0.0015"), (12_345_678, "$12.35")])
def test_it_writes_small_costs_exactly(amount: int, words: str) -> None:
    assert sessionsite.dollars(amount) == words
