"""JSON cut at its joints without being understood: the items of an array, the members of an object, as their bytes.

A text is looked at once, in pieces, and of the parts found only the one at hand is held. Brackets and strings are
all that is looked for, so that a part which is no JSON costs its neighbours nothing.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from sessions.records import SetAside

from .formats import set_aside
from .jsonl import MAX_LINE_BYTES, Unreadable, parse
from .scanning import Scan
from .values import name_of

MAX_PIECE_BYTES = MAX_LINE_BYTES
"""A larger item or member is set aside without being held."""

MAX_SCALAR_BYTES = 1024 * 1024
"""What stands between brackets and is no string: a number is shorter."""

MAX_SKIPPED_BYTES = 256 * 1024 * 1024
"""How much of a piece that is too large is passed over in search of its end."""

MAX_MEMBERS = 250_000
"""The members of one object whose names are remembered, to tell those that stand twice."""

MAX_DAMAGED = 10_000
"""So many parts that are no JSON, or items in which nothing is, and the rest is not looked at."""

TORN = "a torn document"
TOO_MUCH_DAMAGE = "too much damage; the rest was not read"

_READ_BYTES = 1024 * 1024
_READ_MOST_BYTES = 4 * 1024 * 1024
_GROWN_MOST_BYTES = 8 * 1024 * 1024
_KEPT_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")
_SCALAR = re.compile(rb'[^ \t\r\n,:\[\]{}"]+')
_QUOTE, _COMMA, _COLON = b'",:'
_ARRAY, _ARRAY_END, _OBJECT, _OBJECT_END = b"[]{}"
_NOTHING = -1


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a document as its bytes stand there.

    `name` is the name of the member that it is, or of the opened member that it is in; "" for others. `key` is its
    own name in an opened object. `held` is a view where the text that it is a part of is held anyway.
    """

    place: str
    name: str
    held: bytes | memoryview
    key: str = ""

    @property
    def raw(self) -> bytes:
        return bytes(self.held)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A value's bytes, or the beginning of one that is damaged; `is_end` where nothing after it can be told apart."""

    raw: bytes | memoryview
    reason: str = ""
    is_end: bool = False


