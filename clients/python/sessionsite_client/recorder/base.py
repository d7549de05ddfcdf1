"""What both recorders have in common: how something comes to wait, and what is known of its way."""

import logging
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Unpack

from ..conversation import Conversation
from ..errors import ClientError, NotSpooled, Refused
from ..shapes import InteractionFields
from ..transport import Site
from ..verbs.sessions import SessionStart, start_body
from .delivery import Delivery
from .items import log_line, start_line
from .stores import Memory, Store, Stretch

log = logging.getLogger("sessionsite_client")

MOST_ITEMS = 512
MOST_BYTES = 1024 * 1024
LINGER_SECONDS = 0.2
MOST_PAUSE_SECONDS = 30.0
MOST_BEGUN_BYTES = 1024 * 1024
_FIRST_PAUSE_SECONDS = 0.2

SpoolChoice = str | PathLike[str] | bool | None
Trouble = Callable[[ClientError], None]


def open_store(spool: SpoolChoice, site: Site, *, fsync: bool) -> Store:
    """Where what waits is kept: in a folder, in the usual one for None or True, for False in memory alone.

    Raises NotSpooled.
    """
    if spool is False:
        return Memory()
    try:
        from .spool import Spool, default_root, folder_of
    except ImportError as error:
        raise NotSpooled("This system has no file locks as the spool needs them; use `spool=False`.") from error
    root = default_root() if spool is None or spool is True else Path(spool)
    return Spool(folder_of(root, site), site, fsync=fsync)


class Recording:
    """A queue in front of a server. What is recorded waits until it is sent; nothing is lost on the way.

    `trouble` is why nothing can be sent at present, None where all is well; `rejected` counts what was set aside
    because it will never be stored as it is.
    """

    def __init__(self, site: Site, store: Store, *, linger_seconds: float, on_trouble: Trouble | None) -> None:
        self.site = site
        self.trouble: ClientError | None = None
        self.rejected = 0
        self._store = store
        self._linger_seconds = linger_seconds
        self._on_trouble = on_trouble
        self._failed_attempts = 0
        # The sessions begun last: a forked child's queue may be sent before the one in which they are begun.
        self._begun: OrderedDict[str, bytes] = OrderedDict()
        self._begun_bytes = 0
        self._remembering = threading.Lock()
        self._inherited: dict[str, bytes] = {}

    @property
    def pending(self) -> int:
        """How many sessions and interactions wait to be sent."""
        return self._store.pending

    def record(self, session_id: str, **fields: Unpack[InteractionFields]) -> str:
        """Have an interaction logged soon; its idempotency key. It counts as said now, where nothing else is said.

        Raises TypeError or ValueError for what JSON cannot hold, and NotSpooled where it cannot be kept.
        """
        line, key = log_line(session_id, fields)
        if start := self._inherited.get(session_id):
            self._keep(start)
            self._inherited.pop(session_id, None)
        self._keep(line)
        return key

    def session(self, session_id: str | None = None, **given: Unpack[SessionStart]) -> str:
        """Have a session begun, or gone on with, before what is recorded for it; its ID, which is random if not given.

        A session that is known already is resumed.
        """
        body = start_body(session_id, {**given, "if_exists": "resume"})
        line, name = start_line(body), str(body["session_id"])
        self._keep(line)
        self._inherited.pop(name, None)
        self._remember(name, line)
        return name

    def conversation(self, session_id: str | None = None, **given: Unpack[SessionStart]) -> Conversation:
        """`with recorder.conversation(user_id="alice") as chat: chat.turn(prompt, response)`."""
        return Conversation(lambda: self.session(session_id, **given), self.record)

    def _keep(self, line: bytes) -> None:
        raise NotImplementedError

    def _remember(self, name: str, line: bytes) -> None:
        with self._remembering:
            self._begun_bytes += len(line) - len(self._begun.pop(name, b""))
            self._begun[name] = line
            while self._begun_bytes > MOST_BEGUN_BYTES:
                _, oldest = self._begun.popitem(last=False)
                self._begun_bytes -= len(oldest)

    def _inherit(self) -> None:
        """In a forked child: begin again what the parent began, each session once something is recorded for it."""
        self._remembering = threading.Lock()
        self._inherited = dict(self._begun)

    def _next(self) -> Stretch | None:
        return self._store.read(MOST_ITEMS, MOST_BYTES)

    def _is_full(self) -> bool:
        return self.pending >= MOST_ITEMS

    def _finish(self, stretch: Stretch, delivery: Delivery) -> None:
        """A stretch is sent; what of it was refused is set aside. Raises NotSpooled: try again."""
        try:
            if delivery.rejected:
                self._set_aside(delivery)
            self._store.confirm(stretch)
        except OSError as error:
            raise NotSpooled(f"The spool cannot be written: {error.strerror}.") from error
        if self.trouble is not None:
            log.info("sessionsite_is_back", extra={"pending": self.pending})
        self.trouble, self._failed_attempts = None, 0

    def _set_aside(self, delivery: Delivery) -> None:
        self._store.set_aside(delivery.rejected)
        self.rejected += len(delivery.rejected)
        codes = sorted({one.code for one in delivery.rejected})
        log.error("interactions_set_aside", extra={"count": len(delivery.rejected), "codes": codes})
        delivery.rejected.clear()

    def _note(self, trouble: ClientError) -> float:
        """Remember why nothing goes on; how long to wait, in seconds."""
        self._failed_attempts += 1
        if type(trouble) is not type(self.trouble):
            log.warning("sessionsite_takes_nothing", extra={"why": str(trouble), "pending": self.pending})
            if self._on_trouble is not None:
                self._on_trouble(trouble)
        self.trouble = trouble
        stated = trouble.retry_after_seconds if isinstance(trouble, Refused) else None
        usual: float = min(MOST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(self._failed_attempts - 1, 10))
        return max(stated or 0.0, usual * random.uniform(0.5, 1))  # noqa: S311


def deadline(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout
