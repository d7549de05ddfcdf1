"""What of an interaction or a session can be found, cut into passages that both databases can hold. Pure: no Django."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

from sessions.records import JSON

from . import analysis
from .analysis import Token
from .query import MAX_PHRASE_TERMS

TERMS = 1_024
"""Terms of a passage."""
MOST_OF_ONE = 255
"""Times that a term may stand in a passage; PostgreSQL remembers no more than 256 places of a word."""
BREAK = "_"
"""Stands between fields, so that no phrase reaches from one into the next; no text can make this term."""

type Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage: the field and the character at which it begins, and its terms with breaks, separated by blanks."""

    field: str
    place: int
    terms: str


type _Placed = tuple[str, Token]

_BREAK = Token(BREAK, 0, 0)


def cut(fields: Fields) -> Iterator[Cut]:
    """The passages of texts by their fields' names, in their order. Texts without a term make none.

    Each begins with the last terms of the one before, so that a phrase over the cut is found.
    """
    whole = _whole(fields)
    if whole is None:
        yield from _in_pieces(fields)
    elif whole.terms:
        yield whole


def _whole(fields: Fields) -> Cut | None:
    """Texts as one passage, as most are, made without looking at each term; None where they need more than one."""
    terms: list[str] = []
    joined: list[str] = []
    first: tuple[str, str] | None = None
    before = False
    for name, text in fields:
        if before:
            terms.append(BREAK)
        before = False
        if text:
            found, humps = analysis.spoken(text)
            before = bool(found)
            first = first or ((name, text) if found else None)
            terms += found
            joined += humps
            if len(terms) > TERMS:
                return None
    if len(terms) > MOST_OF_ONE and max(Counter(term for term in terms if term != BREAK).values()) > MOST_OF_ONE:
        return None
    if first is None:
        return Cut("", 0, "")
    for word in dict.fromkeys(joined):
        terms += [BREAK, word]
    return Cut(first[0], analysis.beginning(first[1]), " ".join(terms))


def _in_pieces(fields: Fields) -> Iterator[Cut]:
    """See `cut`."""
    held: list[_Placed] = []
    counts: dict[str, int] = {}
    fresh = False
    for placed in _placed(fields):
        term = placed[1].term
        if len(held) >= TERMS or counts.get(term, 0) >= MOST_OF_ONE:
            yield _written(held)
            held = held[-(MAX_PHRASE_TERMS - 1) :]
            counts = Counter(token.term for _, token in held if token is not _BREAK)
            fresh = False
        held.append(placed)
        if placed[1] is not _BREAK:
            counts[term] = counts.get(term, 0) + 1
            fresh = True
    if fresh:
        yield _written(held)


def _placed(fields: Fields) -> Iterator[_Placed]:
    before = False
    for name, text in fields:
        if before:
            yield name, _BREAK
        before = False
        for token in analysis.tokens(text):
            before = True
            yield name, token


def _written(held: Sequence[_Placed]) -> Cut:
    """Words in one piece stand behind all else, each by itself, since their parts stand in the text."""
    joined = dict.fromkeys(token.joined for _, token in held if token.joined)
    terms = [token.term for _, token in held]
    for word in joined:
        terms += [BREAK, word]
    field, first = held[0]
    return Cut(field, first.start, " ".join(terms))


# --- what is searched -----------------------------------------------------------------------------------------


class Said(Protocol):
    """What can be found of an interaction."""

    prompt: str
    response: str
    reasoning: str
    tool_name: str
    tool_parameters: JSON
    error_message: str


def said(row: Said) -> Fields:
    """The texts of an interaction, in the order in which they are read."""
    return (
        ("prompt", row.prompt),
        ("tool_name", row.tool_name),
        ("tool_parameters", flat(row.tool_parameters)),
        ("response", row.response),
        ("error_message", row.error_message),
        ("reasoning", row.reasoning),
    )


class Described(Protocol):
    """What can be found of a session beside its interactions."""

    session_id: str
    user_id: str
    title: str
    context_summary: str
    active_topics: Sequence[str]
    notes: Sequence[Mapping[str, JSON]]


def described(session: Described, tags: Iterable[str]) -> Fields:
    """A session's own texts; the title first."""
    return (
        ("title", session.title),
        *(("tag", name) for name in tags),
        ("session_id", session.session_id),
        *(("topic", topic) for topic in session.active_topics),
        ("context_summary", session.context_summary),
        *(("note", str(note.get("text", ""))) for note in session.notes),
        ("user_id", session.user_id),
    )


def flat(value: JSON) -> str:
    """A JSON value as lines of names and values, without the signs and escapes of JSON."""
    return "\n".join(_lines(value, ""))


def _lines(value: JSON, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _lines(item, f"{key}: ")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _lines(item, name)
    elif value is not None and value != "":
        yield f"{name}{value}"


# --- what is filtered by --------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def session_facet(session_id: str) -> str:
    return f"i_{blake2b(session_id.encode(), digest_size=8).hexdigest()}"


def day_facets(moment: datetime) -> Sequence[str]:
    """The year, the month and the day in UTC."""
    return _day_facets(moment.date())


@lru_cache(maxsize=64)
def _day_facets(day: date) -> Sequence[str]:
    return (f"d_{day:%Y}", f"d_{day:%Y%m}", f"d_{day:%Y%m%d}")


@lru_cache(maxsize=64)
def name_facets(kind: str, name: str) -> Sequence[str]:
    """The words of a name, as terms of a kind: `o` for tools, `m` for models."""
    return tuple(f"{kind}_{term}" for term in analysis.terms(name))
