"""Which of the passages that fit comes first: one function for both databases, of nothing but texts and times. Pure."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from .query import Phrase, Word

_MOST_PLACES = 16
_NEAR_CHARACTERS = 30
_DAYS_TO_HALF = 30.0
_TITLE = 4.0
_OF_SESSION = 1.0


def score(words: Sequence[Word], terms: str, *, title_first: bool = False, of_session: bool = False) -> float:
    """How well a passage fits: how often the words stand in it, how long they are, and how close together.

    `title_first` says that the passage begins with its session's title.
    """
    text = f" {terms} "
    places = [_places(word, text) for word in words]
    total = _OF_SESSION if of_session else 0.0
    for word, found in zip(words, places, strict=True):
        length = max(len(phrase.terms) for phrase in word.phrases)
        total += 1.0 + 0.25 * math.log2(1 + len(found)) + 0.5 * min(length - 1, 4)
    total += sum(_closeness(*pair) for pair in pairwise(places))
    if len(words) > 1 and _occurs(Phrase(tuple(t for word in words for t in word.phrases[0].terms)), text):
        total += 2.0
    if title_first:
        end = text.find(" _ ")
        title = text if end < 0 else text[: end + 1]
        total += _TITLE * sum(any(_occurs(phrase, title) for phrase in word.phrases) for word in words)
    return total


def recency(moment: datetime, newest: datetime) -> float:
    """From 1 for the newest of those that are compared, halved after a month; the wall clock plays no part."""
    age_days = max(0.0, (newest - moment).total_seconds() / 86_400)
    return 1.0 / (1.0 + age_days / _DAYS_TO_HALF)


def _places(word: Word, text: str) -> list[int]:
    return sorted(place for phrase in word.phrases for place in _occurrences(phrase, text))[:_MOST_PLACES]


def _occurrences(phrase: Phrase, text: str) -> list[int]:
    wanted, place = _written(phrase), -1
    found: list[int] = []
    while len(found) < _MOST_PLACES and (place := text.find(wanted, place + 1)) >= 0:
        found.append(place)
    return found


def _occurs(phrase: Phrase, text: str) -> bool:
    return _written(phrase) in text


def _written(phrase: Phrase) -> str:
    return f" {' '.join(phrase.terms)}{'' if phrase.prefix else ' '}"


def _closeness(ones: Sequence[int], others: Sequence[int]) -> float:
    """Up to 1.5 where two words that were typed one after the other stand near each other."""
    if not ones or not others:
        return 0.0
    distance = min(abs(one - other) for one in ones for other in others)
    return 1.5 / (1.0 + distance / _NEAR_CHARACTERS)
