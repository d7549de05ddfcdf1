from datetime import UTC, datetime
from typing import Any

import pytest

from sessions.importers.values import count, name_of, parse_time, safe_session_id

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01T12:00:00.000Z",
        "2025-06-01T14:00:00+02:00",
        "2025-06-01T12:00:00",
        "2025-06-01 12:00:00",
        1748779200,
        1748779200.0,
        1748779200000,
    ],
)
def test_it_reads_every_notation_of_a_time(value: Any) -> None:
    assert parse_time(value) == NOON


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "\0", "2025-13-01T00:00:00Z", "10000-01-01T00:00:00Z", "[trimmed for fixture]"),
        *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "1969-12-31T23:59:59Z", "9000-01-01"),
        *(10**30, -(10**30), 1e300, True, None, [], {}),
    ],
)
def test_it_gives_none_for_what_is_no_time(value: Any) -> None:
    assert parse_time(value) is None


@pytest.mark.parametrize("safe", ["a", "s-1_x.y", "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f", "x" * 128])
def test_it_keeps_safe_session_ids(safe: str) -> None:
    assert safe_session_id(safe, "test") == safe


@pytest.mark.parametrize("unsafe", [".hidden", "a/b", "..", "x" * 129, "a b", "ü", "a\n", "a\0", "\ud800"])
def test_it_replaces_unsafe_ones_by_the_same_safe_one_each_time(unsafe: str) -> None:
    made = safe_session_id(unsafe, "test")
    assert made == safe_session_id(unsafe, "test")
    assert safe_session_id(made, "test") == made


def test_it_counts_only_whole_numbers_from_zero() -> None:
    assert [count(value) for value in (0, 7, -1, 1.5, True, "7", None, 2**60)] == [0, 7, *[None] * 6]


def test_a_reason_is_short_and_printable() -> None:
    assert name_of("queue-operation") == "queue-operation"
    assert name_of("a\nb\0\ud800" + "c" * 100) == "a?b??" + "c" * 54 + "…"
    assert name_of(None) == name_of("") == "without a type"
