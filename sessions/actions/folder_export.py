"""Many sessions given out into a folder, one file each: an export that may be interrupted, and repeated.

The folder's manifest is put in place once all is written; until then a hidden file beside it tells of each document
that is. Whoever exports into the folder again keeps what is still right, and writes only what is new or has changed.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.utils import timezone

from sessions.exporters import catalogue, manifest
from sessions.exporters.formats import Format
from sessions.mirror import journal

from .bulk_export import Chosen, Turn, count_chosen, describe, opened_document, turns
from .export import export_format

PROGRESS_NAME = ".progress.jsonl"


@dataclass(slots=True)
class FolderExport:
    """What became of an export: how many were to be given out, what was written, and what was there already."""

    total: int
    written: int = 0
    kept: int = 0
    left_out: int = 0
    written_bytes: int = 0

    @property
    def settled(self) -> int:
        return self.written + self.kept + self.left_out


def export_into(
    folder: Path,
    sessions: Chosen,
    form: str = catalogue.DEFAULT,
    *,
    progress: Callable[[FolderExport], None] = lambda export: None,
) -> FolderExport:
    """Write sessions into a folder, each file whole or not at all, the manifest last. Calls `progress` after each.

    A document is kept where its session has not changed since, and the file still is what was written. Files of
    sessions that are no longer chosen stay, and the manifest does not name them. Raises InvalidInput, OSError.
    """
    format = export_format(form)
    export = FolderExport(count_chosen(sessions))
    run = _Run(folder.absolute(), format, export, _known(folder))
    journal.make_folder(run.folder)
    with _appended(run.folder / PROGRESS_NAME) as log:
        journal.replace_bytes(run.folder / manifest.NAME, run.lines(turns(sessions), log, progress))
    (run.folder / PROGRESS_NAME).unlink(missing_ok=True)
    return export


@dataclass(slots=True)
class _Run:
    folder: Path
    format: Format
    export: FolderExport
    known: dict[str, manifest.Document]
    tally: manifest.Tally = field(default_factory=manifest.Tally)

    def lines(self, given: Iterator[Turn], log: IO[bytes], progress: Callable[[FolderExport], None]) -> Iterator[bytes]:
        """The new manifest, and on the way to it the documents."""
        yield manifest.header(exported_at=timezone.now(), form=self.format.name, sessions=self.export.total)
        for turn in given:
            yield self._line(turn, log)
            progress(self.export)
        yield self.tally.line()

    def _line(self, turn: Turn, log: IO[bytes]) -> bytes:
        document = self._kept(turn)
        if document is not None:
            self.export.kept += 1
        elif (document := self._written(turn)) is not None:
            self.export.written += 1
            self.export.written_bytes += document.size_bytes
            log.write(document.line())
            log.flush()
        else:
            self.export.left_out += 1
            self.tally.left_out += 1
            return manifest.left_out(turn.session_id, turn.left_out or "gone")
        self.tally.add(document)
        return document.line()

    def _kept(self, turn: Turn) -> manifest.Document | None:
        """The document as it was written before, if the session and the file are still as they were then."""
        known = self.known.get(turn.session_id)
        if known is None or turn.row is None or turn.left_out:
            return None
        if (known.format, known.revision) != (self.format.name, turn.row.revision):
            return None
        if known.file != manifest.file_name(turn.session_id, self.format.ending):
            return None
        return known if _is_as_written(self.folder / known.file, known) else None

    def _written(self, turn: Turn) -> manifest.Document | None:
        document = opened_document(turn, self.format)
        if document is None:
            return None
        name = manifest.file_name(turn.session_id, self.format.ending)
        journal.replace_bytes(self.folder / name, document)
        return describe(turn, self.format, name, document)


def _known(folder: Path) -> dict[str, manifest.Document]:
    """What the folder's manifest, and an export that did not come to its end, say was written; the latter counts."""
    found = {}
    for name in (manifest.NAME, PROGRESS_NAME):
        try:
            with (folder / name).open("rb") as lines:
                documents = filter(None, map(manifest.document_of, manifest.read(lines)))
                found.update({document.session_id: document for document in documents})
        except (FileNotFoundError, NotADirectoryError):
            continue
    return found


def _appended(path: Path) -> IO[bytes]:
    """The file to append to, behind a line's end: its last line may be torn."""
    log = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "ab")
    if os.fstat(log.fileno()).st_size:
        log.write(b"\n")
    return log


def _is_as_written(path: Path, document: manifest.Document) -> bool:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != document.size_bytes:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == document.digest
    except OSError:
        return False
