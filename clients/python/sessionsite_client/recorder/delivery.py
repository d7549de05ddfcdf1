"""Sending what waits: in its order within each session, in few requests, and never stopped by one bad item.

A refusal that will be the same tomorrow (400, 404, 409 ...) is narrowed down to the items that cause it, by halves;
they are set aside and all others stored. One that may pass (no answer, 429, 503, a token that is not let in) is
raised: the same `Delivery`, run again, goes on with what is left. Every item has its idempotency key, so that what was
stored without our hearing of it is not stored twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..errors import Conflict, InvalidInput, NotFound, Refused, ScopeMissing, ServerFailed, TooLarge, Unavailable
from ..requests import Steps, ask
from ..shapes import BatchProblem
from ..verbs import interactions as verbs
from ..verbs import sessions as session_verbs
from .items import Log, Rejected, Start, parse

# So often one and the same stretch may meet a mistake of the server's own, before the item that causes it is sought.
MOST_FAILURES = 4
_LASTING = (InvalidInput, NotFound, Conflict, TooLarge)
_PASSING_CODES = frozenset({"mirror_unavailable", "mirror_conflict", "store_unavailable", "too_many_requests"})
# No single interaction is to blame for these.
_WHOLE_SESSION_CODES = frozenset({"session_not_found", "session_purged", "not_found"})
_TRASHED = "session_trashed"
# The token is let in, but not with this item.
_OTHER_USER = "other_user"


@dataclass
class Delivery:
    """Some lines on their way, in their order. `rejected` grows; `failures` counts the mistakes of the server."""

    lines: Sequence[bytes]
    rejected: list[Rejected] = field(default_factory=list)
    failures: int = 0
    _items: dict[int, Start | Log] = field(default_factory=dict)
    _resumed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for place, line in enumerate(self.lines):
            try:
                self._items[place] = parse(line)
            except (ValueError, RecursionError) as error:
                self._reject([place], "not_readable", str(error))

    @property
    def is_done(self) -> bool:
        return not self._items

    def steps(self) -> Steps[None]:
        """Send what is left. Raises Refused and Unreachable for what may pass."""
        try:
            yield from self._start_sessions()
            yield from self._send_all(self._by_session())
        except ServerFailed:
            self.failures += 1
            raise

    # --- sessions -------------------------------------------------------------------------------------------

    def _start_sessions(self) -> Steps[None]:
        """All of them first: a session stands before its interactions anyway."""
        starts = [(place, item) for place, item in self._items.items() if isinstance(item, Start)]
        for place, item in starts:
            try:
                yield from ask(_start(item.body))
            except Refused as refusal:
                if not self._is_lasting(refusal):
                    raise
                self._reject([place], refusal.code, refusal.detail)
            except (TypeError, ValueError) as error:
                # Only what somebody else wrote into the spool cannot even be asked for.
                self._reject([place], "not_readable", str(error))
            else:
                del self._items[place]

    # --- interactions ---------------------------------------------------------------------------------------

    def _by_session(self) -> list[tuple[str, list[int]]]:
        places: dict[str, list[int]] = {}
        for place, item in self._items.items():
            if isinstance(item, Log):
                places.setdefault(item.session_id, []).append(place)
        return list(places.items())

    def _send_all(self, batches: Sequence[tuple[str, list[int]]]) -> Steps[None]:
        """Several sessions in one request; where that is refused as a whole, each by itself."""
        if len(batches) < 2:
            for session_id, places in batches:
                yield from self._send(session_id, places)
            return
        try:
            answer = yield from ask(
                verbs.append_batches([(session_id, self._encoded(places)) for session_id, places in batches])
            )
        except Refused as refusal:
            if not self._is_lasting(refusal):
                raise
            for session_id, places in batches:
                yield from self._send(session_id, places)
            return
        passing: BatchProblem | None = None
        for (session_id, places), result in zip(batches, answer.results, strict=True):
            if result.problem is None:
                self._forget(places)
            elif result.problem.code in _PASSING_CODES:
                passing = result.problem
            else:
                yield from self._mend(session_id, places, result.problem.code, result.problem.detail)
        if passing is not None:
            raise Unavailable(503, code=passing.code, detail=passing.detail, hint=passing.hint)

    def _send(self, session_id: str, places: list[int]) -> Steps[None]:
        """One session's interactions; all of them, or what is to blame for none."""
        try:
            yield from ask(verbs.append(session_id, self._encoded(places)))
        except Refused as refusal:
            if not self._is_lasting(refusal):
                raise
            yield from self._mend(session_id, places, refusal.code, refusal.detail)
        else:
            self._forget(places)

    def _mend(self, session_id: str, places: list[int], code: str, detail: str) -> Steps[None]:
        """After a refusal of all of them: bring the session back, set them aside, or look for the one to blame."""
        if code == _TRASHED and session_id not in self._resumed:
            self._resumed.add(session_id)
            yield from ask(session_verbs.resume(session_id))
            yield from self._send(session_id, places)
        elif len(places) == 1 or code in _WHOLE_SESSION_CODES:
            self._reject(places, code, detail)
        else:
            half = len(places) // 2
            # In this order: the second half may hold answers to the first.
            yield from self._send(session_id, places[:half])
            yield from self._send(session_id, places[half:])

    def _is_lasting(self, refusal: Refused) -> bool:
        if isinstance(refusal, NotFound) and not refusal.code:
            # No Sessionsite said so: the address is wrong, or something else stands there.
            return False
        if isinstance(refusal, ScopeMissing):
            return refusal.code == _OTHER_USER
        failed_often = isinstance(refusal, ServerFailed) and not isinstance(refusal, Unavailable)
        return isinstance(refusal, _LASTING) or (failed_often and self.failures >= MOST_FAILURES)

    def _encoded(self, places: Sequence[int]) -> list[bytes]:
        return [item.interaction for item in self._logs(places)]

    def _logs(self, places: Sequence[int]) -> Iterator[Log]:
        return (cast("Log", self._items[place]) for place in places)

    def _forget(self, places: Sequence[int]) -> None:
        for place in places:
            del self._items[place]

    def _reject(self, places: Sequence[int], code: str, detail: str) -> None:
        for place in places:
            self._items.pop(place, None)
            self.rejected.append(Rejected(self.lines[place], code, detail))


def _start(body: Mapping[str, Any]) -> Any:
    given = {name: value for name, value in body.items() if name != "session_id"}
    return session_verbs.start_session(body.get("session_id"), **given)
