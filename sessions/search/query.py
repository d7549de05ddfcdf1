"""What somebody typed, as a question: words, phrases, what to leave out, and filters. Pure: no Django.

Nothing of the text reaches a database as syntax: words leave here as terms, filters as values.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sessions.errors import InvalidInput

from . import analysis

MAX_CHARACTERS = 1_000
MAX_WORDS = 40
MAX_PHRASE_TERMS = 64
"""Of a longer phrase its beginning is looked for: passages overlap by so many terms."""
SHORTEST_PREFIX = 2
STATES = ("active", "expired", "held", "trashed", "merged", "all")

# What no database keeps, so that it stands nowhere in what was said.
_NOWHERE = re.compile("[\x00\ud800-\udfff]")
# An optional minus, an optional filter's name, then something in quotes (closed or not) or without blanks.
_PART = re.compile(r'(?P<minus>-?)(?:(?P<name>[A-Za-z]+):)?(?:["“”](?P<quoted>[^"“”]*)(?:["“”]|$)|(?P<bare>[^\s"“”]+))')


class Phrase(NamedTuple):
    """Terms that follow one another; with `prefix` the last one may go on."""

    terms: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One thing to be found: any of these phrases. `text` is what was typed."""

    text: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to find. All words must be there and none of the excluded; filters of one name are alternatives, tags
    must all be there. `since` and `until` are days (UTC): from the one on, up to before the other."""

    text: str = ""
    words: tuple[Word, ...] = ()
    excluded: tuple[Word, ...] = ()
    users: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    models: tuple[Phrase, ...] = ()
    tools: tuple[Phrase, ...] = ()
    sessions: tuple[str, ...] = ()
    state: str = "all"
    since: date | None = None
    until: date | None = None
    errors: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is asked for."""
        return self == Query(text=self.text)

    @property
    def narrows_sessions(self) -> bool:
        """Whether a filter is about the session and not about what was said in it."""
        return bool(self.users or self.tags or self.sources or self.state != "all")


@dataclass(slots=True)
class _Draft:
    """A query while its parts are read."""

    words: list[Word] = field(default_factory=list)
    excluded: list[Word] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    models: list[Phrase] = field(default_factory=list)
    tools: list[Phrase] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    state: str = "all"
    since: date | None = None
    until: date | None = None
    errors: bool = False


