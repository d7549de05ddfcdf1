"""From a path to the things in it that can be read: files found, formats recognised by content."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path

from sessions.errors import NotFound
from sessions.records import ImportEvent

from . import (
    ai_studio,
    archives,
    chatgpt,
    claude_ai,
    claude_code,
    codex,
    gemini_cli,
    gemini_takeout,
    langchain,
    langfuse,
    legacy,
    librechat,
    llm_logs,
    lmsys,
    oasst,
    openai,
    openwebui,
    own,
    sharegpt,
    sillytavern,
    vercel_ui,
)
from .archives import Member, is_archive
from .formats import HEAD_BYTES, Format, Input, printable, set_aside
from .gzipped import is_gzipped, open_gzipped, stated_size

FORMATS: tuple[Format, ...] = (
    claude_code.LINES,
    claude_code.CONTAINER,
    claude_code.AGENT_NOTE,
    legacy.FORMAT,
    chatgpt.FORMAT,
    claude_ai.FORMAT,
    openwebui.FORMAT,
    librechat.FORMAT,
    own.DOCUMENT,
    own.LINES,
    own.MANIFEST,
    codex.FORMAT,
    gemini_cli.LOG,
    gemini_cli.DOCUMENT,
    gemini_takeout.FORMAT,
    ai_studio.FORMAT,
    sillytavern.FORMAT,
    oasst.FORMAT,
    lmsys.LMSYS_FORMAT,
    lmsys.WILDCHAT_FORMAT,
    sharegpt.FORMAT,
    langchain.FORMAT,
    vercel_ui.FORMAT,
    openai.FORMAT,
    langfuse.FORMAT,
    llm_logs.FORMAT,
)
"""Asked in this order. A new format is one module and one entry here."""

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Source:
    """One file, or something that is none and is set aside.

    The file may be a member of an archive: then `opened` opens it, and `path` is the archive's and the member's.
    `size_bytes` is known before anything is opened; `bytes_read`, `records_read` and `records_noted` grow while
    `read()` is iterated. Every record read is in the events or among the noted ones. `read()` may be called again.
    """

    def __init__(
        self,
        path: Path,
        size_bytes: int = 0,
        obstacle: str = "",
        *,
        damaged: bool = False,
        opened: Callable[[], io.BufferedReader] | None = None,
    ) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self._obstacle = obstacle
        self._damaged = damaged
        self._opened = opened
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
            with self._open() as stream:
                head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
        except OSError as error:
            self._obstacle, self._damaged = _reason(error), True
            return None
        found = next((format for format in FORMATS if format.recognises(head)), None)
        if found is None:
            self._obstacle = _stranger(head)
        return found

    def _open(self) -> io.BufferedReader:
        return self._opened() if self._opened else _open_regular(self.path)

    def read(self) -> Iterator[ImportEvent]:
        """The file's events. Never raises for what is in the file, nor where it cannot be read."""
        format = self._format
        if format is None:
            yield set_aside(printable(self.path), self._obstacle, damaged=self._damaged)
            return
        try:
            with self._open() as stream:
                head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
                self._input = Input(self.path, stream, head, is_file=self._opened is None)
                yield from format.read(self._input)
        except OSError as error:
            yield set_aside(printable(self.path), _reason(error), damaged=True)
        finally:
            # Whoever shows progress keeps thousands of sources; only the numbers are wanted of one that was read.
            if self._input:
                self._input.head = b""


def open_sources(path: Path) -> Iterator[Source]:
    """The file at `path`, or all that lies below the directory: files before folders, each in order of name.

    A ZIP archive is a folder too, of the files in it; one within another is not opened. What gzip packed is a folder
    of one file. Files come first so that a
    session precedes its subagents, which lie in a folder of its name. Links are never followed; whatever is not a
    regular file is a source that is set aside, never opened. Raises NotFound at once where there is nothing at `path`.
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
                yield from _sources_of(path, status)
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


def _sources_of(path: Path, status: os.stat_result) -> Iterator[Source]:
    if not stat.S_ISREG(status.st_mode):
        is_link = stat.S_ISLNK(status.st_mode)
        yield Source(path, obstacle="a symbolic link" if is_link else "not a regular file")
    elif is_archive(beginning := _beginning(path)):
        yield from _members(path)
    elif is_gzipped(beginning):
        with _open_regular(path) as packed:
            size_bytes = stated_size(packed)
        yield Source(path / path.stem, size_bytes, opened=lambda: open_gzipped(_open_regular(path)))
    else:
        yield Source(path, status.st_size)


def _beginning(path: Path) -> bytes:
    try:
        with _open_regular(path) as stream:
            return stream.peek(4)
    except OSError:
        return b""  # it will be said when the file is read


def _members(path: Path) -> Iterator[Source]:
    with _open_regular(path) as archive:
        members = archives.members_of(archive)
    if not members:
        yield Source(path, obstacle="an empty archive")
    for member in sorted(members, key=_place_in_walk):
        name = path / member.name.replace("\0", "")[: archives.MAX_NAME]
        if member.obstacle:
            yield Source(name, obstacle=member.obstacle, damaged=True)
        else:
            yield Source(name, member.size_bytes, opened=partial(_open_member, path, member))


def _place_in_walk(member: Member) -> list[tuple[bool, str]]:
    """What sorts as a walk goes: in each folder the files before the folders."""
    *folders, file = member.name.split("/")
    return [*((True, folder) for folder in folders), (False, file)]


def _open_member(path: Path, member: Member) -> io.BufferedReader:
    archive = _open_regular(path)
    try:
        return archives.open_member(archive, member)
    except OSError:
        archive.close()
        raise


def _open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file. Without following links, and without waiting on a FIFO put there since it was listed."""
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return io.BufferedReader(io.FileIO(descriptor), 1024 * 1024)


def _stranger(head: bytes) -> str:
    if is_archive(head) or is_gzipped(head):
        return "an archive within an archive"
    return "not a known format" if head else "an empty file"


def _reason(error: OSError) -> str:
    if isinstance(error, archives.NotReadable):
        return str(error)
    return f"cannot be read: {error.strerror or error}"
