"""Choosing what to merge: who could be chosen, who survives by default, and what stands in the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sessions.errors import MergeRefused, NotFound, SessionsiteError
from sessions.mirror.layout import is_safe_id
from sessions.models import Session
from sessions.querysets import SessionQuerySet

from .find import get_session
from .merge_preview import MergePreview, preview_of
from .search import suggest_sessions

_OFFERED = 20
# Sorts behind every text that begins alike.
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class MergeBoard:
    """What was chosen so far, the survivor first, and what a merge of it would do.

    `survivor` is None while nothing is chosen, `preview` while there are less than two or something stands in the
    way, which `refusals` tell.
    """

    sessions: Sequence[Session]
    survivor: Session | None
    preview: MergePreview | None
    refusals: Sequence[SessionsiteError]


def merge_board(session_ids: Iterable[str], *, survivor_id: str = "") -> MergeBoard:
    """Look at what was chosen. An absorbed session's ID stands for the one that it leads to. Changes nothing."""
    refusals: list[SessionsiteError] = []
    chosen: dict[str, Session] = {}
    for session_id in [*session_ids, *([survivor_id] if survivor_id else [])]:
        try:
            session = get_session(session_id)
        except NotFound as error:
            refusals.append(error)
        else:
            chosen[session.pk] = session
            survivor_id = session.pk if session_id == survivor_id else survivor_id
    if not chosen:
        return MergeBoard([], None, None, refusals)
    survivor = chosen.pop(survivor_id) if survivor_id in chosen else chosen.pop(likely_survivor(chosen.values()).pk)
    sessions = [survivor, *chosen.values()]
    preview = None
    if chosen:
        try:
            preview = preview_of(sessions)
        except MergeRefused as error:
            refusals.append(error)
    return MergeBoard(sessions, survivor, preview, refusals)


def likely_survivor(sessions: Iterable[Session]) -> Session:
    """The session with most interactions, of equals the oldest.

    It is what the conversation mostly is: its title and summary fit best, and the least has to move.
    """
    return min(sessions, key=lambda session: (-session.interaction_count, session.created_at, session.pk))


def mergeable_sessions(text: str, *, beside: Sequence[Session], limit: int = _OFFERED) -> list[Session]:
    """Sessions that could be merged with those chosen: by ID, link, user, title or what was said; the best first.

    Without a text the latest of the same users, or the latest of all.
    """
    taken = {session.pk for session in beside}
    found: dict[str, Session] = {}
    for rows in _offers(text.strip(), beside, limit + len(taken)):
        for row in rows:
            if row.pk not in taken and row.trashed_at is None and row.merged_into_id is None:
                found.setdefault(row.pk, row)
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


def _offers(text: str, beside: Sequence[Session], limit: int) -> Iterable[Iterable[Session]]:
    latest = Session.objects.live().order_by("-last_activity_at", "-session_id")
    if not text:
        users = dict.fromkeys(session.user_id for session in beside)
        yield from (latest.filter(user_id=user)[:limit] for user in users)
        if not users:
            yield latest[:limit]
        return
    session_id = text.rstrip("/").rsplit("/", 1)[-1]
    if is_safe_id(session_id):
        yield _beginning_with("session_id", session_id).order_by("session_id")[:limit]
    yield _beginning_with("user_id", text).order_by("-user_id", "-last_activity_at", "-session_id")[:limit]
    yield suggest_sessions(text, limit=_OFFERED)


def _beginning_with(field: str, text: str) -> SessionQuerySet:
    """Live sessions of which a field begins so; by the index, which both databases sort by code point."""
    return Session.objects.live().filter(**{f"{field}__gte": text, f"{field}__lt": text + _LAST})


__all__ = ["MergeBoard", "likely_survivor", "merge_board", "mergeable_sessions"]
