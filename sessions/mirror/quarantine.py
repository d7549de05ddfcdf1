"""Damaged files, kept to the byte, with the reason beside them.

quarantine/<session_id>/<time>-<random>            the file itself, moved, never opened
quarantine/<session_id>/<time>-<random>.reason     where it stood, why it is here, since when
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from . import journal
from .layout import Layout, is_safe_id

REASON_SUFFIX = ".reason"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One entry of the quarantine. Paths are relative to the data directory, `at` is ISO 8601."""

    key: str
    file: str
    came_from: str
    reason: str
    at: str


def quarantine(places: Layout, path: Path, *, key: str, reason: str) -> Quarantined:
    """Move whatever stands at `path` aside, the reason first, so that no crash leaves a file without one.

    A rename moves links, FIFOs and files of any size and mode alike, opens nothing and copies nothing.
    """
    target, entry = _entry(places, key, str(path.relative_to(places.root)), reason)
    journal.move(path, target)
    return entry


def entries(places: Layout) -> Iterator[Quarantined]:
    """What the quarantine holds, by key and time."""
    for reason_file in sorted(places.quarantine.glob(f"*/*{REASON_SUFFIX}")):
        with suppress(OSError, ValueError, TypeError):
            yield Quarantined(**json.loads(reason_file.read_bytes()))


def count(places: Layout) -> int:
    """How many entries there are, none of them read."""
    return sum(1 for _ in places.quarantine.glob(f"*/*{REASON_SUFFIX}"))


def keep(places: Layout, content: Iterable[bytes], *, key: str, came_from: str, reason: str) -> Quarantined:
    """Keep bytes that no file holds as `quarantine` keeps a file."""
    target, entry = _entry(places, key, came_from, reason)
    journal.replace_bytes(target, content)
    return entry


def purge(places: Layout, key: str) -> None:
    """Remove what the quarantine holds of one session, for good: part of purging it."""
    folder = _folder(places, key)
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            journal.remove(path)
    with suppress(OSError):
        folder.rmdir()


def _entry(places: Layout, key: str, came_from: str, reason: str) -> tuple[Path, Quarantined]:
    """Name a new entry and write its reason, so that no crash leaves a file without one."""
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%S.%fZ}-{os.urandom(3).hex()}"
    target = _folder(places, key) / name
    entry = Quarantined(
        key=key, file=str(target.relative_to(places.root)), came_from=came_from, reason=reason, at=now.isoformat()
    )
    content = json.dumps(asdict(entry), indent=2).encode()
    journal.replace_bytes(target.with_name(name + REASON_SUFFIX), [content])
    log.error("file_quarantined", extra={"key": ascii(key), "came_from": ascii(came_from), "reason": reason})
    return target, entry


def _folder(places: Layout, key: str) -> Path:
    """Keys may be names of foreign files, which may hold anything, "..": those are named by their hash."""
    safe = key if is_safe_id(key) else "unnamed-" + hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    return places.quarantine / safe
