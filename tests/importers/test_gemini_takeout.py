"""Gemini in Takeout: activities, newest first, grouped by the pauses between them."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sessions.importers.gemini_takeout import text_of

from .builders import asides, drafts, only, sessions
from .telling import FIXTURES, keys, read_json, told

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def activity(title: str, minutes: int, *html: str, **more: Any) -> dict[str, Any]:
    time = (NOON + timedelta(minutes=minutes)).isoformat()
    made = {"header": "Gemini Apps", "title": title, "time": time, "products": ["Gemini Apps"]}
    return made | ({"safeHtmlItem": [{"html": one} for one in html]} if html else {}) | more


def test_it_groups_by_pauses_and_puts_the_oldest_first(tmp_path: Path) -> None:
    events = read_json(
        tmp_path,
        [
            activity("Prompted three", 90),
            activity("Prompted two", 10, "<p>2</p>"),
            activity("Prompted one", 0, "<p>1</p>"),
        ],
    )
    assert told(events) == [("user", "one"), ("agent", "1"), ("user", "two"), ("agent", "2"), ("user", "three")]
    assert [session.title for session in sessions(events)] == ["one", "three"]


def test_a_later_export_adds_what_is_new_to_the_same_sessions(tmp_path: Path) -> None:
    before = [activity("Prompted two", 10), activity("Prompted one", 0)]
    earlier, later = read_json(tmp_path, before), read_json(tmp_path, [activity("Prompted three", 20), *before])
    assert keys(earlier) < keys(later)
    assert len(sessions(later)) == 1


@pytest.mark.parametrize(
    ("title", "html", "expected"),
    [
        ("Prompted hello", (), [("user", "hello")]),
        ("Eingegebener Prompt: hallo", ("<p>Tag</p>",), [("user", "hallo"), ("agent", "Tag")]),
        ("Preguntaste hola", ("<p>Buenas</p>",), [("user", "Preguntaste hola"), ("agent", "Buenas")]),
        ("Gave feedback: Good response", (), [("turn", "Gave feedback: Good response")]),
        ("Prompted hello", ("<p>a</p>", "<p>b</p>"), [("user", "hello"), ("agent", "a\n\nb")]),
    ],
)
def test_it_tells_prompts_from_other_activities(
    tmp_path: Path, title: str, html: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert told(read_json(tmp_path, [activity(title, 0, *html)])) == expected


def test_it_keeps_what_has_no_readable_time(tmp_path: Path) -> None:
    events = read_json(tmp_path, [activity("Prompted when", 0, time="not a time"), activity("Prompted now", 0)])
    assert told(events) == [("user", "now"), ("user", "when")]
    assert drafts(events)[1].metadata["unreadable_time"] == "not a time"


def test_it_notes_files_and_sets_other_products_aside(tmp_path: Path) -> None:
    with_files = activity("Prompted look", 0, imageFile="a.png", attachedFiles=["b.pdf"], audioFile="c.mp3")
    search = {"header": "Search", "title": "Searched for pizza", "time": NOON.isoformat(), "products": ["Search"]}
    events = read_json(tmp_path, [with_files, search])
    metadata = drafts(events)[0].metadata
    assert [file["path"] for file in metadata["attachments"]] == ["a.png", "b.pdf", "c.mp3"]
    assert [aside.reason for aside in asides(events)] == ["an activity of another product"]


def test_it_makes_text_of_html() -> None:
    html = "<h2>Dough</h2><p>Mix <b>well</b> &amp; rest.</p><ol><li>one</li><li>two</li></ol><script>x()</script>"
    assert text_of(html + "<pre><code>a  b</code></pre>") == (
        "## Dough\n\nMix well & rest.\n\n1. one\n2. two\n\n```\na  b\n```"
    )


@pytest.mark.parametrize("html", ["<a " * 200_000, "<" * 500_000, "<!--" * 200_000, "&#" * 500_000, " " * 500_000])
def test_no_html_takes_long(html: str) -> None:
    began = datetime.now(UTC)
    text_of(html)
    assert datetime.now(UTC) - began < timedelta(seconds=2)


def test_it_reads_a_takeout_made_by_others() -> None:
    events = list(only(FIXTURES / "gemini-takeout" / "chatlore__MyActivity.json").read())
    assert len(sessions(events)) == 4
    assert told(events)[1] == ("agent", "Here is a simple recipe:\n\n- 500 g flour\n- 325 g water\n\nMix & rest.")


PAGE = b"""<!DOCTYPE html><html><head><title>My Activity History</title></head><body>%s</body></html>"""
CELL = b'<div class="outer-cell mdl-cell"><p>Gemini Apps</p><div class="content-cell">Prompted hello</div></div>'


@pytest.mark.parametrize("number", [1, 3, 5_000])
def test_of_the_web_page_each_activity_is_named_as_not_read(tmp_path: Path, number: int) -> None:
    path = tmp_path / "MyActivity.html"
    path.write_bytes(PAGE % (CELL * number))
    source = only(path)
    found = asides(list(source.read()))
    assert (source.format_name, len(found), source.records_read) == ("gemini-takeout-html", number, number)
    assert all(b"Prompted hello" in aside.raw and not aside.damaged for aside in found)
    assert {aside.reason for aside in found} == {"an activity in a web page, which is not read: ask Takeout for JSON"}


def test_a_page_of_other_products_is_none_of_these(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(PAGE % CELL.replace(b"Gemini Apps", b"Search"))
    assert only(tmp_path / "page.html").format_name == ""


def test_a_page_that_is_one_long_activity_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(PAGE % (CELL + b"x" * 50_000_000 + CELL))
    tracemalloc.start()
    assert len(asides(list(only(path).read()))) == 2
    assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
    tracemalloc.stop()
