"""What people and agents write as markdown: read as meant, safe whatever it says, and always quick."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.rendering import markdown
from sessions.rendering.highlight import Budget


def html_of(text: str, **options: bool) -> str:
    return markdown.to_html(text, Budget(1), **options)


def test_it_reads_commonmark_with_tables_and_strikethrough() -> None:
    assert "<strong>bold</strong>" in html_of("**bold**")
    assert "<s>gone</s>" in html_of("~~gone~~")
    table = html_of("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<td class="align-right" dir="auto">2</td>' in table
    assert '<div class="table-block" tabindex="0" role="group" aria-label="Table">' in table


def test_it_leaves_the_page_its_own_outline() -> None:
    assert html_of("# One\n### Three") == (
        '<h4 dir="auto" class="level-1">One</h4>\n<h4 dir="auto" class="level-3">Three</h4>\n'
    )


def test_it_keeps_peoples_line_breaks() -> None:
    assert "one<br>" in html_of("one\ntwo", breaks=True)
    assert "<br>" not in html_of("one\ntwo")


def test_it_lets_each_block_have_its_direction() -> None:
    assert html_of("שלום\n\n- one\n\n  two").count('dir="auto"') == 2


def test_it_shows_html_as_text() -> None:
    assert html_of("<b onclick=x>hi</b>") == '<p dir="auto">&lt;b onclick=x&gt;hi&lt;/b&gt;</p>\n'


@pytest.mark.parametrize(
    "url", ["https://a.example/x?y=1&z", "http://a.example", "mailto:a@example.org", "HTTPS://a.example"]
)
def test_it_links_to_pages_and_addresses(url: str) -> None:
    link = html_of(f"[text]({url})")
    assert 'href="' in link
    assert 'rel="noopener noreferrer nofollow"' in link


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#115;cript:alert(1)", "java%0ascript:alert(1)",
        "vbscript:x", "data:text/html,<script>1</script>", "data:image/svg+xml;base64,PHN2Zz4=", "file:///etc/passwd",
        "/sessions/x/trash/", "//evil.example/x", "blob:x", "\x01javascript:alert(1)", "&Tab;javascript:alert(1)",
        "http:/\\evil.example@[", "ftp://a.example", "?latest=1", "#i-1",
    ],
)  # fmt: skip
def test_it_links_to_nothing_else(url: str) -> None:
    for text in (f"[text]({url})", f"[text](<{url}>)", f"<{url}>", f"[text][1]\n\n[1]: {url}"):
        assert not re.search(r'href="(?!https?://|mailto:)', html_of(text))


def test_it_tells_of_images_and_fetches_none() -> None:
    shown = html_of('![a "cat"](https://pictures.example/cat.png) ![](data:image/png;base64,' + "A" * 400 + ")")
    assert "<img" not in shown
    assert 'Image: a "cat" (on pictures.example)' in shown
    assert '<a href="https://pictures.example/cat.png" rel="noopener noreferrer nofollow">' in shown
    assert "Image (image/png, 300 bytes)" in shown


def test_it_links_once_from_a_linked_image() -> None:
    shown = html_of("[![badge](https://a.example/b.png)](https://c.example/)")
    assert shown.count("<a ") == 1
    assert "c.example" in shown


def test_it_names_an_empty_link() -> None:
    assert ">https://a.example</a>" in html_of("[](https://a.example)")


def test_it_colours_code_whose_language_it_knows() -> None:
    shown = html_of("```python\ndef f():\n    return 'x'\n```")
    assert '<span class="hl-k">def</span>' in shown
    assert 'aria-label="Code, python"' in shown
    assert "hl-" not in html_of("```klingon\ndef f(): return 1\n```")


def test_it_says_no_label_of_a_strangers() -> None:
    assert "evil" not in html_of('```evil" onclick="x\ncode\n```').partition("<code>")[0]


HARD = [
    ">", "[", "![", "*", "_", "`", "<", "|", "~", "- ", "1. ", "](", "\\", "&", "a*b ", "*a _b ", "[a](", "|a", "> - ",
    "[]", "`` ` ", "<a ", "&#x", "[a]: b\n", "a\n", "*a **b ", "![[", "~~a ", "# ", "]", "a|b\n-|-\n", "|-|\n", "**",
    "```python\n", "- |\n", "_!", "![a](data:image/png;base64,", "<!--", "<http://a ", "[a](<", "\x1b[", "\u202e", "\n",
    "data:a/b;base64,", "```java\na b ", "=\n-\n", "{", "1 ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HARD)
@pytest.mark.parametrize("length", [8_000, 100_000])
def test_it_is_quick_whatever_it_is_given(piece: str, length: int) -> None:
    text = (piece * length)[:length]
    start = time.thread_time()
    markdown.to_html(text, Budget(0.05))
    # Some 60 ms at most on a quiet machine.
    assert time.thread_time() - start < 0.4


def test_it_shows_as_it_is_what_it_will_not_parse() -> None:
    assert html_of("[" * 100_000) == f'<div class="as-is" dir="auto">{"[" * 100_000}</div>'
    assert html_of("x" * 1_000_000).startswith('<div class="as-is"')
    assert "<table" not in html_of("|a" * 100 + "|\n" + "|-" * 100 + "|")


def test_it_parses_no_more_when_the_budget_is_spent() -> None:
    budget = Budget(0.0)
    assert markdown.to_html("**x**", budget) == '<div class="as-is" dir="auto">**x**</div>'


_ODD = st.text(st.sampled_from("<>[](){}\"'`*_|!&;:/\\#-\n\t ax1=\u202e\u200b\x00\x1b"), max_size=200)
_PIECES = st.sampled_from(
    ["<script>", "</pre>", "javascript:", "](", "![", "`" * 3, "<a href=", "onerror=", "&colon;", "|-|", "\n\n", "<svg"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_ODD, _PIECES), max_size=12).map("".join))
def test_it_makes_only_elements_of_its_own(text: str) -> None:
    shown = markdown.to_html(text, Budget(1), breaks=True)
    allowed = r"/?(a|blockquote|br|code|div|em|h4|hr|li|ol|p|pre|s|span|strong|ul|table|thead|tbody|tr|th|td)"
    for tag in re.findall(r"<([^>]*)>", shown):
        assert re.fullmatch(rf'{allowed}( (class|dir|role|tabindex|aria-label|rel|href|start)="[^"]*")*', tag), tag