class Slicer:
    """A JSON text on its way through. `read` gives its next bytes, at most so many, and b"" at the end.

    A piece of more than `largest_bytes` is set aside. `document` is the number of the top-level value at hand.
    """

    def __init__(self, read: Callable[[int], bytes], place: str, largest_bytes: int = MAX_PIECE_BYTES) -> None:
        self._read = read
        self._place = place
        self._largest_bytes = largest_bytes
        self._buffer = b""
        self._view: memoryview | None = None
        self._at = 0
        self._is_over = False
        self.document = 0
        self._failed: OSError | None = None

    @classmethod
    def of(cls, text: bytes) -> "Slicer":
        """For a text that is held as a whole: its pieces are views of it."""
        slicer = cls(lambda _: b"", "")
        slicer._buffer, slicer._view = text, memoryview(text)
        return slicer

    def items(self, opened: frozenset[str] | None = None) -> Iterator[Piece | SetAside]:
        """The items of each top-level array, at `place:[0]`, and every other top-level value, at `place:1`.

        With `opened`, the members of each top-level object instead, at `place:name`; and of a member of such a name
        what is in it: the items of an array, at `place:name[0]`, the members of an object, at `place:name.key`.
        """
        damaged = 0
        for found in self._items(opened):
            yield found
            damaged += isinstance(found, SetAside) or _says_nothing(found)
            if damaged > MAX_DAMAGED:
                yield set_aside(self._place, TOO_MUCH_DAMAGE, damaged=True)
                return

    def _items(self, opened: frozenset[str] | None) -> Iterator[Piece | SetAside]:
        if self._next() == _BOM[0] and self._buffer.startswith(_BOM, self._at):
            self._at += len(_BOM)
        number = empty = 0
        while not self._is_over and (first := self._next()) != _NOTHING:
            if empty > MAX_DAMAGED:
                yield set_aside(self._place, TOO_MUCH_DAMAGE, damaged=True)
                return
            if first == _COMMA:
                self._at += 1
                continue
            self.document = number = number + 1
            again = f"{number}:" if number > 1 else ""
            if first == _ARRAY:
                empty += not (yield from self._array(f"{self._place}:{again}", ""))
            elif first == _OBJECT and opened is not None:
                empty += not (yield from self._members(f"{self._place}:{again}", opened))
            else:
                yield self._value(f"{self._place}:{number}", "")

    def _array(self, place: str, name: str) -> Generator[Piece | SetAside, None, int]:
        """The items, and then how many there were."""
        self._at += 1
        index = 0
        while not self._is_over:
            first = self._next()
            if first == _COMMA:
                self._at += 1
            elif first == _ARRAY_END:
                self._at += 1
                break
            else:
                yield self._value(f"{place}[{index}]", name)
                index += 1
        return index

    def _members(self, place: str, opened: frozenset[str], outer: str = "") -> Generator[Piece | SetAside, None, int]:
        """The members, and then how many names there were."""
        self._at += 1
        seen: set[str] = set()
        while not self._is_over:
            first = self._next()
            if first == _COMMA:
                self._at += 1
                continue
            if first == _OBJECT_END:
                self._at += 1
                break
            name = self._name(place)
            if isinstance(name, SetAside):
                yield name
                continue
            inside = f"{place}{name_of(name)}"
            if name in opened and name not in seen and self._next() in (_ARRAY, _OBJECT):
                yield from self._opened(inside, name)
            elif name in seen:
                yield _as_damage(self._value(inside, name), "a key stands twice in an object")
            else:
                yield self._value(inside, outer or name, name if outer else "")
            seen.add(name)
            if len(seen) > MAX_MEMBERS:
                self._is_over = True
                yield set_aside(place, "too many members in an object", damaged=True)
        return len(seen)

    def _opened(self, place: str, name: str) -> Iterator[Piece | SetAside]:
        if self._next() == _ARRAY:
            yield from self._array(place, name)
        else:
            yield from self._members(f"{place}.", frozenset(), name)

    def _name(self, place: str) -> str | SetAside:
        """A member's name and the colon behind it; where something else stands, that, and one must try again."""
        if self._next() != _QUOTE:
            return _as_damage(self._value(place, ""))
        piece = self._value(place, "")
        if isinstance(piece, SetAside):
            return piece
        try:
            name = parse(piece.raw)
        except Unreadable as error:
            return set_aside(place, error.reason, damaged=True, raw=piece.raw)
        if self._next() != _COLON:
            self._is_over = self._next() == _NOTHING
            return set_aside(place, TORN if self._is_over else "not JSON", damaged=True, raw=piece.raw)
        self._at += 1
        return str(name)

    def _value(self, place: str, name: str, key: str = "") -> Piece | SetAside:
        """The value that comes next, or what stands where one should."""
        cut = self._cut()
        self._is_over = cut.is_end
        if cut.reason:
            return set_aside(place, cut.reason, damaged=True, raw=bytes(cut.raw[:_KEPT_BYTES]))
        return Piece(place, name, cut.raw, key)

    # --- bytes ----------------------------------------------------------------------------------------------

    def _next(self) -> int:
        """The next byte that is not blank, without taking it; -1 at the end."""
        while not (found := _NOT_BLANK.search(self._buffer, self._at)):
            self._at = len(self._buffer)
            if not self._fill():
                return _NOTHING
        self._at = found.start()
        return self._buffer[self._at]

    def _fill(self) -> bool:
        """Read on; what was taken is let go. The steps grow with what is held, up to a bound, so that it seldom moves.

        An error of the disk is raised once all that was read before it has been looked at.
        """
        if self._failed:
            raise self._failed
        pieces, wanted = [], min(max(len(self._buffer) - self._at, _READ_BYTES), _GROWN_MOST_BYTES)
        try:
            while wanted > 0 and (data := self._read(min(wanted, _READ_MOST_BYTES))):
                pieces.append(data)
                wanted -= len(data)
        except OSError as error:
            if not pieces:
                raise
            self._failed = error
        if pieces:
            self._buffer = self._buffer[self._at :] + b"".join(pieces)
            self._at = 0
        return bool(pieces)

    def _take(self, end: int) -> bytes | memoryview:
        start, self._at = self._at, end
        if self._view is not None:
            return self._view[start:end]
        raw = self._buffer[start:end]
        if end > _READ_BYTES:
            # What was taken must not be held twice.
            self._buffer, self._at = self._buffer[end:], 0
        return raw

    def _cut(self) -> _Cut:
        first = self._next()
        if first == _NOTHING:
            return _Cut(b"", TORN, is_end=True)
        if first in (_ARRAY, _OBJECT, _QUOTE):
            return self._cut_nested()
        if first in (_COMMA, _COLON, _ARRAY_END, _OBJECT_END):
            return _Cut(self._take(self._at + 1), "not JSON")
        return self._cut_scalar()

    def _cut_scalar(self) -> _Cut:
        while True:
            found = _SCALAR.match(self._buffer, self._at)
            end = found.end() if found else self._at + 1
            if end < len(self._buffer):
                return _Cut(self._take(end))
            if end - self._at > MAX_SCALAR_BYTES:
                return _Cut(self._take(end), "not JSON", is_end=True)
            if not self._fill():
                return _Cut(self._take(end))

    def _cut_nested(self) -> _Cut:
        """A string, array or object, up to the quote or bracket that closes it."""
        scan = Scan(self._at, in_string=self._buffer[self._at] == _QUOTE)
        kept, skipped = b"", 0
        while not scan.goes_through(self._buffer):
            if scan.reason:
                return _Cut(kept or self._take(scan.at), scan.reason, is_end=True)
            if not kept and scan.at - self._at > self._largest_bytes:
                kept = self._buffer[self._at : self._at + _KEPT_BYTES]
            if kept:
                skipped += scan.at - self._at
                self._at = scan.at
                if skipped > MAX_SKIPPED_BYTES:
                    return _Cut(kept, "an item too large", is_end=True)
            scan.at -= self._at
            if not self._fill():
                return _Cut(kept or self._take(len(self._buffer)), TORN, is_end=True)
        raw = self._take(scan.at)
        if kept or len(raw) > self._largest_bytes:
            return _Cut(kept or raw, "an item too large")
        return _Cut(raw)


def _says_nothing(piece: Piece) -> bool:
    """Whether this is an item, or stands for itself, and is neither object nor list with anything in it."""
    is_member = bool(piece.name) and not piece.place.endswith("]")
    return not is_member and (len(piece.held) <= 2 or piece.held[0] not in (_ARRAY, _OBJECT))


def _as_damage(value: Piece | SetAside, reason: str = "not JSON") -> SetAside:
    return value if isinstance(value, SetAside) else set_aside(value.place, reason, damaged=True, raw=value.raw)
