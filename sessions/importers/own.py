"""Our own exports: the JSON document of a session, the same as JSON Lines, and the manifest of an archive of them.

`exporters.document` writes them. They hold all that a session is, with IDs and times, so what is read here is no draft
but the records themselves. Each part is read by itself: a document may hold more than fits into memory.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sessions.errors import DamagedLine
from sessions.mirror import codec
from sessions.records import (
    JSON,
    ExportedInteraction,
    ExportedSession,
    ImportEvent,
    InteractionRecord,
    MergeRecord,
    SessionRecord,
    SetAside,
)

from .documents import Piece, first_objects, object_of, read_documents
from .formats import Format, Input, set_aside
from .jsonl import Line, Unreadable, head_records, parse, read_lines
from .values import count, mapping, name_of

VERSIONS = (1,)
MAX_PART_BYTES = 64 * 1024 * 1024
"""An interaction as an export has it: its text, and the original record as text, both as JSON."""

MAX_WAITING_BYTES = 32 * 1024 * 1024
"""How much of a document's interactions is held where somebody put them ahead of the session they belong to."""

CUT_OFF = "an export that was cut off"
LATER_VERSION = "an export of a version that is not known"
_INTERACTIONS = "interactions"
_BEFORE = frozenset({"session_info", "context", "merges"})
_ABSORBED = "absorbed"
_MEMBERS = _BEFORE | {_INTERACTIONS, _ABSORBED, "export_version", "export_timestamp", "kind"}
_LISTS = frozenset({_INTERACTIONS, _ABSORBED})


def recognises_document(head: bytes) -> bool:
    """Whether this is the JSON document of a session."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    objects = first_objects(head)
    return bool(objects) and "kind" not in objects[0] and _is_ours(objects[0])


def recognises_lines(head: bytes) -> bool:
    """Whether the first line is the session's of an export as JSON Lines."""
    first = next(head_records(head, 1), None) or next(iter(first_objects(head)), {})
    return first.get("kind") == "session" and _is_ours(first)


def recognises_manifest(head: bytes) -> bool:
    """Whether this is the manifest of an archive."""
    return any("manifest_version" in record and "sessions" in record for record in head_records(head, 1))


def _is_ours(record: Mapping[str, JSON]) -> bool:
    named = {"export_version", "export_timestamp", "session_info", "context", "merges", _INTERACTIONS} & record.keys()
    return "export_version" in record and len(named) >= 3


def _parsed(raw: bytes) -> JSON:
    """A part, however deep it is: the store says itself how deep what it holds may be, which is deeper than others."""
    return parse(raw, refuse_deep=False)


# --- the document -----------------------------------------------------------------------------------------------


class _Export:
    """One session's export on its way in: what is known of it so far, and what waits for the rest."""

    def __init__(self, source: Input, place: str) -> None:
        self._source = source
        self._place = place
        self._members: dict[str, JSON] = {}
        self._waiting: list[Piece] = []
        self._waiting_bytes = 0
        self._is_open = False
        self._is_refused = False
        self.interactions = 0
        self.absorbed = 0

    def take(self, piece: Piece | SetAside) -> Iterator[ImportEvent]:
        """A member of the document, or one of its interactions or of what absorbed sessions have."""
        if isinstance(piece, SetAside):
            self._source.records_read += 1
            yield piece
        elif piece.name not in _LISTS:
            yield from self._learn(piece)
        elif self._is_open or self._members.keys() >= _BEFORE:
            yield from self.open()
            yield from self._listed(piece)
        else:
            yield from self._wait(piece)

    def close(self) -> Iterator[ImportEvent]:
        """What is known at the end: now even a session without a sign of its merges is one."""
        yield from self.open()
        for piece in self._waiting:
            yield from self._listed(piece)
        self._waiting.clear()

    def learn(self, members: Mapping[str, JSON]) -> Iterator[SetAside]:
        """Take note of members that are parsed already."""
        for name, value in members.items():
            self._members.setdefault(name, value)
            if name not in _MEMBERS and value not in (None, "", [], {}):
                yield set_aside(self._place, f"export: {name_of(name)}", damaged=False)

    def _learn(self, piece: Piece) -> Iterator[SetAside]:
        try:
            yield from self.learn({piece.name: _parsed(piece.raw)})
        except Unreadable as error:
            self._source.records_read += 1
            yield set_aside(piece.place, error.reason, damaged=True, raw=piece.raw)

    def _wait(self, piece: Piece) -> Iterator[SetAside]:
        self._waiting_bytes += len(piece.raw)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._source.records_read += 1
            yield set_aside(piece.place, "an interaction too far ahead of its session", damaged=True, raw=piece.raw)
        else:
            self._waiting.append(piece)

    def open(self) -> Iterator[ImportEvent]:
        """The session, once."""
        if self._is_open:
            return
        self._is_open = True
        self._source.records_read += 1
        try:
            if self._members.get("export_version") not in VERSIONS:
                raise DamagedLine(LATER_VERSION)
            record = _session(mapping(self._members.get("session_info")), mapping(self._members.get("context")))
        except DamagedLine as error:
            self._is_refused = True
            yield set_aside(self._place, error.message, damaged=True)
            return
        merges = []
        listed = self._members.get("merges")
        for number, payload in enumerate(listed if isinstance(listed, list) else []):
            try:
                merges.append(codec.from_payload(MergeRecord, payload))
            except DamagedLine as error:
                self._source.records_read += 1
                yield set_aside(f"{self._place}.merges[{number}]", error.message, damaged=True)
        yield ExportedSession(record=record, merges=merges, place=self._place)

    def _listed(self, piece: Piece) -> Iterator[ImportEvent]:
        line = object_of(piece, _parsed)
        if isinstance(line, SetAside):
            self._source.records_read += 1
            yield line
        elif piece.name == _ABSORBED:
            yield self.absorbed_of(line)
        else:
            yield self.interaction_of(line)

    def is_whole(self, end: Mapping[str, JSON]) -> bool:
        """Whether the last line of JSON Lines counts what was there."""
        counted = (count(end.get(_INTERACTIONS)), count(end.get(_ABSORBED)) or 0)
        return counted == (self.interactions, self.absorbed)

    def interaction_of(self, line: Line) -> ImportEvent:
        """An interaction of the session's own."""
        self.interactions += 1
        return self._event(line, line.record, "")

    def absorbed_of(self, line: Line) -> ImportEvent:
        """One that an absorbed session has."""
        self.absorbed += 1
        return self._event(line, mapping(line.record.get("interaction")), line.record.get("session_id"))

    def _event(self, line: Line, payload: dict[str, Any], absorbed_id: JSON) -> ImportEvent:
        self._source.records_read += 1
        if self._is_refused:
            return set_aside(line.place, "an interaction of a session that was set aside", damaged=True, raw=line.raw)
        if not isinstance(absorbed_id, str):
            return set_aside(line.place, "an interaction of a session without an ID", damaged=True, raw=line.raw)
        try:
            return ExportedInteraction(record=_interaction(payload), place=line.place, absorbed_id=absorbed_id)
        except DamagedLine as error:
            return set_aside(line.place, error.message, damaged=True, raw=line.raw)


