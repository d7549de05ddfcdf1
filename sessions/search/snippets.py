"""What a hit shows: a piece of the live text around what was found. Nothing of the index is ever shown. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import NamedTuple

from . import analysis
from .analysis import Token
from .passages import TERMS, Fields
from .query import Phrase, Word

CHARACTERS = 240
_LEAD = 60
# A passage's terms, and the breaks between its fields.
_MOST_TOKENS = TERMS + 64
_BLANKS = re.compile(r"\s+")


class Piece(NamedTuple):
    """A stretch of a snippet; `found` says that it is what was looked for."""

    text: str
    found: bool


@dataclass(frozen=True, slots=True)
class Snippet:
    """Where something was found, and how it reads there."""

    field: str
    pieces: Sequence[Piece]


class _Span(NamedTuple):
    start: int
    end: int
    word: int


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A field's part of a passage, and what was found in it."""

    field: str
    text: str
    start: int
    spans: Sequence[_Span]

    @property
    def words(self) -> set[int]:
        return {span.word for span in self.spans}


def snippet(fields: Fields, words: Sequence[Word], *, field: str, place: int) -> Snippet | None:
    """The piece that shows most of the words, of the passage that begins at a place of a field.

    None when the text does not hold them all any more: then nothing is to be shown.
    """
    stretches = list(_stretches(fields, words, field, place))
    if not stretches:
        return None
    if not words:
        # A tool's name stands beside the snippet anyway.
        return _shown(next((one for one in stretches if one.field != "tool_name"), stretches[0]))
    if len(set().union(*(one.words for one in stretches))) < len(words):
        return None
    # Of equals the first.
    return _shown(max(stretches, key=lambda one: len(one.words)))


def highlighted(text: str, words: Sequence[Word]) -> Sequence[Piece]:
    """A whole short text with what was found in it."""
    return list(_pieces(text, 0, len(text), _spans(list(analysis.tokens(text)), words)))


def _stretches(fields: Fields, words: Sequence[Word], field: str, place: int) -> Iterator[_Stretch]:
    left = _MOST_TOKENS
    behind = False
    for name, text in fields:
        start = 0
        if not behind:
            if name != field or place > len(text):
                continue
            behind, start = True, place
        found = list(islice(analysis.tokens(text, start), left))
        left -= len(found)
        if found:
            yield _Stretch(name, text, start, _spans(found, words))
        if left <= 0:
            return


def _spans(tokens: Sequence[Token], words: Sequence[Word]) -> list[_Span]:
    """Where the words stand among tokens, in their order, none over another."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, token in enumerate(tokens):
        places[token.term].append(at)
    found = [
        span
        for number, word in enumerate(words)
        for phrase in word.phrases
        for span in _found(tokens, places, phrase, number)
    ]
    return sorted(found)


def _found(tokens: Sequence[Token], places: dict[str, list[int]], phrase: Phrase, number: int) -> Iterator[_Span]:
    first, length = phrase.terms[0], len(phrase.terms)
    starts = places[first] if length > 1 or not phrase.prefix else _beginning(places, first)
    for at in starts:
        here = tokens[at : at + length]
        if len(here) == length and all(
            one.term == term for one, term in zip(here[:-1], phrase.terms[:-1], strict=True)
        ):
            last, wanted = here[-1].term, phrase.terms[-1]
            if last == wanted or (phrase.prefix and last.startswith(wanted)):
                yield _Span(here[0].start, here[-1].end, number)
    if length == 1:
        for token in tokens:
            if token.joined and (token.joined == first or (phrase.prefix and token.joined.startswith(first))):
                yield _Span(token.start, token.joined_end, number)


def _beginning(places: dict[str, list[int]], beginning: str) -> list[int]:
    return [at for term, found in places.items() if term.startswith(beginning) for at in found]


def _shown(stretch: _Stretch) -> Snippet:
    first = _best_start(stretch.spans) if stretch.spans else stretch.start
    start = _word_start(stretch.text, max(0, first - _LEAD), first)
    end = _word_end(stretch.text, start + CHARACTERS)
    pieces = list(_pieces(stretch.text, start, end, stretch.spans))
    if start > 0:
        pieces.insert(0, Piece("…", False))
    if end < len(stretch.text):
        pieces.append(Piece("…", False))
    return Snippet(stretch.field, pieces)


def _best_start(spans: Sequence[_Span]) -> int:
    """The start of the window that holds most different words; of equals the first."""

    def words_from(at: int) -> int:
        limit = spans[at].start + CHARACTERS - _LEAD
        return len({span.word for span in takewhile(lambda span: span.start < limit, spans[at:])})

    return spans[max(range(min(len(spans), 200)), key=words_from)].start


def _pieces(text: str, start: int, end: int, spans: Sequence[_Span]) -> Iterator[Piece]:
    place = start
    for span in spans:
        if span.end <= place or span.start >= end:
            continue
        first, last = max(span.start, place), min(span.end, end)
        if first > place:
            yield Piece(_calm(text[place:first]), False)
        yield Piece(_calm(text[first:last]), True)
        place = last
    if place < end:
        yield Piece(_calm(text[place:end]), False)


def _calm(text: str) -> str:
    return _BLANKS.sub(" ", text)


def _word_start(text: str, start: int, latest: int) -> int:
    """A place behind a blank, where there is one before the latest place."""
    if start == 0:
        return 0
    found = _BLANKS.search(text, start, latest)
    return found.end() if found else start


def _word_end(text: str, end: int) -> int:
    if end >= len(text):
        return len(text)
    cut = max(text.rfind(" ", end - 40, end), text.rfind("\n", end - 40, end))
    return cut if cut > 0 else end
