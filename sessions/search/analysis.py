"""How a text becomes terms: the same function for what is stored, what is asked and what is highlighted.

A term is a run of letters and digits, compatibility forms unified, case and accents folded. Identifiers fall apart at
their signs and at the humps of camelCase, so they are phrases of their words; the word in one piece is kept beside
them. In scripts that write no spaces every character is a term, so any part of a sentence is a phrase. Pure: no
Django.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

LONGEST_TERM = 64
"""Characters; what is longer is cut into pieces of this length, which follow one another like words."""

# Thai, Lao; Myanmar; Hangul; Khmer; kana, Bopomofo, Han; and signs that are looked for one by one.
_SINGLE = (
    "\u0e01-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u30fa\u30fc-\u312f\u3131-\u318e"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff\u2600-\u27bf\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
)
_NO_TERM = frozenset("\ufe0e\ufe0f\u200d\u200c")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
# See `_humps`. Beginning with the capital, it is a tenth of the work: most letters are none.
_HUMP = re.compile(r"[A-Z](?:(?<=[a-z0-9][A-Z])|[A-Z][a-z])")
# ASCII's letters in lower case, its digits, and blanks for all else.
_LOWER_WORDS = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))


def _marks() -> str:
    """The marks that belong to the letter before them, as ranges of a character class."""
    found = [code for code in range(0x300, 0x1F000) if unicodedata.category(chr(code))[0] == "M"]
    single = re.compile(f"[{_SINGLE}]")
    kept = [code for code in found if not single.match(chr(code)) and chr(code) not in _NO_TERM]
    ranges: list[list[int]] = []
    for code in kept:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_MARKS = _marks()
_WORD = re.compile(rf"[{_SINGLE}]+|[^\W_{_SINGLE}](?:[^\W_{_SINGLE}]|[{_MARKS}])*")


class Token(NamedTuple):
    """A term and the characters it stands for.

    `joined` is not empty at the first term of a camelCase word: the word in one piece, which ends at `joined_end`.
    """

    term: str
    start: int
    end: int
    joined: str = ""
    joined_end: int = 0


class _Piece(NamedTuple):
    term: str
    start: int
    end: int


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The terms of a text in their order, from a place on that begins one."""
    words = (_ASCII_WORD if text.isascii() else _WORD).finditer(text, start)
    for found in words:
        word, at = found.group(), found.start()
        # Nothing but its case is to be folded: by far the most words of a transcript.
        if word.isascii() and len(word) <= LONGEST_TERM and (word.islower() or word[1:].islower() or word.isupper()):
            yield Token(word.lower(), at, found.end())
            continue
        pieces, joined = (_split if len(word) <= LONGEST_TERM else _split.__wrapped__)(word)
        for place, (term, first, last) in enumerate(pieces):
            if joined and place == 0:
                yield Token(term, at + first, at + last, joined, found.end())
            else:
                yield Token(term, at + first, at + last)


def terms(text: str) -> list[str]:
    """The terms alone."""
    return spoken(text)[0]


def spoken(text: str) -> tuple[list[str], list[str]]:
    """The terms of a text without their places, and its camelCase words in one piece: a tenth of the work."""
    if text.isascii() and not _HUMP.search(text):
        # Nothing but its case is to be folded.
        words = text.translate(_LOWER_WORDS).split()
        if len(max(words, key=len, default="")) <= LONGEST_TERM:
            return words, []
    found: list[str] = []
    joined: list[str] = []
    for token in tokens(text):
        found.append(token.term)
        if token.joined:
            joined.append(token.joined)
    return found, joined


def beginning(text: str) -> int:
    """The character at which the first term of a text begins; 0 where there is none."""
    if text.isascii():
        word = _ASCII_WORD.search(text)
        return word.start() if word else 0
    first = next(tokens(text), None)
    return first.start if first else 0


@lru_cache(maxsize=20_000)
def _split(word: str) -> tuple[tuple[_Piece, ...], str]:
    """A run's terms with their places in it, and the whole in one piece where it has humps."""
    if len(word) > LONGEST_TERM and word.isascii():
        return tuple(_cut(word.lower(), 0)), ""
    if re.match(f"[{_SINGLE}]", word):
        return tuple(_singles(word)), ""
    humps = _humps(unicodedata.normalize("NFKC", word)) if len(word) <= LONGEST_TERM else [word]
    pieces: list[_Piece] = []
    place = 0
    exact = len("".join(humps)) == len(word)
    for hump in humps:
        span = (place, place + len(hump)) if exact else (0, len(word))
        folded = fold(hump)
        pieces.extend(_again(folded, span))
        place += len(hump)
    joined = "".join(piece.term for piece in pieces) if len(humps) > 1 else ""
    return tuple(pieces), joined if len(joined) <= LONGEST_TERM else ""


def fold(text: str) -> str:
    """Compatibility forms unified, case folded, accents taken off; composed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    bare = "".join(sign for sign in unicodedata.normalize("NFD", folded) if not _is_accent(sign))
    return unicodedata.normalize("NFKC", bare)


def _is_accent(sign: str) -> bool:
    """Accents, and the points of Hebrew and Arabic; not the vowels and voicing marks that make another letter."""
    place = unicodedata.combining(sign)
    return place >= 200 or 10 <= place <= 36


def _again(folded: str, span: tuple[int, int]) -> Iterator[_Piece]:
    """What folding made of a word may be several terms, such as a fraction's numbers; all stand for the whole word."""
    for found in _WORD.finditer(folded):
        run = found.group()
        parts = list(run) if re.match(f"[{_SINGLE}]", run) else [piece.term for piece in _cut(run, 0)]
        for part in parts:
            yield _Piece(part, *span)


def _cut(word: str, start: int) -> Iterator[_Piece]:
    for at in range(0, len(word), LONGEST_TERM):
        part = word[at : at + LONGEST_TERM]
        yield _Piece(part, start + at, start + at + len(part))


def _singles(run: str) -> Iterator[_Piece]:
    """One term for each character; a letter and the marks on it may become one, a compatibility form several."""
    start = 0
    for end in range(1, len(run) + 1):
        if end < len(run) and _continues(run[end]):
            continue
        for sign in fold(run[start:end]):
            if not sign.isspace():
                yield _Piece(sign, start, end)
        start = end


def _continues(sign: str) -> bool:
    """Whether a sign belongs to the one before it: a mark, or the later part of a Hangul syllable."""
    return unicodedata.combining(sign) != 0 or sign in "\uff9e\uff9f" or "\u1160" <= sign <= "\u11ff"


def _humps(word: str) -> list[str]:
    """createOrResume becomes create, Or, Resume; HTTPServer becomes HTTP, Server."""
    cuts = [0]
    for at in range(1, len(word)):
        before, here, behind = word[at - 1], word[at], word[at + 1 : at + 2]
        if here.isupper() and (not before.isupper() or behind.islower()):
            cuts.append(at)
    return [word[first:last] for first, last in zip(cuts, [*cuts[1:], len(word)], strict=True) if first < last]
