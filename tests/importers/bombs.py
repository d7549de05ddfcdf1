"""Documents that are made to cost much, and what one costs: `python -m tests.importers.bombs NAME`.

A process of its own says what it held at most, as the system counts it: to note each piece of memory that Python hands
out takes twenty times as long as to read the document.
"""

import io
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sessions.importers.documents import read_objects
from sessions.importers.formats import Input

SIZE_BYTES = 512 * 1024 * 1024
STATUS = Path("/proc/self/status")


class Endless(io.BytesIO):
    """A stream of a beginning, and then the same again and again up to a size."""

    def __init__(self, beginning: bytes, again: bytes, size_bytes: int) -> None:
        super().__init__()
        self._beginning = beginning
        self._again = again * (65536 // len(again))
        self._left = size_bytes

    def read1(self, size: int | None = -1, /) -> bytes:
        if self._beginning:
            data, self._beginning = self._beginning, b""
            return data
        data = self._again[: self._left]
        self._left -= len(data)
        return data


BOMBS = {
    "arrays in arrays": (b"[{", b"["),
    "objects in objects": (b"[", b'{"a":'),
    "empty arrays": (b'[{"a":[', b"[],"),
    "empty strings": (b'[{"a":[', b'"",'),
    "numbers": (b'[{"a":[', b"0,"),
    "one string": (b'[{"a":"', b"x" * 1000),
    "one string of escapes": (b'[{"a":"', b'\\"'),
    "one number": (b"[", b"9" * 1000),
    "members": (b"{", b'"a":0,'),
    "strays": (b"[", b"}"),
    "blanks": (b"[", b" " * 1000),
    "zeros": (b"[", b"\0" * 1000),
}


ORDINARY_PACE_SECONDS = 0.2


@dataclass(frozen=True)
class Cost:
    """Of the processor, and of memory beyond what was held before.

    `pace_seconds` is what a loop that takes a fifth of a second on an ordinary machine took in the same process, the
    slower time of two, ahead of it and behind.
    """

    cpu_seconds: float
    peak_bytes: int
    pace_seconds: float

    @property
    def ordinary_seconds(self) -> float:
        """What it would have cost on an ordinary machine, where this one is slower."""
        return self.cpu_seconds / max(1, self.pace_seconds / ORDINARY_PACE_SECONDS)


def cost_of(name: str) -> Cost:
    """What it costs to read a bomb, in a process of its own."""
    command = [sys.executable, "-m", __name__, name]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Cost(**json.loads(done.stdout))


def measured(name: str) -> Cost:
    source = Input(Path("bomb"), Endless(*BOMBS[name], SIZE_BYTES), b"")
    before = pace()
    held, start = held_bytes("VmRSS"), time.process_time()
    for _ in read_objects(source):
        pass
    seconds, peak = time.process_time() - start, held_bytes("VmHWM") - held
    return Cost(seconds, peak, max(before, pace()))


def pace() -> float:
    """How long a loop takes that does nothing but reckon."""
    start, total = time.process_time(), 0
    for number in range(3_000_000):
        total += number * number % 7
    return time.process_time() - start


def held_bytes(what: str) -> int:
    """`VmRSS`: what this process holds. `VmHWM`: what it has held at most."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(measured(sys.argv[1]))))
