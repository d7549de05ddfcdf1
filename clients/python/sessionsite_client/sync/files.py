"""Files in and out: imports of other tools' files, exports of one session or of many."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from typing import BinaryIO, Unpack

from ..exports import Format, archive_request, export_request, whole_file
from ..shapes import Import, ImportLine, ImportList
from ..uploads import Upload
from ..verbs import imports as verbs
from ..verbs.sessions import SessionNarrowing
from .core import Core


class FileVerbs(Core):
    def export_stream(self, session_id: str, form: Format = "json") -> AbstractContextManager[Iterator[bytes]]:
        """The whole session as it comes, in pieces: `with client.export_stream(session_id) as pieces`."""
        return self.stream(export_request(session_id, form))

    def export(self, session_id: str, to: str | PathLike[str] | BinaryIO, form: Format = "json") -> int:
        """Write the whole session into a file, which appears only once it is complete, or into an open one.

        Returns its size in bytes. Raises NotFound and Unreachable.
        """
        with self.export_stream(session_id, form) as pieces, whole_file(to) as file:
            return sum(file.write(piece) for piece in pieces)

    def export_many_stream(
        self,
        form: Format = "json",
        *,
        session_ids: Sequence[str] | None = None,
        after: str = "",
        **narrowed: Unpack[SessionNarrowing],
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Many sessions as a ZIP, in pieces as it is made; see `export_many`."""
        return self.stream(archive_request(form, session_ids, after, narrowed))

    def export_many(
        self,
        to: str | PathLike[str] | BinaryIO,
        form: Format = "json",
        *,
        session_ids: Sequence[str] | None = None,
        after: str = "",
        **narrowed: Unpack[SessionNarrowing],
    ) -> int:
        """Write many sessions into a ZIP, in the order of their IDs: all that `sessions` would go through, or up to
        1,000 that are named. A file that is named by its path appears only once it is complete.

        `after` goes on behind a session's ID. Returns its size in bytes. Raises NotFound, Unreachable, and ValueError
        for names and filters at once.
        """
        chosen = self.export_many_stream(form, session_ids=session_ids, after=after, **narrowed)
        with chosen as pieces, whole_file(to) as file:
            return sum(file.write(piece) for piece in pieces)

    def start_import(
        self,
        source: str | PathLike[str] | bytes | BinaryIO,
        *,
        name: str = "",
        form: str = "",
        user_id: str = "",
        tags: Sequence[str] = (),
        preview: bool = False,
    ) -> Import:
        """Send a file of another tool, or an archive of them, which the server then takes in by itself.

        `name` is what reports call it (its own name where nothing is said), `form` the format to read it as, whatever
        it looks like, `user_id` the user of what names nobody. With `preview` it waits until it is confirmed. Raises
        TooLarge, InvalidInput, NotFound for a user that is not there, OSError where the file cannot be read.
        """
        asked = {"name": name, "form": form, "user_id": user_id}
        return self.send(verbs.start_import(Upload(source), **asked, tags=tags, preview=preview))

    def wait_for_import(self, import_id: str, *, within: float | None = None, every_seconds: float = 0.5) -> Import:
        """The import once it is done, failed, cancelled or undone, or waits to be confirmed (`state` says which).

        Raises TimeoutError after `within` seconds; the import goes on all the same.
        """
        began = time.monotonic()
        while (found := self.get_import(import_id)).state not in verbs.SETTLED:
            if within is not None and time.monotonic() - began > within:
                raise TimeoutError(f"The import {import_id} is still {found.state}.")
            self._sleep(every_seconds)
        return found

    def get_import(self, import_id: str) -> Import:
        """How far an import is, what was found, and what became of it. Raises NotFound."""
        return self.send(verbs.get_import(import_id))

    def list_imports(self, *, cursor: str = "", limit: int | None = None) -> ImportList:
        """A page of imports, the latest first."""
        return self.send(verbs.list_imports(cursor=cursor, limit=limit))

    def imports(self, *, page: int = 50) -> Iterator[ImportLine]:
        """All imports, page after page."""
        found = self.list_imports(limit=page)
        yield from found.imports
        while found.next_cursor:
            found = self.list_imports(cursor=found.next_cursor, limit=page)
            yield from found.imports

    def confirm_import(self, import_id: str) -> Import:
        """Take in what was looked at. Raises Conflict where it waits for nobody."""
        return self.send(verbs.confirm_import(import_id))

    def cancel_import(self, import_id: str) -> Import:
        """Drop an import that has stored nothing yet, and its file. Raises Conflict where it has."""
        return self.send(verbs.cancel_import(import_id))

    def undo_import(self, import_id: str) -> Import:
        """Begin to take an import back; `wait_for_import` tells when it is undone. Needs the scope admin."""
        return self.send(verbs.undo_import(import_id))
