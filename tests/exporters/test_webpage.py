"""A conversation as one web page: whole, in order, with every way that it went, and nothing in it that acts."""

import base64
import hashlib
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser

from sessions.exporters import webpage
from sessions.exporters.formats import Conversation
from sessions.records import InteractionKind, InteractionRecord, Note
from tests.exporters.conversations import START, conversation, said, written

REPLY, CALL, RESULT = InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE


class Elements(HTMLParser):
    """The page's elements with their attributes, whether each was closed, and its texts."""

    _VOID = frozenset({"meta", "br", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(*interactions: InteractionRecord, **fields: object) -> str:
    return written(webpage.FORMAT, interactions, **fields)


def order_of(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<article class="turn [^"]*" id="i-(\d+)"', page)]


def test_it_tells_everything_and_closes_what_it_opens() -> None:
    page = page_of(
        said(1, prompt="# Why?\n\nline\nbreak"),
        said(2, kind=REPLY, reasoning="*hm*", response="**So** `it` is", model="m-1", input_tokens=3, output_tokens=4),
        said(3, kind=CALL, tool_name="edit", tool_parameters={"old_string": "a", "new_string": "b", "path": "x.py"}),
        said(4, kind=RESULT, response="done\n", status="error", error_message="it broke"),
        said(5, prompt="both", response="at once", kind=InteractionKind.CONVERSATION_TURN),
        title="A <title>",
        user_id="alice",
        tags=["tea"],
        context_summary="In *short*",
        project_context={"key": "value"},
    )
    elements = Elements(page)
    text = " ".join(" ".join(elements.texts).split())
    assert elements.open == []
    for told in ("A <title>", "alice", "tea", "hm", "So", "m-1", "3 → 4 tokens", "edit", "x.py", "it broke", "at once"):
        assert told in text
    assert "<em>short</em>" in page
    assert '<span class="hl-d">-a' in page
    assert order_of(page) == [1, 2, 3, 4, 5]
    assert text.endswith("End of the session: 5 interactions. Exported from Sessionsite on 2026-01-02 03:04:05 UTC .")


def test_it_lets_nothing_but_its_own_style_be_used() -> None:
    elements = Elements(page_of(said(1, prompt="![x](https://evil.example/x.png) <script>owned()</script>")))
    policy = next(found["content"] for tag, found in elements.found if "http-equiv" in found)
    css = next(text for text in elements.texts if ":root {" in text)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "img", "link", "iframe", "form", "object", "base"}
    assert [name for _, found in elements.found for name in found if name.startswith(("on", "style", "src"))] == []


def test_the_way_that_was_gone_on_comes_first_and_every_other_is_linked() -> None:
    page = page_of(
        said(1, prompt="ask"),
        said(2, parent=1, kind=REPLY, response="first answer"),
        said(3, parent=2, prompt="on"),
        said(4, parent=1, kind=REPLY, response="second answer"),
        said(5, parent=4, prompt="further"),
    )
    assert order_of(page) == [1, 4, 5, 2, 3]
    before, after = page.split('<section id="other-ways"')
    assert '<a href="#i-2" data-place="#2">way 1</a>, <strong>way 2</strong>' in before
    assert '<strong>way 1</strong>, <a href="#i-4" data-place="#4">way 2</a>' in after
    assert after.count('<h3 class="way">') == 1


def test_a_way_that_another_interrupts_is_continued() -> None:
    page = page_of(
        said(1, prompt="ask"),
        said(2, parent=1, kind=REPLY, response="a"),
        said(3, parent=1, kind=REPLY, response="b"),
        said(4, parent=2, prompt="after a"),
        said(5, parent=1, kind=REPLY, response="c"),
    )
    assert order_of(page) == [1, 5, 2, 3, 4]
    assert "Way 1 of 3, continued" in page


def test_many_ways_do_not_make_it_grow_with_their_square() -> None:
    ways = [said(number, parent=1, kind=REPLY, response="x") for number in range(2, 2_002)]
    page = page_of(said(1, prompt="ask"), *ways)
    assert sorted(order_of(page)) == list(range(1, 2_002))
    assert len(page) < 2_500_000


def test_notes_and_pins_stand_above() -> None:
    pinned = said(1, prompt="keep")
    note = Note(id=pinned.id, text="See **this**", author="bob", written_at=START)
    page = page_of(pinned, notes=[note], pins=[pinned.id])
    assert 'Pinned: <a href="#i-1">#1</a>.' in page
    assert "See <strong>this</strong>" in page


def test_a_session_without_interactions_is_a_page_too() -> None:
    assert "End of the session: 0 interactions." in page_of()


def test_it_holds_no_more_than_a_few_interactions_at_a_time() -> None:
    def interactions() -> Iterator[InteractionRecord]:
        return (said(number, prompt=f"{number} " + "word " * 4_000) for number in range(1, 301))

    given = conversation([])
    whole = Conversation(
        header=given.header, merges=[], interactions=interactions, total_interactions=300, exported_at=START
    )
    for _ in webpage.FORMAT.write(given):
        pass
    tracemalloc.start()
    size = sum(len(piece) for piece in webpage.FORMAT.write(whole))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 6_000_000
    assert peak < 2_000_000
