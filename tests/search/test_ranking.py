"""What comes first."""

from datetime import UTC, datetime, timedelta

from sessions.search.query import parse
from sessions.search.ranking import recency, score


def of(asked: str, terms: str, **where: bool) -> float:
    return score(parse(asked).words, terms, **where)


def test_what_says_it_more_often_comes_first() -> None:
    assert of("seat", "seat and seat") > of("seat", "a seat and more")


def test_what_a_log_repeats_a_thousand_times_counts_as_a_few() -> None:
    assert of("seat", "seat " * 1_000) == of("seat", "seat " * 16) > of("seat", "seat " * 15)


def test_what_stands_together_comes_first() -> None:
    near, far = "the seat on hold", "seat " + "x " * 100 + "hold"
    assert of("seat hold", "seat hold") > of("seat hold", near) > of("seat hold", far)


def test_a_title_comes_before_a_summary() -> None:
    title = of("seat", "seat map _ other", title_first=True, of_session=True)
    assert title > of("seat", "other _ seat map", title_first=True, of_session=True) > of("seat", "seat map other")


def test_it_reads_whole_terms_only() -> None:
    assert of("seat", "seats seated seat") == of("seat", "x y seat")
    assert of("seat*", "seats seated seat") > of("seat*", "x y seat")


def test_newer_comes_first_of_equals() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert recency(now, now) == 1.0
    assert recency(now - timedelta(days=30), now) == 0.5
