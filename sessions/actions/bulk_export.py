"""Many sessions in one archive: a JSON document each, and a manifest of what is in it."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import IO

from django.utils import timezone

from sessions.errors import SessionNotFound
from sessions.exporters import archive
from sessions.models import Session
from sessions.records import JSON

from .export import export_session
from .listing import SessionFilters, matching

_MANIFEST_IN_MEMORY = 1024 * 1024
_CHUNK = 64 * 1024


def export_archive(sessions: Sequence[str] | SessionFilters) -> Iterator[bytes]:
    """A ZIP of the sessions of some IDs, or of all that fit some filters, as a stream.

    Documents are numbered, so that no two names meet on a disk that ignores case. The manifest, one JSON object a
    line, comes last: what it says of a document (SHA-256, bytes) is known only then. A session that is gone by its
    turn, or was merged into another, has a line that says so, and no document.
    """
    found = matching(sessions) if isinstance(sessions, SessionFilters) else Session.objects.filter(pk__in=sessions)
    ids = list(found.order_by("-last_activity_at", "-session_id").values_list("pk", flat=True))
    return archive.stream(_members(ids))


def _members(ids: Sequence[str]) -> Iterator[tuple[str, Iterable[bytes]]]:
    with closing(tempfile.SpooledTemporaryFile(_MANIFEST_IN_MEMORY)) as manifest:
        _note(manifest, {"manifest_version": 1, "exported_at": timezone.now().isoformat(), "sessions": len(ids)})
        for number, session_id in enumerate(ids, 1):
            row = Session.objects.filter(pk=session_id).first()
            if row is None or row.merged_into_id is not None:
                _note(manifest, {"session_id": session_id, "left_out": "merged" if row else "gone"})
                continue
            try:
                document = export_session(session_id)
            except SessionNotFound:
                _note(manifest, {"session_id": session_id, "left_out": "gone"})
                continue
            name = f"sessions/{number:06}-{session_id}.json"
            yield name, _noted(document, manifest, {"session_id": session_id, "file": name, "title": str(row)})
        manifest.seek(0)
        yield "manifest.jsonl", iter(lambda: manifest.read(_CHUNK), b"")


def _noted(document: Iterator[str], manifest: IO[bytes], line: dict[str, JSON]) -> Iterator[bytes]:
    """A document's bytes; once they are out, its line stands in the manifest."""
    digest, size_bytes = hashlib.sha256(), 0
    for text in document:
        piece = text.encode()
        digest.update(piece)
        size_bytes += len(piece)
        yield piece
    _note(manifest, {**line, "bytes": size_bytes, "sha256": digest.hexdigest()})


def _note(manifest: IO[bytes], line: dict[str, JSON]) -> None:
    manifest.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
