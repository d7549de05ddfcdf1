"""What an export tells on its way, and how it is left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError

from sessions.actions import FolderExport
from sessions.exporters import verifying
from sessions.exporters.manifest import Tally

from .base import NEEDS_A_LOOK, StoreCommand, megabytes

INTERRUPTED = 130
_SECONDS = 1.0


class Progress:
    """A line a second: how many of all are out."""

    def __init__(self, command: StoreCommand, total: int) -> None:
        self._command = command
        self._total = total
        self._next = time.monotonic() + _SECONDS
        self.tally = Tally()
        self._settled = 0

    def packed(self, tally: Tally) -> None:
        self.tally = tally
        self._tick(tally.documents + tally.left_out, tally.size_bytes)

    def written(self, export: FolderExport) -> None:
        self._tick(export.settled, export.written_bytes)

    def end(self) -> None:
        """The last line, where there was one before."""
        if self._settled:
            self._command.progress(f"{self._settled:,} of {self._total:,} sessions")

    def _tick(self, settled: int, size_bytes: int) -> None:
        if time.monotonic() >= self._next or (self._settled and settled == self._total):
            self._next = time.monotonic() + _SECONDS
            self._settled = settled
            self._command.progress(f"{settled:,} of {self._total:,} sessions, {megabytes(size_bytes)} written")


@contextmanager
def interruptible(to: Path | None) -> Iterator[None]:
    """What a reader or an impatient person ends: said in a sentence, and with the shell's exit code for it."""
    try:
        yield
    except KeyboardInterrupt:
        goes_on = to is not None and to.suffix.lower() != ".zip"
        hint = " The same call goes on where this one stopped." if goes_on else " Nothing was left behind."
        raise CommandError(f"Interrupted.{hint if to else ''}", returncode=INTERRUPTED) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"The export could not be written: {error.strerror or error}") from error


def tell_verified(command: StoreCommand, path: Path, *, as_json: bool) -> int:
    """Look at an export and tell what was found; the exit code, 1 where something is wrong."""
    try:
        found = verifying.verify(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    told = {"documents": found.documents, "bytes": found.size_bytes, "problems": found.problems}
    lines = [*found.problems, f"{found.documents:,} documents are whole, {megabytes(found.size_bytes)}."]
    if found.last:
        lines.append(f"The last of them is of session {found.last}: an export goes on with after={found.last}")
    command.tell({**told, "cut_off": found.is_cut_off, "last": found.last}, as_json=as_json, text="\n".join(lines))
    return NEEDS_A_LOOK if found.problems else 0


def in_words(*, documents: int, left_out: int, bytes: int) -> str:
    return f"{documents:,} documents, {megabytes(bytes)}, {left_out:,} left out"
