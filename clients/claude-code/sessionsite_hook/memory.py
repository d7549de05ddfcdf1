"""What is remembered of each transcript: how far it was sent, and what waits because it could not be."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .settings import write_private

try:
    import fcntl
except ImportError:  # Windows; what two calls send at once is recognised by its keys
    fcntl = None  # type: ignore[assignment]

LOCK_SECONDS = 5.0


class Busy(Exception):
    """Another call is sending the same transcript; what is new now comes with the next."""


@dataclass(slots=True)
class Pending:
    """What of one session is to be sent: how it begins, what it is called, and interactions in their order."""

    start: dict[str, Any]
    title: str = ""
    interactions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Sent:
    """How far a session of a transcript was sent: how many, the key of the last, and the title that the site knows."""

    count: int = 0
    last: str = ""
    title: str = ""


@dataclass(slots=True)
class Memory:
    """Of one transcript. `stamp` is the file's size and time when all of it had been sent."""

    name: str
    folder: Path
    sent: dict[str, Sent] = field(default_factory=dict)
    stamp: str = ""

    @classmethod
    def of(cls, transcript: Path, folder: Path) -> "Memory":
        name = hashlib.sha256(str(transcript.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return cls.named(name, folder)

    @classmethod
    def named(cls, name: str, folder: Path) -> "Memory":
        memory = cls(name, folder)
        with suppress(OSError, ValueError, TypeError, AttributeError):
            kept = json.loads(memory._file("json").read_text(encoding="utf-8"))
            memory.sent = {session_id: Sent(**one) for session_id, one in kept["sent"].items()}
            memory.stamp = kept["stamp"]
        return memory

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A block that one process at a time is in, for this transcript. Raises Busy."""
        with self._file("lock").open("a", encoding="utf-8") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Busy from None
                    time.sleep(0.05)
            yield

    def save(self) -> None:
        sent = {
            session_id: {name: getattr(one, name) for name in Sent.__slots__} for session_id, one in self.sent.items()
        }
        write_private(self._file("json"), json.dumps({"sent": sent, "stamp": self.stamp}))

    def waiting(self) -> dict[str, Pending]:
        """What could not be sent before, by session."""
        try:
            kept = json.loads(self._file("waiting").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {session_id: Pending(**one) for session_id, one in kept.items()}

    def keep(self, pending: dict[str, Pending]) -> None:
        """Let what is left of it wait; nothing where all was sent."""
        left = {
            session_id: {name: getattr(one, name) for name in Pending.__slots__}
            for session_id, one in pending.items()
            if one.interactions
        }
        if left:
            write_private(self._file("waiting"), json.dumps(left))
        else:
            self._file("waiting").unlink(missing_ok=True)

    def set_aside(self, session_id: str, interactions: list[dict[str, Any]], reason: str) -> None:
        """Keep what the site will never take, each with the reason."""
        told = [{"session_id": session_id, "reason": reason, "interaction": one} for one in interactions]
        with self._file("refused.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(one) + "\n" for one in told)

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.name}.{ending}"


def names_that_wait(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.waiting"))
