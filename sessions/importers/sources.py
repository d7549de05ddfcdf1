"""From a path to the things in it that can be read: files found, formats recognised by content."""

import os
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from sessions.errors import NotFound
from sessions.records import ImportEvent

from . import claude_code, legacy
from .formats import HEAD_BYTES, Format, Input, printable, set_aside

FORMATS: tuple[Format, ...] = (claude_code.LINES, claude_code.CONTAINER, claude_code.AGENT_NOTE, legacy.FORMAT)
"""Asked in this order. A new format is one module and one entry here."""

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Source:
    """One file, or something that is none and is set aside.

    `size_bytes` is known before anything is opened; `bytes_read`, `records_read` and `records_noted` grow while
    `read()` is iterated. Every record read is in the events or among the noted ones. `read()` may be called again.
    """

    def __init__(self, path: Path, size_bytes: int = 0, obstacle: str = "", *, damaged: bool = False) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self._obstacle = obstacle
        self._damaged = damaged
        self._input: Input | None = None

    @property
    def format_name(self) -> str:
        """The format's name, "" where the content is of none that we know. Opens the file the first time."""
        return self._format.name if self._format else ""

    @property
    def bytes_read(self) -> int:
        return self._input.bytes_read if self._input else 0

    @property
    def records_read(self) -> int:
        return self._input.records_read if self._input else 0

    @property
    def records_noted(self) -> int:
        return self._input.records_noted if self._input else 0

    @cached_property
    def _format(self) -> Format | None:
        if self._obstacle:
            return None
        try:
            with _open_regular(self.path) as stream:
                head = stream.read(HEAD_BYTES)
        except OSError as error:
            self._obstacle, self._damaged = _reason(error), True
            return None
        found = next((format for format in FORMATS if format.recognises(head)), None)
        if found is None:
            self._obstacle = "not a known format" if head else "an empty file"
        return found

    def read(self) -> Iterator[ImportEvent]:
        """The file's events. Never raises for what is in the file, nor where it cannot be read."""
        format = self._format
        if format is None:
            yield set_aside(printable(self.path), self._obstacle, damaged=self._damaged)
            return
        try:
            with _open_regular(self.path) as stream:
                head = stream.read(HEAD_BYTES)
                stream.seek(0)
                self._input = Input(self.path, stream, head)
                yield from format.read(self._input)
        except OSError as error:
            yield set_aside(printable(self.path), _reason(error), damaged=True)
        finally:
            # Whoever shows progress keeps thousands of sources; only the numbers are wanted of one that was read.
            if self._input:
                self._input.head = b""


def open_sources(path: Path) -> Iterator[Source]:
    """The file at `path`, or all that lies below the directory: files before folders, each in order of name.

    Files come first so that a session precedes its subagents, which lie in a folder of its name. Links are never
    followed; whatever is not a regular file is a source that is set aside, never opened. Raises NotFound at once
    where there is nothing at `path`.
    """
    if not os.path.lexists(path):
        raise NotFound(f"There is no file or folder {printable(path)!r}.", hint="Check the path.")
    return _walk(path)


def _walk(top: Path) -> Iterator[Source]:
    waiting = [top]  # not recursion: a tree may be nested deeper than Python's stack
    while waiting:
        path = waiting.pop()
        try:
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                files, folders = _entries(path)
                waiting += reversed(folders)
                waiting += reversed(files)
            else:
                yield _source_of(path, status)
        except OSError as error:
            yield Source(path, obstacle=_reason(error), damaged=True)


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    files: list[Path] = []
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            kind = folders if entry.is_dir(follow_symlinks=False) else files
            kind.append(folder / entry.name)
    return files, folders


def _source_of(path: Path, status: os.stat_result) -> Source:
    if stat.S_ISREG(status.st_mode):
        return Source(path, status.st_size)
    is_link = stat.S_ISLNK(status.st_mode)
    return Source(path, obstacle="a symbolic link" if is_link else "not a regular file")


def _open_regular(path: Path) -> BinaryIO:
    """Open a regular file. Without following links, and without waiting on a FIFO put there since it was listed."""
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb", buffering=1024 * 1024)


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
