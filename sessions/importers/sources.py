"""A file that can be read: its format recognised by content, its events, and how far the reading has come."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path

from sessions.errors import InvalidInput
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
    gemini_takeout_html,
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
from .archives import is_archive
from .containers import WAYS, Counted, Rewritten, as_lines, head_as_lines, is_utf_16, transcoded
from .formats import HEAD_BYTES, Format, Input, printable, set_aside
from .gzipped import is_gzipped

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
    gemini_takeout_html.FORMAT,
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

AROUND_RECORDS = "members around the records"
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
        self._rewritten: list[Callable[[io.BufferedReader], Iterator[bytes]]] = []
        self._counted: Counted | None = None
        self._beside = bytearray()
        self._input: Input | None = None
        self._forced: Format | None = None

    @property
    def format_name(self) -> str:
        """The format's name, "" where the content is of none that we know. Opens the file the first time."""
        return self._format.name if self._format else ""

    def read_as(self, format_name: str) -> None:
        """Take it for a format, whatever it looks like. Raises InvalidInput for a name that no format has."""
        found = check_format(format_name)
        if not self._obstacle:
            self._forced = found

    @property
    def bytes_read(self) -> int:
        if self._input is None:
            return 0
        return self._counted.bytes_read if self._counted else self._input.bytes_read

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
            head = self._head()
            if is_utf_16(head):
                self._rewritten.append(transcoded)
                head = self._head()
        except OSError as error:
            self._obstacle, self._damaged = reason_of(error), True
            return None
        found = self._forced or _recognised(head) or self._recognised_otherwise(head)
        if found is None:
            self._obstacle = _stranger(head)
        return found

    def _recognised_otherwise(self, head: bytes) -> Format | None:
        """The format whose lines were made a document of."""
        for opened in WAYS:
            if found := _recognised(head_as_lines(head, opened)):
                self._rewritten.append(partial(as_lines, opened=opened, beside=self._beside))
                return found
        return None

    def _head(self) -> bytes:
        with self._open() as stream:
            return stream.peek(HEAD_BYTES)[:HEAD_BYTES]

    def _open(self) -> io.BufferedReader:
        stream = self._opened() if self._opened else open_regular(self.path)
        if self._rewritten:
            self._counted = Counted(stream)
            stream = io.BufferedReader(self._counted, 1024 * 1024)
        for made in self._rewritten:
            stream = io.BufferedReader(Rewritten(stream, made), 1024 * 1024)
        return stream

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
                if self._beside:
                    self._input.records_read += 1
                    yield set_aside(printable(self.path), AROUND_RECORDS, damaged=False, raw=bytes(self._beside))
        except OSError as error:
            yield set_aside(printable(self.path), reason_of(error), damaged=True)
        finally:
            # Whoever shows progress keeps thousands of sources; only the numbers are wanted of one that was read.
            if self._input:
                self._input.head = b""


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file. Without following links, and without waiting on a FIFO put there since it was listed."""
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return io.BufferedReader(io.FileIO(descriptor), 1024 * 1024)


def check_format(name: str) -> Format | None:
    """The format of a name, None for "". Raises InvalidInput for a name that no format has."""
    found = next((format for format in FORMATS if format.name == name), None)
    if name and found is None:
        names = ", ".join(sorted({format.name for format in FORMATS}))
        raise InvalidInput("format", f"must be one of: {names}.")
    return found


def _recognised(head: bytes) -> Format | None:
    return next((format for format in FORMATS if format.recognises(head)), None)


def _stranger(head: bytes) -> str:
    if is_archive(head) or is_gzipped(head):
        return "an archive within an archive"
    return "not a known format" if head else "an empty file"


def reason_of(error: OSError) -> str:
    if isinstance(error, archives.NotReadable):
        return str(error)
    return f"cannot be read: {error.strerror or error}"
