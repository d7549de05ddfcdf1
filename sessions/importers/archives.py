"""ZIP archives as folders: what is in one is listed from its directory, and inflated as a stream, never onto the disk.

The layout is that of PKWARE's APPNOTE 6.3. An archive is a stranger's: its directory may be huge, may lie, and may
name the same bytes many times over, so everything is checked before anything is unpacked, and while it is.
"""

import io
import os
import stat
import struct
import zlib
from collections.abc import Buffer, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 32 * 1024 * 1024

MAX_NAME = 1_000
"""More than a path on any disk has; names stand in reports."""

MAX_RATIO = 200
"""How many bytes a packed byte may stand for. Text packs 3 to 50 to one, a bomb the 1,000 that are possible."""

UNSUSPECTED_BYTES = 16 * 1024 * 1024
"""What unpacks to no more than this may be packed however tightly."""

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_LOCAL = struct.Struct("<4s22xHH")
_ENTRY = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQ2x2xIIQQQQ")
_MOST_COMMENT_BYTES = 65_535
_READ_BYTES = 64 * 1024
_STORED, _DEFLATED = 0, 8
_IS_ENCRYPTED, _IS_UTF_8 = 0x1, 0x800
_UNIX = (3, 19)  # 19 is Darwin
_IN_64_BITS = 0xFFFF_FFFF


WITHOUT_END = "an archive without its end"
"""Its directory is missing: what is in it is found member by member (`torn_archives`)."""


class NotReadable(OSError):
    """An archive, or a member of one, that cannot be read or is refused; says why in a constant phrase."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive. `obstacle` says why it may not be opened, "" where it may."""

    name: str
    size_bytes: int
    packed_bytes: int
    offset: int
    method: int
    checksum: int
    obstacle: str = ""


def is_archive(head: bytes) -> bool:
    """Whether a file that begins like this is a ZIP archive."""
    return head[:4] in _MAGIC


def members_of(archive: BinaryIO) -> list[Member]:
    """The files in an archive, in the directory's order; folders are passed.

    Costs time and memory by the directory's size only, which is bounded. Raises NotReadable for an archive whose
    directory is damaged, too large, or promises what no honest one does.
    """
    size_bytes = archive.seek(0, os.SEEK_END)
    count, directory = _directory(archive, size_bytes)
    members = list(_entries(directory, count))
    if sum(member.size_bytes for member in members) > MAX_RATIO * max(size_bytes, UNSUSPECTED_BYTES):
        raise NotReadable("an archive that unpacks to absurdly much")
    _refuse_overlaps(members, size_bytes)
    return list(without_repeated(member for member in members if not member.name.endswith("/")))


def open_member(archive: BinaryIO, member: Member) -> io.BufferedReader:
    """A member's content as a stream, which closes the archive when it is closed.

    Reading raises NotReadable where the content is not what the directory says. Holds some 64 KB.
    """
    archive.seek(member.offset)
    local = archive.read(_LOCAL.size)
    if len(local) < _LOCAL.size or not local.startswith(_MAGIC[0]):
        raise NotReadable("a damaged archive")
    _, name_bytes, extra_bytes = _LOCAL.unpack(local)
    archive.seek(name_bytes + extra_bytes, os.SEEK_CUR)
    return io.BufferedReader(_Content(archive, member), 1024 * 1024)


# --- the directory ----------------------------------------------------------------------------------------------


def _directory(archive: BinaryIO, size_bytes: int) -> tuple[int, bytes]:
    """The number of entries that an archive claims, and its directory."""
    tail_at = max(0, size_bytes - _END.size - _MOST_COMMENT_BYTES)
    archive.seek(tail_at)
    tail = archive.read(_END.size + _MOST_COMMENT_BYTES)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise NotReadable(WITHOUT_END)
    _, disk, start_disk, _, count, length, offset, _ = _END.unpack_from(tail, at)
    if _IN_64_BITS in (length, offset) or count == 0xFFFF:
        count, length, offset = _directory_in_64_bits(archive, tail_at + at, (count, length, offset))
    if disk != start_disk:
        raise NotReadable("an archive in several parts")
    if count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise NotReadable("an archive of too many files")
    archive.seek(min(offset, size_bytes))
    directory = archive.read(length)
    if len(directory) < length:
        raise NotReadable("a damaged archive")
    return count, directory


def _directory_in_64_bits(archive: BinaryIO, end_at: int, stated: tuple[int, int, int]) -> tuple[int, int, int]:
    """What the larger end says that stands ahead of the small one, where there is one."""
    archive.seek(max(0, end_at - _LOCATOR.size))
    locator = archive.read(_LOCATOR.size)
    if len(locator) < _LOCATOR.size or not locator.startswith(b"PK\x06\x07"):
        return stated
    archive.seek(min(_LOCATOR.unpack(locator)[2], end_at))
    end = archive.read(_END_64.size)
    if len(end) < _END_64.size or not end.startswith(b"PK\x06\x06"):
        raise NotReadable("a damaged archive")
    *_, count, length, offset = _END_64.unpack(end)
    return count, length, offset


