"""What somebody typed, as a question."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.errors import InvalidInput
from sessions.search.query import MAX_CHARACTERS, Phrase, Query, beginning_with, days, parse, wider


def phrases(query: Query) -> list[str]:
    return [" ".join(word.phrases[0].terms) + "*" * word.phrases[0].prefix for word in query.words]


def test_it_reads_words_phrases_and_what_to_leave_out() -> None:
    query = parse('seat "is held" -ferry -"double booking" thermo* src/app.py')
    assert phrases(query) == ["seat", "is held", "thermo*", "src app py"]
    assert [word.phrases for word in query.excluded] == [(Phrase(("ferry",)),), (Phrase(("double", "booking")),)]


def test_a_camel_case_word_is_a_phrase_or_one_piece() -> None:
    assert parse("createOrResume").words[0].phrases == (
        Phrase(("create", "or", "resume")),
        Phrase(("createorresume",)),
    )
    assert len(parse("app.createOrResume").words[0].phrases) == 1


def test_it_reads_filters() -> None:
    query = parse(
        'user:alice user:"Bob B" tag:ci source:cli model:opus tool:mcp__x in:abc-1 state:Trashed is:error '
        "after:2026-01-02 before:2026-02-03"
    )
    assert (query.users, query.tags, query.sources) == (("alice", "Bob B"), ("ci",), ("cli",))
    assert (query.models, query.tools) == ((Phrase(("opus",)),), (Phrase(("mcp", "x")),))
    assert (query.sessions, query.state, query.errors) == (("abc-1",), "trashed", True)
    assert (query.since, query.until) == (date(2026, 1, 2), date(2026, 2, 3))
    assert query.words == ()


@pytest.mark.parametrize("text", ["", " ", '"', '""', "-", "*", "->", "\0", "()", "“”"])
def test_what_holds_no_letter_asks_nothing(text: str) -> None:
    assert parse(text).is_empty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"not closed', ["not closed"]),
        ("seat:hold", ["seat hold"]),
        ('what:"now then"', ["what", "now then"]),
        ("a AND b OR NEAR(c)", ["a", "and", "b", "or", "near c"]),
        ("“curly quotes”", ["curly quotes"]),
        ("nul\0nul", ["nul"]),
        ("https://example.org/?q=1", ["https example org q 1"]),
    ],
)
def test_it_makes_sense_of_what_is_odd(text: str, expected: list[str]) -> None:
    assert phrases(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("before:yesterday", "a date like 2026-11-22"),
        ("after:2026-13-01", "a date like 2026-11-22"),
        ("state:gone", "active, expired, held, trashed, merged, all"),
        ("is:nice", "is:error"),
        ("tool:()", "tool:Bash"),
        ('user:""', "user:alice"),
        ("-user:bob x", "only words and phrases"),
        ("-only -this", "Add a word to find"),
        ("a*", "more letters"),
        ("x" * (MAX_CHARACTERS + 1), "at most 1,000"),
        ("w " * 41, None),
        (" ".join(f"w{number}" for number in range(41)), "A few telling words"),
    ],
)
def test_it_says_what_makes_no_sense(text: str, told: str | None) -> None:
    if told is None:
        parse(text)
        return
    with pytest.raises(InvalidInput, match=told):
        parse(text)


def test_it_finds_the_beginning_of_a_very_long_phrase() -> None:
    assert len(parse("文" * 900).words[0].phrases[0].terms) == 64


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (date(2025, 12, 30), date(2026, 1, 2), "20251230 20251231 20260101"),
        (date(2025, 1, 1), date(2026, 3, 2), "2025 202601 202602 20260301"),
        (date(2026, 5, 2), date(2026, 5, 2), ""),
        (date(2026, 5, 2), date(2026, 5, 1), ""),
        (date(2026, 11, 30), None, "20261130 202612 2027"),
        (date(1, 1, 1), date(1971, 1, 1), "1970"),
        (date(9999, 1, 1), None, ""),
    ],
)
def test_it_covers_a_time_with_few_days_months_and_years(since: date, until: date | None, expected: str) -> None:
    assert " ".join(days(since, until, today=date(2026, 11, 22))) == expected


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    beginning_with(text)
    with suppress(InvalidInput):
        query = parse(text)
        wider(query)
        assert all(phrase.terms for word in query.words for phrase in word.phrases)


def test_it_takes_the_last_word_for_a_beginning_while_somebody_types() -> None:
    assert beginning_with("ferry boo") == "ferry boo*"
    assert beginning_with("ferry ") == "ferry "
    assert beginning_with('"ferry boo') == '"ferry boo'
    assert beginning_with("user:ali") == "user:ali"


def test_it_proposes_what_else_to_try() -> None:
    assert wider(parse('"seat hold" tag:ci')) == ['"seat hold"', "seat hold", "seat hold*"]
    assert wider(parse("kiln firmware")) == ["kiln* firmware*", "firmware"]
