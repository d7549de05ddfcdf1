"""Searching all that was said, and keeping up with it."""

import base64
import binascii
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from django.db import DatabaseError

from sessions.errors import InvalidInput, NotFound
from sessions.models import Session
from sessions.search import index, lookup, query
from sessions.search.engine import engine
from sessions.search.lookup import Place, SearchHit
from sessions.search.query import Query

from .find import get_session
from .identity import resolve_user

log = logging.getLogger(__name__)

MAX_HITS = 100
# What a search settles before it looks; the rest is the worker's, and the answer says that there is one.
_SEARCH_SETTLES_SESSIONS = 200
SEARCH_SETTLES_SECONDS = 0.3
_ROUND_SESSIONS = 500
_ROUND_SECONDS = 1.0

type Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some hits, the best of the latest first, and the cursor to older ones, empty behind the last.

    `behind` are the sessions of which something that was there when the search began is not found yet; 0 means that all
    of it is found. Where more than 200 were, those that came in meanwhile are counted too, up to 201.
    """

    hits: Sequence[SearchHit]
    next_cursor: str
    behind: int
    query: Query


def search(text: str, *, of_user: str = "", in_session: str = "", cursor: str = "", limit: int = 20) -> SearchPage:
    """Look for what was said, asked for as docs/search.md tells; nothing is found by an empty text.

    `of_user` looks in one user's sessions alone, whatever the text says of users, and `in_session` in one session. What
    was acknowledged before is found, unless `behind` says otherwise. Raises InvalidInput, with a hint, for a query that
    makes no sense or a foreign cursor.
    """
    if not 1 <= limit <= MAX_HITS:
        raise InvalidInput("limit", f"must lie between 1 and {MAX_HITS}.")
    asked = query.parse(text)
    place = _read_cursor(cursor) if cursor else Place()
    if asked.is_empty:
        return SearchPage([], "", 0, asked)
    behind = _settle_first()
    looked_for = _as_of_today(asked)
    if of_user:
        if looked_for.users and of_user not in looked_for.users:
            return SearchPage([], "", behind, asked)
        looked_for = replace(looked_for, users=(of_user,))
    if in_session:
        if looked_for.sessions and in_session not in looked_for.sessions:
            return SearchPage([], "", behind, asked)
        looked_for = replace(looked_for, sessions=(in_session,))
    hits, following = lookup.look(looked_for, place, limit)
    return SearchPage(hits, _write_cursor(following) if following else "", behind, asked)


def suggest_sessions(text: str, *, limit: int = 7) -> Sequence[Session]:
    """The sessions that fit best while somebody types: by title, ID or text, the last word taken for a beginning.

    A text that makes no sense yet suggests nothing.
    """
    with suppress(InvalidInput):
        hits = search(query.beginning_with(text), limit=5 * limit).hits
        return list({hit.session.pk: hit.session for hit in hits}.values())[:limit]
    return []


def settle_search(*, limit: int = _ROUND_SESSIONS, seconds: float = _ROUND_SECONDS) -> bool:
    """Index what was written since; returns whether more waits."""
    done = index.settle(limit=limit, seconds=seconds)
    if done.sessions and done.left:
        log.info("search_settling", extra={"sessions": done.sessions, "interactions": done.interactions})
    return bool(done.left and done.sessions)


def search_debt() -> int:
    """How many sessions wait to be indexed."""
    return index.in_debt()


def settle_all_search(*, rebuild: bool = False, progress: Progress | None = None) -> int:
    """Index all that waits, or everything anew; returns the number of interactions. May be interrupted at any time."""
    tell = progress or (lambda _: None)
    if rebuild:
        index.forget()
    interactions, told = 0, time.monotonic()
    while True:
        done = index.settle(limit=_ROUND_SESSIONS, seconds=_ROUND_SECONDS)
        interactions += done.interactions
        if not done.sessions:
            return interactions
        if time.monotonic() - told > 1:
            tell(f"{interactions:,} interactions indexed, {index.in_debt():,} sessions wait")
            told = time.monotonic()


def _settle_first() -> int:
    """Settle the debt that is there; how many sessions are left, because there are many or the database is busy."""
    with suppress(DatabaseError), engine().impatient():
        return index.settle(limit=_SEARCH_SETTLES_SESSIONS, seconds=SEARCH_SETTLES_SECONDS, wait=False).left
    return index.in_debt()


def _as_of_today(asked: Query) -> Query:
    """The query with the sessions and users that its names lead to after merges."""
    users = tuple(resolve_user(user) for user in asked.users)
    return _leading_to_survivors(replace(asked, users=users))


def _leading_to_survivors(asked: Query) -> Query:
    """`in:` an absorbed session looks in the one that absorbed it; one that is not there holds nothing."""
    if not asked.sessions:
        return asked
    found = []
    for session_id in asked.sessions:
        with suppress(NotFound):
            found.append(get_session(session_id).pk)
    return replace(asked, sessions=tuple(found) or asked.sessions)


def _write_cursor(place: Place) -> str:
    written = json.dumps([place.below, place.offset])
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        below, offset = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if not (type(below) is int and type(offset) is int and 0 < below < 2**63 and 0 <= offset <= 2 * lookup.WINDOW):
            raise ValueError("not a place in a search")
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidInput("cursor", "is not a cursor of a search.", hint="Start from the first page.") from error
    return Place(below, offset)


__all__ = ["SearchHit", "SearchPage", "search", "search_debt", "settle_all_search", "settle_search", "suggest_sessions"]