def _entries(directory: bytes, count: int) -> Iterator[Member]:
    at = found = 0
    while at < len(directory):
        if len(directory) - at < _ENTRY.size or not directory.startswith(b"PK\x01\x02", at):
            raise NotReadable("a damaged archive")
        (_, _, system, _, flags, method, _, _, checksum, packed, size, name_bytes, extra_bytes, comment_bytes, _, _,
         attributes, offset) = _ENTRY.unpack_from(directory, at)  # fmt: skip
        name_at = at + _ENTRY.size
        raw_name = directory[name_at : name_at + name_bytes]
        extra = directory[name_at + name_bytes : name_at + name_bytes + extra_bytes]
        at = name_at + name_bytes + extra_bytes + comment_bytes
        found += 1
        if found > min(count, MAX_MEMBERS):
            raise NotReadable("an archive of more files than it says")
        size, packed, offset = in_64_bits(extra, (size, packed, offset))
        name = raw_name.decode("utf-8" if flags & _IS_UTF_8 else "cp437", "surrogateescape")
        member = Member(name, size, packed, offset, method, checksum)
        is_link = system in _UNIX and stat.S_ISLNK(attributes >> 16)
        yield replace(member, obstacle=obstacle_of(member, is_link=is_link, is_encrypted=bool(flags & _IS_ENCRYPTED)))


def in_64_bits(extra: bytes, stated: tuple[int, int, int]) -> tuple[int, int, int]:
    """Size, packed size and offset, each from the extra field 1 where its own place says so."""
    at = 0
    while len(extra) - at >= 4:
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            larger = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size, packed, offset = (next(larger, value) if value == _IN_64_BITS else value for value in stated)
            return size, packed, offset
        at += 4 + length
    return stated


def obstacle_of(member: Member, *, is_link: bool, is_encrypted: bool) -> str:
    if is_link:
        return "a symbolic link"
    if _leads_out(member.name):
        return "a path that leads out of its archive"
    if len(member.name) > MAX_NAME:
        return "a name too long"
    if is_encrypted:
        return "encrypted"
    if member.method not in (_STORED, _DEFLATED):
        return "packed in a way that is not known"
    if member.size_bytes > max(UNSUSPECTED_BYTES, MAX_RATIO * member.packed_bytes):
        return "packed more tightly than any text"
    return ""


def _leads_out(name: str) -> bool:
    """No name ever becomes a path on the disk; but who writes such a one means harm."""
    parts = name.replace("\\", "/").split("/")
    return "\0" in name or ".." in parts or parts[0] == "" or parts[0].endswith(":")


def _refuse_overlaps(members: Iterable[Member], size_bytes: int) -> None:
    """A bomb's members share their packed bytes, so that few of them make very many."""
    end = 0
    for member in sorted(members, key=lambda member: member.offset):
        if member.offset < end:
            raise NotReadable("an archive whose files overlap")
        end = member.offset + _LOCAL.size + member.packed_bytes
    if end > size_bytes:
        raise NotReadable("a damaged archive")


def without_repeated(members: Iterable[Member]) -> Iterator[Member]:
    seen: set[str] = set()
    for member in members:
        is_repeated = member.name in seen and not member.obstacle
        yield replace(member, obstacle="a name that stands twice in its archive") if is_repeated else member
        seen.add(member.name)


# --- content ----------------------------------------------------------------------------------------------------


class _Content(io.RawIOBase):
    """A member's bytes. What was unpacked before damage shows is given before the error is raised."""

    def __init__(self, archive: BinaryIO, member: Member) -> None:
        super().__init__()
        self._archive = archive
        self._packed_left = member.packed_bytes
        self._left = member.size_bytes
        self._checksum = member.checksum
        self._summed = 0
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
        self._waiting = b""
        self._failed: NotReadable | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fills the buffer unless the content ends or is damaged."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and not self._failed and self._left:
            try:
                data = self._next(len(view) - filled)
            except (zlib.error, OSError):
                self._failed = NotReadable("a damaged archive")
                break
            view[filled : filled + len(data)] = data
            filled += len(data)
            self._left -= len(data)
            self._summed = zlib.crc32(data, self._summed)
        if not filled and not self._left and self._summed != self._checksum:
            self._failed = NotReadable("a damaged archive")
        if not filled and self._failed:
            raise self._failed
        return filled

    def _next(self, limit: int) -> bytes:
        """The next bytes; raises where there are none, or more than the directory says."""
        limit = min(limit, self._left)
        if self._inflater is None:
            data = self._packed(limit)
        else:
            data = self._inflater.decompress(self._waiting or self._packed(_READ_BYTES), limit)
            self._waiting = self._inflater.unconsumed_tail
        if not data and not self._waiting and (not self._packed_left or (self._inflater and self._inflater.eof)):
            raise NotReadable("a damaged archive")
        return data

    def _packed(self, limit: int) -> bytes:
        data = self._archive.read(min(limit, self._packed_left))
        self._packed_left = self._packed_left - len(data) if data else 0
        return data

    def close(self) -> None:
        self._archive.close()
        super().close()
