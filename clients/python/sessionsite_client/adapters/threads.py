"""A framework's conversation as a session: found, begun, written to, deleted, and begun anew.

What is deleted goes to the trash with the tag `deleted`, and whoever writes to the same conversation afterwards begins
its next generation (`<id>.g2`), so that nothing comes back with it. A session that lies in the trash without that tag
was put there by a cleanup: it is still the conversation, and writing to it brings it back. A restored one is the
conversation again, as long as no later generation has begun.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Conflict, NotFound, Purged, Refused, ScopeMissing
from ..requests import Steps, ask, encoded
from ..shapes import Interaction, Logged, LoggedInteraction, Session, SessionLine
from ..verbs import interactions as verbs
from ..verbs import sessions as session_verbs
from ..verbs.sessions import SessionStart

DELETED = "deleted"
_GENERATION = re.compile(r"\.g([1-9][0-9]{0,8})")
_MOST_GENERATIONS = 1_000
_ATTEMPTS = 3
# Keys stand in the address of a request, of which servers take some thousand characters.
_MOST_KEY_CHARACTERS = 2_500
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation is, or would begin: `session` is None where there is none yet."""

    session_id: str
    session: Session | None = None


@dataclass
class Thread:
    """One conversation. `start` is what its session begins with."""

    base_id: str
    start: SessionStart = field(default_factory=SessionStart)
    _known: str = ""

    def locate(self) -> Steps[Place]:
        """Where it is now, asked anew: other programs may have deleted it."""
        first: Session | None = None
        gone = False
        try:
            first = yield from ask(session_verbs.get_session(self.base_id))
        except Purged:
            gone = True
        except NotFound:
            # To a token that is bound to a user, what was purged is as unknown as what never was.
            pass
        if first is not None:
            if DELETED not in first.tags:
                return Place(first.session_id, first)
            gone = first.state == "trashed"
        number, line = yield from self._latest_generation()
        if line is None:
            return Place(self._id(2)) if gone else Place(self.base_id, first)
        if is_deleted(line):
            return Place(self._id(number + 1))
        session = yield from ask(session_verbs.get_session(line.session_id))
        return Place(session.session_id, session)

    def append(self, interactions: Sequence[dict[str, Any]]) -> Steps[Logged]:
        """Store interactions in their order, where the conversation is; what is there by its key stays as it is."""
        prepared = [verbs.prepared(one) for one in interactions]
        for attempt in range(1, _ATTEMPTS + 1):
            session_id = self._known or (yield from self._ready())
            try:
                logged = yield from append_new(session_id, prepared)
            except (Conflict, NotFound) as refusal:
                self._known = ""
                # It was deleted, or cleaned up, since we knew it.
                moved = isinstance(refusal, NotFound) or refusal.code == "session_trashed"
                if attempt == _ATTEMPTS or not moved:
                    raise
            else:
                self._known = session_id
                return logged
        raise AssertionError

    def delete(self, reason: str) -> Steps[bool]:
        """Put it into the trash; whether there was any. Raises ScopeMissing where the token may not."""
        place = yield from self.locate()
        if place.session is None:
            return False
        self._known = ""
        yield from delete_session(place.session_id, reason, trashed=place.session.state == "trashed")
        return True

    def _ready(self) -> Steps[str]:
        """The session to write to, begun or brought back where it must be."""
        place = yield from self.locate()
        if place.session is not None:
            if place.session.state == "trashed":
                yield from ask(session_verbs.resume(place.session_id))
            return place.session_id
        session_id = place.session_id
        for number in range(self._number(session_id) + 1, _MOST_GENERATIONS):
            try:
                started: SessionStart = {**self.start, "if_exists": "resume"}
                session = yield from ask(session_verbs.start_session(session_id, **started))
            except Purged:
                session_id = self._id(number)
            else:
                return session.session_id
        raise Conflict(409, code="too_many_generations", detail="This conversation was purged too often.")

    def _latest_generation(self) -> Steps[tuple[int, SessionLine | None]]:
        found: tuple[int, SessionLine | None] = (1, None)
        for line in (yield from sessions_beginning(f"{self.base_id}.g")):
            number = self._number(line.session_id)
            if number > found[0]:
                found = number, line
        return found

    def _id(self, number: int) -> str:
        return self.base_id if number < 2 else f"{self.base_id}.g{number}"

    def _number(self, session_id: str) -> int:
        """Which generation an ID is; 0 for that of another conversation."""
        if session_id == self.base_id:
            return 1
        found = _GENERATION.fullmatch(session_id.removeprefix(self.base_id))
        return int(found[1]) if found else 0