def _session(info: dict[str, Any], context: dict[str, Any]) -> SessionRecord:
    """The header. Where it was merged into stands in no export: that one is given out instead."""
    payload = {**info, **{name: value for name, value in context.items() if value is not None}}
    if "last_activity" in payload:
        payload["last_activity_at"] = payload.pop("last_activity")
    payload.pop("merged_into", None)
    return codec.from_payload(SessionRecord, payload)


def _interaction(payload: dict[str, Any]) -> InteractionRecord:
    """An interaction, its original record packed again as the store keeps it."""
    original = payload.get("source_record")
    record = codec.from_payload(InteractionRecord, {**payload, "source_record": None})
    return record if original is None else replace(record, source_record=_packed(original))


def _packed(original: JSON) -> bytes:
    if isinstance(original, str):
        return zlib.compress(original.encode("utf-8", "surrogatepass"))
    try:
        return zlib.compress(base64.b64decode(mapping(original)["base64"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise DamagedLine("The line's source_record is not of its type.") from None


def read_document(source: Input) -> Iterator[ImportEvent]:
    """The session of a document and its interactions, one at a time; and those of documents that follow it."""
    documents = read_documents(source, _LISTS, MAX_PART_BYTES)
    for number, members in enumerate(documents, 1):
        export = _Export(source, f"{source.place}:{number}")
        for piece in members:
            yield from export.take(piece)
        yield from export.close()


# --- JSON Lines -------------------------------------------------------------------------------------------------


def read_export_lines(source: Input) -> Iterator[ImportEvent]:
    """The sessions of a file of JSON Lines. One whose last line is not there was cut off, which is said."""
    export: _Export | None = None
    place = source.place
    for line in read_lines(source, MAX_PART_BYTES, _parsed):
        place = line.place
        if isinstance(line, SetAside):
            source.records_read += 1
            yield line
        elif line.record.get("kind") == "session":
            if export is not None:
                yield set_aside(line.place, CUT_OFF, damaged=True)
            export = _Export(source, line.place)
            yield from export.learn(line.record)
            yield from export.open()
        elif export is None:
            source.records_read += 1
            yield set_aside(line.place, "a line of no session", damaged=True, raw=line.raw)
        elif line.record.get("kind") == "end":
            source.records_noted += 1
            source.records_read += 1
            if not export.is_whole(line.record):
                yield set_aside(line.place, CUT_OFF, damaged=True, raw=line.raw)
            export = None
        elif line.record.get("kind") == _ABSORBED:
            yield export.absorbed_of(line)
        else:
            yield export.interaction_of(line)
    if export is not None:
        yield set_aside(place, CUT_OFF, damaged=True)


def read_manifest(source: Input) -> Iterator[ImportEvent]:
    """What an archive says of itself: its documents say the same, but for the sessions that it left out."""
    for line in read_lines(source):
        source.records_read += 1
        if isinstance(line, SetAside):
            yield line
        elif "session_id" in line.record and (reason := line.record.get("left_out")):
            yield set_aside(line.place, f"a session that was left out: {name_of(reason)}", damaged=False, raw=line.raw)
        else:
            source.records_noted += 1


DOCUMENT = Format(name="sessionsite", recognises=recognises_document, read=read_document)
LINES = Format(name="sessionsite-lines", recognises=recognises_lines, read=read_export_lines)
MANIFEST = Format(name="sessionsite-manifest", recognises=recognises_manifest, read=read_manifest)
