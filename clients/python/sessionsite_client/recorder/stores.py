"""Where what waits is kept until it is sent."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from ..errors import NotSpooled
from .items import Rejected


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines in their order; `place` is the store's own."""

    lines: Sequence[bytes]
    place: Any = None


class Store(Protocol):
    """A queue of lines."""

    @property
    def pending(self) -> int:
        """How many are neither sent nor set aside."""

    def append(self, line: bytes) -> None:
        """Raises NotSpooled."""

    def read(self, most: int, most_bytes: int) -> Stretch | None: ...

    def confirm(self, stretch: Stretch) -> None: ...

    def set_aside(self, rejected: Sequence[Rejected]) -> None: ...

    def adopt(self) -> int: ...

    def close(self) -> None: ...

    def forget(self) -> None: ...


class Memory:
    """What waits, in memory alone: as much as is allowed, and no longer than the process lives."""

    def __init__(self, most: int = 10_000) -> None:
        self._lines: deque[bytes] = deque()
        self._most = most
        self.set_aside_lines: list[Rejected] = []

    @property
    def pending(self) -> int:
        return len(self._lines)

    def append(self, line: bytes) -> None:
        if len(self._lines) >= self._most:
            raise NotSpooled(f"{self._most:,} interactions wait for the server already.")
        self._lines.append(line)

    def read(self, most: int, most_bytes: int) -> Stretch | None:
        lines: list[bytes] = []
        size_bytes = 0
        for line in islice(self._lines, most):
            size_bytes += len(line)
            if lines and size_bytes > most_bytes:
                break
            lines.append(line)
        return Stretch(lines) if lines else None

    def confirm(self, stretch: Stretch) -> None:
        for _ in stretch.lines:
            self._lines.popleft()

    def set_aside(self, rejected: Sequence[Rejected]) -> None:
        self.set_aside_lines.extend(rejected)

    def adopt(self) -> int:
        return 0

    def close(self) -> None:
        if self._lines:
            raise NotSpooled(f"{len(self._lines):,} interactions could not be sent, and there is no spool for them.")

    def forget(self) -> None:
        self._lines.clear()
