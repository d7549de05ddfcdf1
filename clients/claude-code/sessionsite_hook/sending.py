"""What a transcript has that the site has not, sent in order; what cannot be sent waits on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .memory import Memory, Pending, Sent, names_that_wait
from .site import Away, Refusal, Site, encoded
from .transcripts import Conversation, read

BATCH = 200
BATCH_BYTES = 8 * 1024 * 1024
# Wrong with what is sent, not with who sends it.
_OF_THE_CONTENT = frozenset({400, 409, 413, 422})
_GONE = frozenset({404, 410})
_LEFT_MEANWHILE = frozenset({"session_not_found", "session_trashed"})


class Post:
    """Sends transcripts to a site; `folder` is where it remembers."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._site = site
        self._folder = folder
        self.sent = 0
        self.refused = 0

    def send(self, transcript: Path) -> None:
        """Send what is new in a transcript, and what waits of it.

        Raises Away, and Refusal where the site takes nothing from us: then it waits. Raises Busy.
        """
        memory = Memory.of(transcript, self._folder)
        with memory.alone():
            # Read within the lock: another call may just have sent some of it.
            memory = Memory.of(transcript, self._folder)
            pending, stamp = memory.waiting(), _stamp(transcript)
            if stamp == memory.stamp and not pending:
                return
            for conversation in read(transcript):
                _take_in(pending, conversation, memory.sent.get(conversation.session_id, Sent()))
            self._deliver(memory, pending)
            memory.stamp = stamp
            memory.save()

    def send_waiting(self) -> None:
        """Send what waits of every transcript, whether it is still there or not. Raises as `send` does."""
        for name in names_that_wait(self._folder):
            memory = Memory.named(name, self._folder)
            with memory.alone():
                memory = Memory.named(name, self._folder)
                self._deliver(memory, memory.waiting())

    def _deliver(self, memory: Memory, pending: dict[str, Pending]) -> None:
        try:
            for session_id, one in pending.items():
                self._deliver_session(memory, session_id, one)
        finally:
            memory.keep(pending)

    def _deliver_session(self, memory: Memory, session_id: str, pending: Pending) -> None:
        sent = memory.sent.get(session_id)
        if pending.interactions and sent is None:
            sent = memory.sent[session_id] = Sent(title=pending.start.get("title", ""))
            self._start(memory, session_id, pending)
        while pending.interactions and sent is not None:
            batch = list(_first_batch(pending.interactions))
            self._append(memory, session_id, pending.start, batch)
            del pending.interactions[: len(batch)]
            sent.count, sent.last = sent.count + len(batch), batch[-1].get("idempotency_key", "")
            memory.save()
        if sent is not None and pending.title not in ("", sent.title):
            # The title is of no weight: whoever changed it here wins, and without an answer it comes the next time.
            with suppress(Away, Refusal):
                self._site.entitle(session_id, pending.title)
                sent.title = pending.title

    def _start(self, memory: Memory, session_id: str, pending: Pending) -> None:
        try:
            self._site.start(pending.start)
        except Refusal as refusal:
            del memory.sent[session_id]
            if refusal.status not in _GONE | _OF_THE_CONTENT:
                raise
            refused = list(pending.interactions)
            self._give_up(memory, session_id, refused, refusal)
            pending.interactions.clear()
            memory.sent[session_id] = Sent(len(refused), refused[-1].get("idempotency_key", ""))
        except Away:
            del memory.sent[session_id]
            raise

    def _append(self, memory: Memory, session_id: str, start: dict[str, Any], batch: list[dict[str, Any]]) -> None:
        """Send a batch; what of it is refused for itself is set aside, however little of it that is."""
        try:
            try:
                self._site.append(session_id, batch)
            except Refusal as refusal:
                if refusal.code not in _LEFT_MEANWHILE:
                    raise
                self._site.start(start)
                self._site.append(session_id, batch)
            self.sent += len(batch)
        except Refusal as refusal:
            if refusal.status in _OF_THE_CONTENT and len(batch) > 1:
                middle = len(batch) // 2
                self._append(memory, session_id, start, batch[:middle])
                self._append(memory, session_id, start, batch[middle:])
            elif refusal.status in _OF_THE_CONTENT | _GONE:
                self._give_up(memory, session_id, batch, refusal)
            else:
                raise

    def _give_up(self, memory: Memory, session_id: str, batch: list[dict[str, Any]], refusal: Refusal) -> None:
        self.refused += len(batch)
        memory.set_aside(session_id, batch, str(refusal))


def _take_in(pending: dict[str, Pending], conversation: Conversation, sent: Sent) -> None:
    """Add what a conversation has behind what was sent and what waits already."""
    one = pending.setdefault(conversation.session_id, Pending(conversation.start))
    one.title = conversation.title
    known = sent.count + len(one.interactions)
    last = one.interactions[-1].get("idempotency_key", "") if one.interactions else sent.last
    there = conversation.interactions
    is_behind = 0 < known <= len(there) and there[known - 1].get("idempotency_key", "") == last
    # A transcript that is another one than before is sent from its beginning: the site recognises what it has.
    one.interactions += there[known:] if is_behind else there


def _first_batch(interactions: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    room = BATCH_BYTES
    for number, one in enumerate(interactions[:BATCH]):
        room -= len(encoded(one))
        if number and room < 0:
            return
        yield one


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
