"""Operations on journal files: lock, read the tail, append and sync, replace whole. Knows no database.

Every file is opened without following links and must be a regular file; files are 0600 in 0700 folders.
The caller holds the session's lock (`hold`) around everything that writes.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sessions.errors import DamagedLine

from . import codec, layout

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_TAIL_BYTES = 8 * 1024
_WRITE_BYTES = 1024 * 1024


class NotARegularFile(DamagedLine):
    """Something else stands where a journal belongs: a link, a FIFO, a folder, a device."""


class NotAFolder(NotARegularFile):
    """A link or a file stands where a two-character folder belongs."""


class SyncFailed(OSError):
    """The disk did not confirm a write. What the descriptor holds is unknown; it must not be used again."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a journal ends: its size in bytes, and the revision and hash of its last line."""

    size_bytes: int
    revision: int
    digest: str


def hold(places: layout.Layout, key: str) -> AbstractContextManager[None]:
    """Hold the key's lock against other threads and processes. Never take two at once."""
    return hold_file(places.lock(key))


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Hold a lock file, made where there is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)
    except FileNotFoundError:
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_journal(path: Path, flags: int) -> int:
    """Open an existing regular file, following a link neither at its end nor at the folder that it stands in.

    Raises FileNotFoundError, NotAFolder, NotARegularFile, or OSError as the system says.
    """
    try:
        folder = os.open(_folder(path), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise NotAFolder("Its folder is not a folder.") from error
        raise
    try:
        return open_regular(path.name, flags, dir_fd=folder)
    finally:
        os.close(folder)


@lru_cache(maxsize=4096)
def _folder(path: Path) -> str:
    return str(path.parent)


def open_regular(path: Path | str, flags: int, *, dir_fd: int | None = None) -> int:
    """Open an existing regular file without following a link at its end.

    Raises FileNotFoundError, NotARegularFile, or OSError as the system says.
    """
    try:
        # O_NONBLOCK: a FIFO must not make the caller wait for its other end.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOTDIR):
            raise NotARegularFile("It is not a regular file.") from error
        raise
    mode = os.fstat(descriptor).st_mode
    needed = stat.S_IRUSR | (stat.S_IWUSR if flags & os.O_RDWR else 0)
    if not stat.S_ISREG(mode) or mode & needed != needed:
        os.close(descriptor)
        # Root could go on, everybody else could not: the same file must get the same answer from both.
        reason = "The file's mode shuts its owner out." if stat.S_ISREG(mode) else "It is not a regular file."
        raise NotARegularFile(reason)
    return descriptor


def read_tail(descriptor: int) -> Tail:
    """The journal's end, its last line checked. Raises DamagedLine for an empty file or a torn or altered tail."""
    size = os.fstat(descriptor).st_size
    window = _TAIL_BYTES
    while True:
        start = max(0, size - window)
        chunk = os.pread(descriptor, size - start, start)
        if len(chunk) != size - start:
            raise DamagedLine("The file ended while it was read.")
        if not chunk.endswith(b"}\n"):
            # Told at once: what a crash or a disk left at the end may be gigabytes of nothing.
            raise DamagedLine("The file does not end as a journal does.")
        begin = chunk.rfind(b"\n", 0, len(chunk) - 1) + 1
        if begin or start == 0:
            break
        if window >= codec.MAX_LINE_BYTES:
            raise DamagedLine("The last line is longer than any line of this format.")
        window = min(window * 8, codec.MAX_LINE_BYTES)
    revision, digest = codec.tail_revision(chunk[begin:])
    return Tail(size, revision, digest)


def append(descriptor: int, tail: Tail, entries: Iterable[codec.Entry]) -> Tail:
    """Write the entries behind the tail and wait until they are on the disk.

    Raises OSError when they could not be written, SyncFailed when they were written but the disk did not confirm.
    Either way the file is cut back to the tail: what it says must never be taken for confirmed by the next one.
    """
    lines, digest, revision = [], tail.digest, tail.revision
    for entry in entries:
        line, digest = codec.encode_line(entry, digest)
        lines.append(line)
        revision = entry.revision
    data = b"".join(lines)
    try:
        _write_all(descriptor, data, tail.size_bytes)
        _sync_data(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, tail.size_bytes)
        raise
    return Tail(tail.size_bytes + len(data), revision, digest)


def confirm(descriptor: int, path: Path) -> None:
    """Wait until a file that somebody else wrote is on the disk, its name included. Raises SyncFailed."""
    _sync_data(descriptor)
    sync_folder(path.parent)


def replace(path: Path, entries: Iterable[codec.Entry]) -> None:
    """Write a whole journal anew and put it in place at once: temp, sync, rename, sync the folder."""
    replace_bytes(path, encoded(entries))


def replace_bytes(path: Path, chunks: Iterable[bytes], *, durable: bool = True) -> None:
    """Put a file in place atomically. `durable=False` leaves the waiting out, for files nobody is promised."""
    make_folder(path.parent)
    temporary = path.with_name(f"{layout.TEMPORARY_PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)
    try:
        try:
            offset = 0
            for chunk in chunks:
                _write_all(descriptor, chunk, offset)
                offset += len(chunk)
            if durable:
                _sync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Rename durably, within or across folders of the data directory."""
    make_folder(target.parent)
    source.rename(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove(path: Path) -> bool:
    """Unlink durably; False where there was nothing."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    sync_folder(path.parent)
    return True


def make_folder(path: Path) -> None:
    """Make a folder of the data directory, and its parents, durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=_FOLDER_MODE)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Wait until a folder's entries are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def encoded(entries: Iterable[codec.Entry]) -> Iterator[bytes]:
    """The entries' lines, chained, in pieces large enough to be worth a write."""
    digest, pending, size = codec.NO_PREVIOUS, [], 0
    for entry in entries:
        line, digest = codec.encode_line(entry, digest)
        pending.append(line)
        size += len(line)
        if size >= _WRITE_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join(pending)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        offset += written
        view = view[written:]


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, f"The disk did not confirm ({error.strerror}).") from error


def _sync_data(descriptor: int) -> None:
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, f"The disk did not confirm ({error.strerror}).") from error