def base_and_generation(session_id: str) -> tuple[str, int]:
    """An ID without its generation, and that."""
    base, dot, last = session_id.rpartition(".")
    found = _GENERATION.fullmatch(dot + last)
    return (base, int(found[1])) if found else (session_id, 1)


def is_deleted(line: SessionLine) -> bool:
    return line.state == "trashed" and DELETED in line.tags


def delete_session(session_id: str, reason: str, *, trashed: bool = False) -> Steps[None]:
    """Put a session into the trash as deleted. Raises ScopeMissing, and Conflict where it is held."""
    if trashed:
        # A cleanup was there before us; what lies in the trash cannot be tagged.
        yield from ask(session_verbs.restore(session_id))
    yield from ask(session_verbs.add_tag(session_id, DELETED))
    try:
        yield from ask(session_verbs.trash(session_id, reason))
    except Refused as refusal:
        yield from ask(session_verbs.remove_tag(session_id, DELETED))
        if isinstance(refusal, ScopeMissing):
            refusal.hint = "Deleting a conversation needs a token of the scope admin; nothing was deleted."
        raise


def sessions_beginning(prefix: str) -> Steps[list[SessionLine]]:
    """All sessions whose IDs begin so, wherever in their lives."""
    found: list[SessionLine] = []
    cursor = ""
    while True:
        page = yield from ask(session_verbs.list_sessions(prefix=prefix, state="all", limit=500, cursor=cursor))
        found += page.sessions
        cursor = page.next_cursor
        if not cursor:
            return found


def append_new(session_id: str, interactions: Sequence[dict[str, Any]]) -> Steps[Logged]:
    """Store prepared interactions; one whose key the session knows stays as it is there, whatever is said now."""
    if not interactions:
        return Logged(session_id=session_id, added=0, interactions=[])
    added = 0
    told: list[LoggedInteraction] = []
    stored_in = session_id
    pairs = [(one["idempotency_key"], encoded(one)) for one in interactions]
    for batch in verbs.in_batches(body for _, body in pairs):
        keys, pairs = [key for key, _ in pairs[: len(batch)]], pairs[len(batch) :]
        logged = yield from _append_batch(session_id, keys, batch)
        stored_in, added = logged.session_id, added + logged.added
        told += logged.interactions
    return Logged(session_id=stored_in, added=added, interactions=told)


def _append_batch(session_id: str, keys: Sequence[str], batch: Sequence[bytes]) -> Steps[Logged]:
    try:
        return (yield from ask(verbs.append(session_id, batch)))
    except Conflict as refusal:
        if refusal.code != "idempotency_conflict":
            raise
    known = yield from _known_keys(session_id, keys)
    rest = [body for key, body in zip(keys, batch, strict=True) if key not in known]
    if not rest:
        return Logged(session_id=session_id, added=0, interactions=[])
    return (yield from ask(verbs.append(session_id, rest)))


def _known_keys(session_id: str, keys: Sequence[str]) -> Steps[set[str]]:
    known: set[str] = set()
    waiting = list(dict.fromkeys(keys))
    while waiting:
        some: list[str] = []
        length = 0
        while waiting and (not some or length + len(waiting[-1]) < _MOST_KEY_CHARACTERS):
            some.append(waiting.pop())
            # `&key=`, and some that take three characters.
            length += 3 * len(some[-1]) + 5 if not some[-1].isalnum() else len(some[-1]) + 5
        page = yield from ask(verbs.list_interactions(session_id, keys=some, limit=500))
        known.update(one.idempotency_key for one in page.interactions if one.idempotency_key is not None)
    return known


def read_after(session_id: str, after: int = 0, *, page: int = _PAGE) -> Steps[list[Interaction]]:
    """All interactions behind a sequence, with their sources."""
    found: list[Interaction] = []
    position: int | None = after
    while position is not None:
        some = yield from ask(verbs.list_interactions(session_id, after=position, limit=page, include_source=True))
        found += some.interactions
        position = some.after
    return found


def walk_back(session_id: str, look: Callable[[Interaction], bool], *, page: int = _PAGE) -> Steps[None]:
    """Show interactions, the last first, until `look` has seen enough and says False."""
    position: int | None = verbs.NEWEST
    while position is not None:
        some = yield from ask(verbs.list_interactions(session_id, before=position, limit=page, include_source=True))
        for one in reversed(some.interactions):
            if not look(one):
                return
        position = some.before
