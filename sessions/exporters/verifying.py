"""Whether an archive or a folder of exports is whole, and holds what its manifest says. Knows no database.

An archive that was cut off has lost its manifest and its directory, which come last; `torn` tells how far it got.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from . import manifest, torn

_PIECE = 64 * 1024
_MOST_PROBLEMS = 1_000

type Content = Callable[[str], Iterator[bytes]]


@dataclass(slots=True)
class Verification:
    """What was found. Without problems, all is there and as it was written.

    `last` is the session of the last whole document of an archive that was cut off, from where an export goes on.
    """

    documents: int = 0
    size_bytes: int = 0
    problems: list[str] = field(default_factory=list)
    is_cut_off: bool = False
    last: str = ""

    def complain(self, problem: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)

    def cut_off(self, problem: str) -> None:
        self.is_cut_off = True
        self.complain(problem)


def verify(path: Path) -> Verification:
    """Look at an archive or a folder. Raises OSError where there is none."""
    found = Verification()
    if path.is_dir():
        _verify_folder(path, found)
    elif zipfile.is_zipfile(path):
        _verify_archive(path, found)
    else:
        _verify_torn(path, found)
    return found


def _verify_folder(folder: Path, found: Verification) -> None:
    if not (folder / manifest.NAME).is_file():
        found.cut_off(f"{manifest.NAME} is missing: the export did not come to its end.")
        return
    with (folder / manifest.NAME).open("rb") as lines:
        _compare(lines, found, lambda name: _pieces_of(folder / name))


def _verify_archive(path: Path, found: Verification) -> None:
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if manifest.NAME not in names:
            found.complain(f"{manifest.NAME} is missing.")
            return
        with archive.open(manifest.NAME) as lines:
            known = _compare(lines, found, lambda name: _member_of(archive, name))
        for name in sorted(names - known - {manifest.NAME}):
            found.complain(f"{name}: the manifest does not know it.")


def _verify_torn(path: Path, found: Verification) -> None:
    for name, size_bytes in torn.whole_members(path):
        if name != manifest.NAME:
            found.documents += 1
            found.size_bytes += size_bytes
            found.last = manifest.session_of(name)
    found.cut_off("The archive lacks its end: the export was cut off.")


def _pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _member_of(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as member:
        yield from iter(lambda: member.read(_PIECE), b"")


def _compare(lines: Iterable[bytes], found: Verification, content: Content) -> set[str]:
    """Each document against its line, and the end line against all of them; the names that there should be."""
    known: set[str] = set()
    told, end = manifest.Tally(), None
    rest = manifest.read(lines)
    if next(rest, {}).get("manifest_version") != manifest.VERSION:
        found.complain("The manifest is of a version that is not known.")
    for line in rest:
        if line.get("kind") == "end":
            end = line
        elif "left_out" in line:
            told.left_out += 1
        elif (document := manifest.document_of(line)) is None:
            found.complain("The manifest has a line that makes no sense.")
        else:
            told.add(document)
            known.add(document.file)
            _check(document, found, content)
    if end is None:
        found.cut_off("The manifest lacks its end line: the export did not come to its end.")
    elif told.line() != manifest.line_of(end):
        found.complain("The manifest's end line counts otherwise than the manifest does.")
    return known


def _check(document: manifest.Document, found: Verification, content: Content) -> None:
    path = PurePosixPath(document.file)
    if path.is_absolute() or ".." in path.parts or "\\" in document.file:
        found.complain(f"{document.file}: no name that an export gives.")
        return
    digest, size_bytes = hashlib.sha256(), 0
    try:
        for piece in content(document.file):
            digest.update(piece)
            size_bytes += len(piece)
    except (OSError, KeyError):
        found.complain(f"{document.file}: missing, or it cannot be read.")
    except (zipfile.BadZipFile, zlib.error):
        found.complain(f"{document.file}: damaged.")
    else:
        if (digest.hexdigest(), size_bytes) == (document.digest, document.size_bytes):
            found.documents += 1
            found.size_bytes += size_bytes
        else:
            found.complain(f"{document.file}: not what the manifest says.")
