"""What an export of many sessions says of itself: one JSON object a line, from a header to an end line.

    {"manifest_version": 1, "exported_at": ..., "format": "json", "sessions": 2}
    {"session_id": ..., "file": ..., "title": ..., "format": ..., "revision": 7, "bytes": 812, "sha256": ...}
    {"session_id": ..., "left_out": "merged"}
    {"kind": "end", "documents": 1, "left_out": 1, "bytes": 812}

`sessions` is how many were chosen when it began, `revision` the session's count of changes. Whatever lacks its end line
was cut off.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

VERSION = 1
NAME = "manifest.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One session's document; `file` is its path in the archive or folder."""

    session_id: str
    file: str
    title: str
    format: str
    revision: int
    size_bytes: int
    digest: str

    def line(self) -> bytes:
        values = {"session_id": self.session_id, "file": self.file, "title": self.title, "format": self.format}
        return line_of({**values, "revision": self.revision, "bytes": self.size_bytes, "sha256": self.digest})


@dataclass(slots=True)
class Tally:
    """What the end line counts."""

    documents: int = 0
    left_out: int = 0
    size_bytes: int = 0

    def add(self, document: Document) -> None:
        self.documents += 1
        self.size_bytes += document.size_bytes

    def line(self) -> bytes:
        counts = {"documents": self.documents, "left_out": self.left_out, "bytes": self.size_bytes}
        return line_of({"kind": "end", **counts})


class Measured:
    """A document's bytes on their way out, counted and hashed as they pass."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for text in self._texts:
            piece = text.encode()
            self._hash.update(piece)
            self.size_bytes += len(piece)
            yield piece


def header(*, exported_at: datetime, form: str, sessions: int) -> bytes:
    values = {"manifest_version": VERSION, "exported_at": exported_at.isoformat(), "format": form}
    return line_of({**values, "sessions": sessions})


def left_out(session_id: str, reason: str) -> bytes:
    return line_of({"session_id": session_id, "left_out": reason})


def read(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The lines that are whole; whatever is none, such as a torn one, is passed over."""
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def document_of(line: Mapping[str, Any]) -> Document | None:
    """The document that a line tells of, None for any other line."""
    try:
        return Document(
            session_id=str(line["session_id"]),
            file=str(line["file"]),
            title=str(line["title"]),
            format=str(line["format"]),
            revision=int(line["revision"]),
            size_bytes=int(line["bytes"]),
            digest=str(line["sha256"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def file_name(session_id: str, ending: str) -> str:
    """A name that no other session's has, even on a disk that takes `A` for `a`."""
    if session_id == session_id.lower():
        return f"{session_id}.{ending}"
    return f"{session_id}~{hashlib.sha256(session_id.encode()).hexdigest()[:8]}.{ending}"


def session_of(file: str) -> str:
    """The session that a file's name is of: no ending holds a dot, and no ID a `~`."""
    return file.rpartition("/")[2].rpartition(".")[0].partition("~")[0]


def line_of(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
