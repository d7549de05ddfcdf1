"""How often a token may be used: counted for all threads and server processes together, in memory that they share.

The generic cell rate algorithm (ITU-T I.371, annex A): of each token only its theoretical arrival time is kept, the
moment at which it would be free again had its requests come evenly. The memory is mapped before the server forks, so
every process counts in the same place; a process started by itself counts alone. A restart forgets.
"""

import fcntl
import mmap
import struct
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_SLOT = struct.Struct("=Qd")
_SLOTS = 8_192
# A token whose own slot is taken looks for another so many places on; behind them, the one that was quiet longest goes.
_PROBES = 8

_memory = mmap.mmap(-1, _SLOT.size * _SLOTS)
_between_threads = threading.Lock()


def _nameless_file() -> int:
    descriptor, path = tempfile.mkstemp()
    Path(path).unlink()
    return descriptor


# There only to be locked: the system takes such a lock back from a process that is killed, where one in memory would
# stay taken for good. It belongs to a process, so threads need one of their own.
_gate = _nameless_file()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a token's requests. Times in seconds: until it is whole again, until the next one is heard."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: float
    wait_seconds: float


def spend(key: int, *, per_minute: int, now: float | None = None) -> Allowance:
    """Count one request of a token, if it may make one; a minute's worth may come at once.

    `key` is above 0. `now` is the system's monotonic clock, which all its processes share.
    """
    moment = time.monotonic() if now is None else now
    interval = 60.0 / per_minute
    with _between_threads:
        fcntl.lockf(_gate, fcntl.LOCK_EX)
        try:
            place = _place_of(key, moment)
            known, free_at = _SLOT.unpack_from(_memory, place)
            free_at = max(free_at, moment) if known == key else moment
            allowed = free_at + interval - moment <= 60.0 + 1e-9
            if allowed:
                free_at += interval
                _SLOT.pack_into(_memory, place, key, free_at)
        finally:
            fcntl.lockf(_gate, fcntl.LOCK_UN)
    ahead = free_at - moment
    remaining = max(0, int((60.0 - ahead) / interval + 1e-9))
    return Allowance(allowed, per_minute, remaining, ahead, 0.0 if allowed else max(0.0, ahead + interval - 60.0))


def forget() -> None:
    """Begin anew with every token; for tests, which have no other processes."""
    with _between_threads:
        _memory[:] = bytes(len(_memory))


def _place_of(key: int, now: float) -> int:
    """Where a token's time stands, or may be written: its own slot, a free one, or the one that was quiet longest."""
    own = key % _SLOTS * _SLOT.size
    if _SLOT.unpack_from(_memory, own)[0] == key:
        return own
    places = [((key + probe) % _SLOTS) * _SLOT.size for probe in range(_PROBES)]
    found = [(*_SLOT.unpack_from(_memory, place), place) for place in places]
    for known, _, place in found:
        if known == key:
            return int(place)
    for known, free_at, place in found:
        if not known or free_at <= now:
            return int(place)
    return int(min(found, key=lambda one: one[1])[2])
