"""Files that a browser sends: streamed to disk as they come, however many, whoever may send them.

Django would keep small ones in memory, open a file for each large one, and forget which folder of a dropped folder they
lay in. Here all files of a request go one behind the other into a single nameless file in the data directory, which is
gone with the request. The settings name `Upload` as the one handler: the token that protects a form against forgery
is read with the form, so by the time a view could choose another, everything has arrived.
"""

import os
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import MultiValueDict

from sessions import conf

MOST_FILES = 20_000
_PIECE_BYTES = 1024 * 1024
# What a form has around its files: names, boundaries, its other fields.
_AROUND_BYTES = 8 * 1024 * 1024
_TAKES_FILES = frozenset({"sessions:imports"})


_PROBLEM = "upload_problem"


def files_of(request: HttpRequest) -> list["SentFile"]:
    """All files that came with a form, whatever their fields, in their order; none where any was refused."""
    if problem_of(request):
        return []
    return [file for _, files in request.FILES.lists() for file in files if isinstance(file, SentFile)]


def problem_of(request: HttpRequest) -> str:
    """Why files were refused, "" where they were not."""
    # Known once they were read.
    return str(getattr(request, _PROBLEM, "")) if request.FILES is not None else ""


class SentFile(UploadedFile):  # type: ignore[type-arg]  # Django has none
    """A file that was sent: a stretch of the request's file on disk. `path` has its folders, with slashes."""

    def __init__(self, spool: IO[bytes], path: str, *, start: int, size_bytes: int) -> None:
        # Django takes the folders off a name.
        super().__init__(file=spool, name=path, size=size_bytes)
        self.path = path
        self._spool = spool
        self._start = start

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, a piece at a time."""
        place, end = self._start, self._start + int(self.size or 0)
        while place < end and (piece := os.pread(self._spool.fileno(), min(_PIECE_BYTES, end - place), place)):
            place += len(piece)
            yield piece


class Upload(FileUploadHandler):
    """Takes what an administrator sends to a page that takes files; of everybody else's, and what is too much, nothing.

    What was refused is told by `problem_of`; the form's fields before the files are there.
    """

    file: IO[bytes]

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._parses = False
        self._too_large = False
        self._files = 0
        self._start = self._end = 0

    def handle_raw_input(  # type: ignore[override]
        self, input_data: Any, meta: Any, content_length: int, boundary: bytes, encoding: str | None = None
    ) -> tuple[QueryDict, MultiValueDict[str, Any]] | None:
        """Let a parser do it that keeps the folders."""
        if self._parses:
            return None
        self._parses = True
        self._too_large = content_length > conf.max_upload_bytes() + _AROUND_BYTES
        return _KeepingFolders(meta, input_data, [self], encoding).parse()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if not self._may_send():
            raise StopUpload(connection_reset=True)
        self._files += 1
        if self._too_large or self._files > MOST_FILES:
            self._refuse()
        if not hasattr(self, "file"):
            conf.data_dir().mkdir(parents=True, exist_ok=True)
            self.file = tempfile.TemporaryFile(dir=conf.data_dir())  # noqa: SIM115  (closed with the request)
        self._start = self._end

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)
        self._end += len(raw_data)

    def file_complete(self, file_size: int) -> SentFile:
        self.file.flush()
        return SentFile(self.file, str(self.file_name), start=self._start, size_bytes=self._end - self._start)

    def upload_interrupted(self) -> None:
        self._tell("The upload broke off.")

    def _may_send(self) -> bool:
        request = self.request
        place = getattr(request, "resolver_match", None)
        user = getattr(request, "user", None)
        takes_files = place is not None and place.view_name in _TAKES_FILES
        return takes_files and user is not None and user.is_active and user.is_superuser

    def _refuse(self) -> None:
        most = conf.max_upload_bytes() // (1024 * 1024)
        problem = f"More than {most:,} MB at once." if self._too_large else f"More than {MOST_FILES:,} files at once."
        self._tell(problem)
        # Read to its end: a browser that is still sending hears no answer.
        raise StopUpload(connection_reset=False)

    def _tell(self, problem: str) -> None:
        setattr(self.request, _PROBLEM, problem)


class _KeepingFolders(MultiPartParser):
    def sanitize_file_name(self, file_name: str) -> str | None:
        """The name with its folders, each cleaned as Django cleans a file's name."""
        sanitize = super().sanitize_file_name
        return "/".join(filter(None, map(sanitize, file_name.replace("\\", "/").split("/")))) or None
