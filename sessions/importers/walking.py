"""From a path to the sources in it: folders walked, archives listed, links never followed."""

import io
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sessions.errors import NotFound

from . import archives, torn_archives
from .archives import Member, is_archive
from .formats import printable
from .gzipped import is_gzipped, open_gzipped, stated_size
from .sources import Source, open_regular, reason_of


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
            yield Source(path, obstacle=reason_of(error), damaged=True)


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
    elif _is_part_of_a_database(path):
        yield Source(path, obstacle="a part of the database beside it")
    elif is_archive(beginning := _beginning(path)):
        yield from _members(path)
    elif is_gzipped(beginning):
        with open_regular(path) as packed:
            size_bytes = stated_size(packed)
        yield Source(path / path.stem, size_bytes, opened=lambda: open_gzipped(open_regular(path)))
    else:
        yield Source(path, status.st_size)


def _is_part_of_a_database(path: Path) -> bool:
    """Whether this is what SQLite keeps beside a database that is in use; it is read along with that."""
    name = path.name.removesuffix("-wal").removesuffix("-shm")
    return name != path.name and _beginning(path.with_name(name)) == b"SQLi"


def _beginning(path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            return stream.peek(4)[:4]
    except OSError:
        return b""  # it will be said when the file is read


def _members(path: Path) -> Iterator[Source]:
    with open_regular(path) as archive:
        try:
            members = archives.members_of(archive)
        except archives.NotReadable as error:
            if str(error) != archives.WITHOUT_END:
                raise
            yield Source(path, obstacle=archives.WITHOUT_END, damaged=True)
            members = torn_archives.members_found(archive)
            if not members:
                return
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
    archive = open_regular(path)
    try:
        return archives.open_member(archive, member)
    except OSError:
        archive.close()
        raise
