"""Where an import's files lie until it is done: streamed there under names that can do no harm."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sessions import conf
from sessions.errors import InvalidInput, UploadTooLarge
from sessions.importers import Source, open_sources

MOST_FILES = 20_000
_MOST_FOLDERS = 20
_MOST_NAME_BYTES = 200
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def folder_of(import_id: UUID) -> Path:
    return conf.data_dir() / "imports" / str(import_id)


def keep_files(import_id: UUID, files: Iterable[tuple[str, Iterable[bytes]]]) -> tuple[list[str], int]:
    """Write files below the import's folder; their names as they were given, and how many bytes they are.

    Folders in a name are kept. Raises InvalidInput for a name that leads elsewhere, and UploadTooLarge; then nothing
    is kept.
    """
    folder = folder_of(import_id)
    folder.mkdir(mode=0o700, parents=True)
    try:
        return _kept(folder, files)
    except BaseException:
        drop_files(import_id)
        raise


def drop_files(import_id: UUID) -> None:
    shutil.rmtree(folder_of(import_id), ignore_errors=True)


def sources_of(import_id: UUID, format_name: str = "") -> list[Source]:
    """What can be read of an import's files, in their order. Raises NotFound where they are gone."""
    return list(as_format(open_sources(folder_of(import_id)), format_name))


def as_format(sources: Iterable[Source], name: str) -> Iterator[Source]:
    """The sources, read as a format whatever they look like; "" leaves that to the content. Raises InvalidInput."""
    for source in sources:
        if name:
            source.read_as(name)
        yield source


def named_by_person(import_id: UUID) -> Callable[[str], str]:
    """What takes the place where the files lie out of a place that a report names."""
    prefix = f"{folder_of(import_id)}/"
    return lambda place: place.replace(prefix, "", 1)


def _kept(folder: Path, files: Iterable[tuple[str, Iterable[bytes]]]) -> tuple[list[str], int]:
    limit, size_bytes = conf.max_upload_bytes(), 0
    names: list[str] = []
    for name, pieces in files:
        if len(names) >= MOST_FILES:
            raise InvalidInput("files", f"are more than {MOST_FILES:,}.", hint="Pack them into a ZIP archive.")
        with _created(folder, _safe_parts(name)) as target:
            for piece in pieces:
                size_bytes += len(piece)
                if size_bytes > limit:
                    raise UploadTooLarge(limit)
                target.write(piece)
        names.append(_CONTROL.sub("", name)[:1_000])
    if not names:
        raise InvalidInput("files", "are none.", hint="Send at least one.")
    return names, size_bytes


def _safe_parts(name: str) -> list[str]:
    """The folders and the name of a file, each one that may be made. Raises InvalidInput."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts or len(parts) > _MOST_FOLDERS:
        raise InvalidInput("name", "leads out of its folder, or too deep.", hint="Send the file by a plain name.")
    return [_safe(part) for part in parts] or ["file"]


def _safe(part: str) -> str:
    """A name that every file system takes; a long one keeps its end, which tells what it is."""
    plain = _CONTROL.sub("", part).encode()
    if len(plain) > _MOST_NAME_BYTES:
        plain = plain[-_MOST_NAME_BYTES:]
    text = plain.decode(errors="ignore")
    return text if text.strip(". ") else "file"


def _created(folder: Path, parts: list[str]) -> BinaryIO:
    """A new file; where there is one of the name already, beside it in a folder of its number."""
    for number in range(1, MOST_FILES + 1):
        place = folder.joinpath(*([] if number == 1 else [f"again-{number}"]), *parts)
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except (FileExistsError, NotADirectoryError):
            continue
        return os.fdopen(descriptor, "wb")
    raise InvalidInput("name", "is given too often.")
