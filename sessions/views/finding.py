"""Finding within a session: where its interactions hold what is looked for, as a row of jumps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sessions import actions
from sessions.errors import InvalidInput
from sessions.models import Session
from sessions.search.lookup import SearchHit

_MOST_HITS = 100


@dataclass(frozen=True, slots=True)
class Found:
    """The hits in the order of the conversation, and which of them is being read; `problem` is a query's mistake."""

    words: str
    hits: Sequence[SearchHit]
    position: int | None = None
    previous: int | None = None
    following: int | None = None
    has_more: bool = False
    problem: str = ""


def find_within(session: Session, wanted: Mapping[str, str]) -> Found | None:
    """What a query's `q` finds; `at` is where the reader is. None when nothing is looked for."""
    words = wanted.get("q", "").strip()
    if not words:
        return None
    try:
        page = actions.search(words, in_session=session.pk, limit=_MOST_HITS)
    except InvalidInput as error:
        return Found(words, [], problem=str(error))
    if page.query.is_empty:
        return Found(words, [], problem="There is no word in this to look for.")
    by_sequence = {hit.interaction.sequence: hit for hit in reversed(page.hits) if hit.interaction is not None}
    sequences = sorted(by_sequence)
    at = wanted.get("at", "")
    here = int(at) if at.isascii() and at.isdigit() and len(at) < 19 else 0
    return Found(
        words,
        [by_sequence[sequence] for sequence in sequences],
        position=sequences.index(here) + 1 if here in by_sequence else None,
        previous=max((one for one in sequences if one < here), default=None),
        following=min((one for one in sequences if one > here), default=None),
        has_more=bool(page.next_cursor),
    )
