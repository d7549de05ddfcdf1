"""Code in colours: escaped, in few classes, and never for longer than the page has time."""

import time
from html import unescape

import pytest

from sessions.rendering import highlight
from sessions.rendering.highlight import Budget


def test_it_says_what_the_code_says() -> None:
    code = 'if a < b && c > "d":\n    pass  # <script>\n'
    shown = highlight.to_html(code, "py", Budget(1))
    assert "<script>" not in shown
    assert unescape("".join(piece.partition(">")[2] for piece in f">{shown}".split("<"))) == code


@pytest.mark.parametrize("name", sorted(highlight._LEXERS))
def test_it_has_every_lexer_that_it_names(name: str) -> None:
    assert highlight._lexer(name)


def test_it_leaves_plain_what_is_long() -> None:
    assert "<span" not in highlight.to_html("x = 1\n" * 4000, "python", Budget(1))
    assert "<span" not in highlight.to_html("x = " + "1" * 2000, "python", Budget(1))


# The slowest of each that were found.
HARD = [
    ("java", "a b "),
    ("csharp", "a\n"),
    ("cpp", "\n "),
    ("make", "- "),
    ("typescript", "a."),
    ("yaml", "*"),
    ("go", '"\\'),
]


@pytest.mark.parametrize(("name", "piece"), HARD)
def test_it_stops_when_its_time_is_over(name: str, piece: str) -> None:
    code = "\n".join([piece * 100] * 40)[:16_000]
    budget = Budget(0.02)
    start = time.thread_time()
    shown = highlight.to_html(code, name, budget)
    assert time.thread_time() - start < 0.3
    assert shown.count("\n") == code.count("\n")


def test_it_spends_the_budget() -> None:
    budget = Budget(1)
    highlight.to_html("x = 1\n" * 100, "python", budget)
    assert 0 < budget.seconds < 1
