"""Reading journals: every line checked, damage named by its line, memory bounded by one session. Knows no database."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import UUID

from sessions.errors import DamagedLine
from sessions.records import (
    InteractionRecord,
    MergeRecord,
    ProfileRecord,
    SessionRecord,
    TombstoneRecord,
    TrashRecord,
    UserMergeRecord,
)

from . import codec, journal

_MOST_DAMAGES = 1_000
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """A place in a file that does not verify; `line` counts from 1, 0 means the file itself."""

    line: int
    reason: str


@dataclass(slots=True)
class Image:
    """What a journal says, all lines played: the latest word on everything, and what did not verify.

    `revision` is the tail's; `header_revision` the last header line's. Interactions are keyed by ID, each with the
    revision of its latest line and what `read_image` was told to keep of it.
    """

    revision: int = 0
    header_revision: int = 0
    digest: str = codec.NO_PREVIOUS
    header: SessionRecord | None = None
    interactions: dict[UUID, tuple[int, Any]] = field(default_factory=dict)
    merges: dict[UUID, tuple[int, MergeRecord]] = field(default_factory=dict)
    profile: ProfileRecord | None = None
    user_merges: dict[UUID, tuple[int, UserMergeRecord]] = field(default_factory=dict)
    tombstone: TombstoneRecord | None = None
    trash: TrashRecord | None = None
    damages: list[Damage] = field(default_factory=list)
    lines: int = 0

    @property
    def sound(self) -> bool:
        return not self.damages


def whole_record(record: InteractionRecord) -> InteractionRecord:
    """Keep an interaction as it is: for loading."""
    return record


def fingerprint(record: InteractionRecord) -> bytes:
    """Keep an interaction's hash, whatever the order of its keys: for comparing."""
    return hashlib.sha256(json.dumps(codec.to_payload(record), sort_keys=True).encode()).digest()


def read_image(path: Path, keep: Callable[[InteractionRecord], Any] = whole_record) -> Image:
    """Play a journal. What verifies is used, also behind a damaged line; what does not is in `damages`.

    A file with more than 1,000 damaged lines is given up there. Raises FileNotFoundError, and OSError as the system
    says; anything else that is wrong becomes a damage.
    """
    image = Image()
    for number, line in _lines(path):
        image.lines = number
        if isinstance(line, DamagedLine):
            image.damages.append(Damage(number, line.message))
            # Its hash is unknown, so the next line's link cannot be checked.
            image.digest = ""
            if len(image.damages) > _MOST_DAMAGES:
                break
            continue
        if image.digest and line.previous != image.digest:
            image.damages.append(Damage(number, "The chain is broken: the line before is not the one it followed."))
        elif line.revision < image.revision:
            image.damages.append(Damage(number, "The revision goes back."))
        image.digest = line.digest
        image.revision = max(image.revision, line.revision)
        _play(image, line, keep)
    if image.lines == 0:
        image.damages.append(Damage(0, "The file is empty."))
    return image


def read_tail(path: Path) -> journal.Tail:
    """The end of a journal, its last line checked. Raises FileNotFoundError, DamagedLine, OSError."""
    descriptor = journal.open_journal(path, os.O_RDONLY)
    try:
        return journal.read_tail(descriptor)
    finally:
        os.close(descriptor)


def _lines(path: Path) -> Iterator[tuple[int, codec.Line | DamagedLine]]:
    try:
        descriptor = journal.open_journal(path, os.O_RDONLY)
    except DamagedLine as damage:
        yield 0, damage
        return
    except PermissionError:
        yield 0, DamagedLine("The file may not be read.")
        return
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        for number, raw in enumerate(_raw_lines(stream), start=1):
            try:
                yield number, codec.decode_line(raw)
            except DamagedLine as damage:
                yield number, damage


def _raw_lines(stream: FileIO) -> Iterator[bytes]:
    """The file's lines. Of one that is no line of ours, or longer than any, only the beginning is held."""
    held: list[bytes] = []
    size = 0
    while block := stream.read(_BLOCK_BYTES):
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield b"".join((*held, block[start:end]))
            held, size, start = [], 0, end
        rest = block[start:]
        if size == 0 or (held[0].startswith(b"{") and size <= codec.MAX_LINE_BYTES):
            held.append(rest)
        size += len(rest)
    if size:
        yield b"".join(held)


def _play(image: Image, line: codec.Line, keep: Callable[[InteractionRecord], Any]) -> None:
    match line.record:
        case SessionRecord():
            image.header, image.header_revision = line.record, line.revision
        case InteractionRecord():
            image.interactions[line.record.id] = (line.revision, keep(line.record))
        case MergeRecord():
            image.merges[line.record.id] = (line.revision, line.record)
        case ProfileRecord():
            image.profile = line.record
        case UserMergeRecord():
            image.user_merges[line.record.id] = (line.revision, line.record)
        case TombstoneRecord():
            image.tombstone = line.record
        case TrashRecord():
            image.trash = line.record
