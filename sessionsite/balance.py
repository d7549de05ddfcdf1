"""Connections shared out among the server's processes: who has more lets the others take the next one.

All processes wait at one socket, the kernel wakes them all, and whoever is first has the connection: mostly the same
one, whose threads then share one processor while the other processes have nothing to do. So each says how many it has
in memory that they share, mapped before they are forked, and one that has more than another steps back for a moment.
A connection counts while it is open, whether it asks for anything or not.
"""

import mmap
import os
import struct

_ENTRY = struct.Struct("=ii")
# More processes than this would share entries: they would be shared out less evenly, and nothing else.
_PLACES = 64

_memory = mmap.mmap(-1, _ENTRY.size * _PLACES)


class Share:
    """What one process has; `place` is a number of its own among those that the server ever started."""

    def __init__(self, place: int) -> None:
        self._at = place % _PLACES * _ENTRY.size
        self._own = 0

    def tell(self, connections: int) -> None:
        """Say how many connections this process has now."""
        self._own = connections
        _ENTRY.pack_into(_memory, self._at, os.getpid(), connections)

    def leave(self) -> None:
        """Say that this process takes no more connections."""
        if _ENTRY.unpack_from(_memory, self._at)[0] == os.getpid():
            _ENTRY.pack_into(_memory, self._at, 0, 0)

    def is_larger(self) -> bool:
        """Whether another process that lives has fewer."""
        if not self._own:
            return False
        entries = (_ENTRY.unpack_from(_memory, place * _ENTRY.size) for place in range(_PLACES))
        return any(process and connections < self._own and _lives(process) for process, connections in entries)


def _lives(process: int) -> bool:
    """Whether there is such a process; one that was killed took back nothing of what it said."""
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
