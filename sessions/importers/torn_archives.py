"""ZIP archives whose directory is missing, as a download that was cut off leaves them: read member by member.

Ahead of each member stands a header of its own, which mostly says how long it is. Writers that did not know that yet
put it behind the member; then the end is found by inflating it.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from .archives import (
    MAX_MEMBERS,
    MAX_RATIO,
    UNSUSPECTED_BYTES,
    Member,
    NotReadable,
    in_64_bits,
    obstacle_of,
    without_repeated,
)

MAX_USUAL_RATIO = 50
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""So much and so many times its size may come of what has no directory: some is unpacked to find its end."""

_HEADER = struct.Struct("<4s2xHHHHIIIHH")
_MAGIC = b"PK\x03\x04"
_DIRECTORY = (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06")
_READ_BYTES = 64 * 1024
_SEARCHED_BYTES = 1024 * 1024
_IS_ENCRYPTED, _SIZES_FOLLOW, _IS_UTF_8 = 0x1, 0x8, 0x800
_STORED = 0


def members_found(archive: BinaryIO) -> list[Member]:
    """The files whose beginning is there, in the archive's order; the last may be torn. Folders are passed.

    Raises NotReadable where they unpack to absurdly much.
    """
    size_bytes = archive.seek(0, os.SEEK_END)
    members: list[Member] = []
    room = MAX_UNPACKED_BYTES + MAX_USUAL_RATIO * size_bytes
    for member in _members(archive, size_bytes):
        members.append(member)
        room -= member.size_bytes if not member.obstacle else 0
        if room < 0 or len(members) > MAX_MEMBERS:
            raise NotReadable("an archive that unpacks to absurdly much")
    return list(without_repeated(member for member in members if not member.name.endswith("/")))


def _members(archive: BinaryIO, size_bytes: int) -> Iterator[Member]:
    at = 0
    while (at := _next_header(archive, at)) >= 0:
        archive.seek(at)
        header = archive.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        _, flags, method, _, _, checksum, packed, size, name_bytes, extra_bytes = _HEADER.unpack(header)
        raw_name, extra = archive.read(name_bytes), archive.read(extra_bytes)
        begins_at = at + _HEADER.size + name_bytes + extra_bytes
        if begins_at > size_bytes:
            return
        size, packed, _ = in_64_bits(extra, (size, packed, 0))
        name = raw_name.decode("utf-8" if flags & _IS_UTF_8 else "cp437", "surrogateescape")
        member = Member(name, size, packed, at, method, checksum)
        is_encrypted = bool(flags & _IS_ENCRYPTED)
        if flags & _SIZES_FOLLOW and not packed and not is_encrypted:
            member = _measured(archive, member, begins_at)
        obstacle = obstacle_of(member, is_link=False, is_encrypted=is_encrypted)
        member = replace(member, obstacle=obstacle, packed_bytes=min(member.packed_bytes, size_bytes - begins_at))
        yield member
        at = begins_at + member.packed_bytes


def _next_header(archive: BinaryIO, at: int) -> int:
    """Where the next member begins, from here on; -1 where the directory does, or nothing more."""
    archive.seek(at)
    tail = b""
    while data := archive.read(_SEARCHED_BYTES):
        window = tail + data
        found = window.find(_MAGIC)
        ends = [place for sign in _DIRECTORY if (place := window.find(sign)) >= 0]
        if found >= 0 and not any(end < found for end in ends):
            return at - len(tail) + found
        if ends:
            return -1
        at += len(data)
        tail = window[-3:]
    return -1


def _measured(archive: BinaryIO, member: Member, begins_at: int) -> Member:
    """A member whose sizes stand behind it: how long it is, and what its checksum should be."""
    if member.method == _STORED:
        # Where what is only stored ends, nobody can tell: at the archive's end at the latest.
        rest = archive.seek(0, os.SEEK_END) - begins_at
        return replace(member, size_bytes=rest, packed_bytes=rest)
    archive.seek(begins_at)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = size = checksum = 0
    while not inflater.eof and (data := archive.read(_READ_BYTES)):
        packed += len(data)
        while data and not inflater.eof:
            try:
                made = inflater.decompress(data, 1024 * 1024)
            except zlib.error:
                return replace(member, size_bytes=size + 1, packed_bytes=packed)
            data = inflater.unconsumed_tail
            size += len(made)
            checksum = zlib.crc32(made, checksum)
            if size > max(UNSUSPECTED_BYTES, MAX_RATIO * packed):
                return replace(member, size_bytes=size, packed_bytes=packed)
    packed -= len(inflater.unused_data)
    # Of a torn one more is claimed than there is, so that reading it ends in the damage that it is.
    return replace(member, size_bytes=size + (not inflater.eof), packed_bytes=packed, checksum=checksum)
