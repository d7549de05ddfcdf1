"""What `import_sessions` reads from, how it can be stopped, and how it tells what came of it."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from sessions.importers import Source

from .base import StoreCommand, megabytes

_SECONDS_BETWEEN_LINES = 1.0
_SHOWN = 50
STANDARD_INPUT = Path("-")


class Interrupted(Exception):
    """Somebody asked for the end; `code` is what a shell expects then."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number


@contextmanager
def stoppable() -> Iterator[Callable[[], None]]:
    """Within the block SIGINT and SIGTERM only ask for the end; the function given raises Interrupted once they did."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    def look() -> None:
        if asked:
            raise Interrupted(asked[0])

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield look
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def readable(paths: Sequence[Path]) -> Iterator[tuple[Sequence[Path], Callable[[str], str]]]:
    """The paths, what standard input gives put into a file; and what names a place as the person does."""
    if STANDARD_INPUT not in paths:
        yield paths, str
        return
    with tempfile.TemporaryDirectory(prefix="sessionsite-import-") as folder:
        spool = Path(folder) / "standard-input"
        with spool.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream, 1024 * 1024)
        yield (
            [spool if path == STANDARD_INPUT else path for path in paths],
            lambda place: place.replace(f"{folder}/", "", 1),
        )


class Progress:
    """A line a second: how many of all bytes are read, and what came of them."""

    def __init__(self, command: StoreCommand, sources: Sequence[Source], told: Callable[[], str]) -> None:
        self._command = command
        self._sources = sources
        self._told = told
        self._total = sum(source.size_bytes for source in sources)
        self._last = time.monotonic()

    def tick(self) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self.end()

    def end(self) -> None:
        self._command.progress(f"{megabytes(self.bytes_read)} of {megabytes(self._total)} read: {self._told()}")

    @property
    def bytes_read(self) -> int:
        return sum(source.bytes_read for source in self._sources)


def report_as_text(report: Mapping[str, Any]) -> str:
    lines = [f"damaged  {one['place']}  {one['reason']}" for one in report["damaged"][:_SHOWN]]
    lines += [f"differs  {place}  left as it is in the store" for place in report["differing"][:_SHOWN]]
    lines += [f"refused  {count} × {reason}" for reason, count in _most_common(report["refused"])]
    lines += [f"no conversation  {count} × {reason}" for reason, count in _most_common(report["set_aside"])]
    lines.append(
        f"{report['files']} files: {report['sessions_created']} sessions created, {report['added']} interactions "
        f"added, {report['known']} known already, {report['differing_count']} differing, "
        f"{report['damaged_count']} damaged lines."
    )
    if report["damaged_count"]:
        lines.append("The damaged lines' bytes are kept in the data directory's set-aside folder.")
    if report["added"] or report["sessions_created"]:
        lines.append(f"To take it back: `manage.py import_sessions --undo {report['import_id']}`.")
    return "\n".join(lines)


def preview_as_text(found: Mapping[str, Any]) -> str:
    lines = [
        f"{one['name']}  {one['format'] or 'not a known format'}  "
        f"{one['sessions']} sessions new, {one['known_sessions']} known; {one['new_interactions']} interactions new, "
        f"{one['known_interactions']} known"
        for one in found["files"][:_SHOWN]
    ]
    lines += [f"damaged  {one['place']}  {one['reason']}" for one in found["damaged"]]
    lines += [f"differs  {place}  would be left as it is" for place in found["differing_places"]]
    lines += [f"refused  {count} × {reason}" for reason, count in _most_common(found["refused"])]
    lines += [f"no conversation  {count} × {reason}" for reason, count in _most_common(found["set_aside"])]
    lines.append(
        f"{found['file_count']} files: {found['sessions']} new sessions, {found['known_sessions']} known ones, "
        f"{found['new_interactions']} new interactions ({found['messages']} messages and {found['tool_calls']} tool "
        f"calls in all, {found['branches']} branches), {found['known_interactions']} known, {found['differing']} "
        f"differing, {found['damaged_count']} damaged places. Nothing was written."
    )
    return "\n".join(lines)


def undo_as_text(undone: Mapping[str, Any]) -> str:
    lines = [f"left  {one['session_id']}  {one['reason']}" for one in undone["left"][:_SHOWN]]
    lines.append(
        f"{undone['trashed_count']} sessions went to the trash, of {undone['parted_count']} more what the import had "
        f"added; {undone['left_count']} were left as they are."
    )
    return "\n".join(lines)


def _most_common(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: -one[1])[:_SHOWN]
