"""Marking in shown text the words that were searched for."""

import re
from collections.abc import Iterator, Sequence
from html import escape

_MOST_WORDS = 20
_MOST_MARKS = 500
# Phrases in quotes, and words; what begins with a minus, and what narrows by a field, is not looked for in the text.
_PIECES = re.compile(r'(-?)(?:(\w+):(?="|\S))?(?:"([^"]*)"|(\S+))')
_FIELDS = frozenset({"in", "user", "tag", "before", "after", "since", "source", "model", "kind", "is", "has", "state"})
_MARKUP = re.compile(r"(<[^<>]*>|&#?\w{1,32};)")


def words_of(query: str) -> list[str]:
    """The words and phrases of a search that a text may hold."""
    return list(dict.fromkeys(_pieces(query)))[:_MOST_WORDS]


def _pieces(query: str) -> Iterator[str]:
    for minus, field, phrase, word in _PIECES.findall(query[:1_000]):
        if minus or field.lower() in _FIELDS:
            continue
        text = (phrase or word).strip('*"')
        if text:
            yield f"{field}:{text}" if field else text


def first_place(text: str, words: Sequence[str]) -> int | None:
    """Where the first of the words stands in a text."""
    found = _pattern(words).search(text) if words else None
    return found.start() if found else None


def mark(html: str, words: Sequence[str]) -> str:
    """HTML whose texts have the words in <mark>; tags and character references stay whole."""
    if not words:
        return html
    pattern = _pattern([escape(word, quote=False) for word in words])
    left = _MOST_MARKS
    pieces = _MARKUP.split(html)
    for index in range(0, len(pieces), 2):
        if left <= 0:
            break
        pieces[index], marked = pattern.subn(r"<mark>\g<0></mark>", pieces[index], count=left)
        left -= marked
    return "".join(pieces)


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """The longest first, so that a phrase wins over its words."""
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
