"""Tools' output, parameters, and the words that were searched for."""

import time

import pytest

from sessions.rendering import marking, plain, tools
from sessions.rendering.highlight import Budget


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("a\r\nb", "a\nb"),
        ("bell\x07\x08", "bell"),
        ("\x9b1mbold", "bold"),
        ("\ttab\n", "\ttab\n"),
    ],
)
def test_it_leaves_out_what_only_a_terminal_understands(text: str, shown: str) -> None:
    assert plain.without_escapes(text) == shown


@pytest.mark.parametrize("piece", ["\x1b]", "\x1b[", "\x1bP;", "\r", "\x9b1"])
def test_it_strips_a_megabyte_of_escapes_quickly(piece: str) -> None:
    start = time.thread_time()
    plain.without_escapes(piece * 300_000)
    assert time.thread_time() - start < 1.5


def test_it_names_embedded_files() -> None:
    text = '{"data": "data:image/png;base64,' + "A" * 4000 + '"}'
    assert tools.as_json(text) == '{"data": "data:image/png;size=3000"}'


def test_it_shows_an_edit_as_its_difference() -> None:
    edit = {"file_path": "a.py", "old_string": "one\ntwo", "new_string": "one\n2"}
    assert tools.diff_of(edit).splitlines()[1:] == [" one", "-two", "+2"]
    assert tools.diff_of({"edits": [edit, edit]}).count("-two") == 2


@pytest.mark.parametrize(
    "value",
    [None, {}, [], "text", {"edits": []}, {"edits": [1]}, {"old_string": 1, "new_string": "x"}, {"edits": [{}]}],
)
def test_it_takes_nothing_else_for_an_edit(value: object) -> None:
    assert tools.diff_of(value) == ""


def test_it_is_quick_with_a_large_edit() -> None:
    start = time.thread_time()
    tools.diff_of({"old_string": "a\nb\n" * 900, "new_string": "b\na\n" * 900})
    assert time.thread_time() - start < 0.5


def test_it_colours_a_diff_in_the_output() -> None:
    shown = tools.output_html("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old <b>\n+new\n", Budget(1))
    assert '<span class="hl-d">-old &lt;b&gt;' in shown
    assert "hl-" not in tools.output_html("-old\n+new\n", Budget(1))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("one two", ["one", "two"]),
        ('"one two" -three tag:x in:abc', ["one two"]),
        ("http://x.example", ["http://x.example"]),
        ("user:bob a:b", ["a:b"]),
        ('""', []),
        ("build*", ["build"]),
    ],
)
def test_it_knows_which_words_of_a_search_a_text_may_hold(query: str, words: list[str]) -> None:
    assert marking.words_of(query) == words


def test_it_marks_words_in_texts_and_nowhere_else() -> None:
    html = '<p class="amp">Amp &amp; amps &lt;p&gt;</p>'
    shown = marking.mark(html, ["amp", "p", "lt"])
    assert shown == '<p class="amp"><mark>Amp</mark> &amp; <mark>amp</mark>s &lt;<mark>p</mark>&gt;</p>'


def test_it_leaves_character_references_whole() -> None:
    assert marking.mark("a&lt;b", ["<b"]) == "a&lt;b"
    assert marking.mark("x", []) == "x"