def parse(text: str) -> Query:
    """The question in a text. Raises InvalidInput, with a hint, for a filter that makes no sense.

    A quote that is not closed ends with the text; a filter that is not known is a plain word.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput("search", f"is {len(text):,} characters long; at most {MAX_CHARACTERS:,} can be looked for.")
    draft = _Draft()
    for part in _PART.finditer(_NOWHERE.sub(" ", text)):
        _read(draft, part)
    if len({*draft.words, *draft.excluded}) > MAX_WORDS:
        raise InvalidInput("search", f"has more than {MAX_WORDS} words.", hint="A few telling words find more.")
    asked: dict[str, Any] = {name: _frozen(getattr(draft, name)) for name in _Draft.__slots__}
    query = Query(text=text, **asked)
    if query.excluded and query == Query(text=text, excluded=query.excluded):
        raise InvalidInput("search", "only says what to leave out.", hint="Add a word to find, or a filter.")
    return query


def _frozen(value: object) -> object:
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value


def _read(draft: _Draft, part: re.Match[str]) -> None:
    name, quoted = (part["name"] or "").lower(), part["quoted"] is not None
    value = part["quoted"] if quoted else part["bare"]
    if name in _FILTERS:
        if part["minus"]:
            raise InvalidInput(f"-{name}", "leaves nothing out: only words and phrases can be left out.")
        if not (value := value.strip()):
            raise InvalidInput(name, "wants a value.", hint=_HINTS[name])
        _FILTERS[name](draft, value)
        return
    if part["name"] and not quoted:
        value = f"{part['name']}:{value}"
    elif part["name"]:
        _add(draft, part["name"], quoted=False, leave_out=bool(part["minus"]))
    _add(draft, value, quoted=quoted, leave_out=bool(part["minus"]))


def _add(draft: _Draft, value: str, *, quoted: bool, leave_out: bool) -> None:
    word = _word(value, quoted=quoted)
    if word is not None:
        (draft.excluded if leave_out else draft.words).append(word)


def _word(value: str, *, quoted: bool) -> Word | None:
    """A word or phrase as terms; None where there is no letter in it."""
    found = list(analysis.tokens(value))
    terms = tuple(token.term for token in found)[:MAX_PHRASE_TERMS]
    if not terms:
        return None
    prefix = not quoted and value.endswith("*") and len(found) <= MAX_PHRASE_TERMS
    if prefix and len(terms) == 1 and len(terms[0]) < SHORTEST_PREFIX and terms[0].isascii():
        raise InvalidInput("search", f"{value!r} begins too many words.", hint="Write more letters before the star.")
    phrases = [Phrase(terms, prefix)]
    joined = found[0].joined
    # A camelCase word typed alone is also found where it stands in one piece.
    if joined and found[0].joined_end == found[-1].end:
        phrases.append(Phrase((joined,), prefix))
    return Word(value, tuple(phrases))


# --- filters ------------------------------------------------------------------------------------------------


def _value(name: str) -> Callable[[_Draft, str], None]:
    return lambda draft, value: getattr(draft, name).append(value)


def _named(name: str, filter_name: str) -> Callable[[_Draft, str], None]:
    def read(draft: _Draft, value: str) -> None:
        word = _word(value, quoted=False)
        if word is None:
            raise InvalidInput(filter_name, "wants a name.", hint=_HINTS[filter_name])
        getattr(draft, name).append(word.phrases[0])

    return read


def _day(name: str, filter_name: str) -> Callable[[_Draft, str], None]:
    def read(draft: _Draft, value: str) -> None:
        try:
            day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            raise InvalidInput(filter_name, "is not a date.", hint=_HINTS[filter_name]) from None
        setattr(draft, name, day)

    return read


def _state(draft: _Draft, value: str) -> None:
    if value.lower() not in STATES:
        raise InvalidInput("state", "is not known.", hint=_HINTS["state"])
    draft.state = value.lower()


def _is(draft: _Draft, value: str) -> None:
    if value.lower() != "error":
        raise InvalidInput("is", "is not known.", hint=_HINTS["is"])
    draft.errors = True


_FILTERS: dict[str, Callable[[_Draft, str], None]] = {
    "user": _value("users"),
    "tag": _value("tags"),
    "source": _value("sources"),
    "model": _named("models", "model"),
    "tool": _named("tools", "tool"),
    "in": _value("sessions"),
    "before": _day("until", "before"),
    "after": _day("since", "after"),
    "state": _state,
    "is": _is,
}
_HINTS = {
    "user": "Such as user:alice.",
    "tag": 'Such as tag:ci, or tag:"needs review".',
    "source": "Such as source:claude-code.",
    "model": "Such as model:opus.",
    "tool": "Such as tool:Bash.",
    "in": "Such as in: and a session's ID.",
    "before": "It wants a date like 2026-11-22.",
    "after": "It wants a date like 2026-11-22.",
    "state": f"Known are {', '.join(STATES)}.",
    "is": "Known is is:error.",
}


def days(since: date | None, until: date | None, *, today: date) -> Sequence[str]:
    """The years, months and days that cover a time: 2025, 202601, 20260201. Empty where it is empty.

    What lies more than a year ahead is of no interest; nothing is older than 1970.
    """
    first = max(since or date(1970, 1, 1), date(1970, 1, 1))
    last = min(until or date(today.year + 2, 1, 1), date(today.year + 2, 1, 1))
    found = []
    while first < last:
        if (first.month, first.day) == (1, 1) and date(first.year + 1, 1, 1) <= last:
            found.append(f"{first:%Y}")
            first = date(first.year + 1, 1, 1)
        elif first.day == 1 and (following := _next_month(first)) <= last:
            found.append(f"{first:%Y%m}")
            first = following
        else:
            found.append(f"{first:%Y%m%d}")
            first = date.fromordinal(first.toordinal() + 1)
    return found


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def beginning_with(text: str) -> str:
    """The text with its last word taken for the beginning of one, for answers while somebody types."""
    last = text.rsplit(maxsplit=1)[-1] if text.strip() else ""
    goes_on = last[-1:].isalnum() and len(last) > SHORTEST_PREFIX and ":" not in last and text.count('"') % 2 == 0
    return f"{text.rstrip()}*" if goes_on and not text[-1:].isspace() else text


def wider(query: Query) -> list[str]:
    """Other texts to try where nothing was found: without filters, without quotes, as beginnings of words."""
    words = [word.text.strip("*") for word in query.words]
    plain = " ".join(words)
    # Where every character is a term, a word is found wherever it begins.
    begun = " ".join(
        f"{word}*" if len(word) > SHORTEST_PREFIX and word.isascii() and word[-1:].isalnum() else word for word in words
    )
    quoted = " ".join(f'"{word}"' if " " in word else word for word in words)
    tries = [quoted, plain, begun] if any(" " in word for word in words) else [plain, begun]
    if len(words) > 1:
        tries.append(max(words, key=len))
    return [text for text in dict.fromkeys(tries) if text and text != query.text.strip()]
