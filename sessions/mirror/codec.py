"""Records to journal lines and back. Pure: no files, no database.

A line is one JSON object in ASCII:

    {"v":1,"kind":"interaction","rev":7,"prev":"<64 hex>","data":{...},"sha256":"<64 hex>"}

`sha256` is the SHA-256 of the line's own bytes before `,"sha256":`, so a reader needs no canonical JSON to check
it. `prev` repeats the hash of the line before, 64 zeros in the first.
"""

import base64
import binascii
import dataclasses
import hashlib
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from sessions.errors import DamagedLine
from sessions.records import (
    JSON,
    InteractionRecord,
    MergeRecord,
    Note,
    Origin,
    ProfileRecord,
    SessionRecord,
    TombstoneRecord,
    TrashRecord,
    UserMergeRecord,
)

FORMAT_VERSION = 1
NO_PREVIOUS = "0" * 64
MAX_LINE_BYTES = 64 * 1024 * 1024
# A database's 64 bits, with room to count on.
_MAX_REVISION = 2**62
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
# How our own lines begin; a sound line that begins otherwise is read the long way.
_BEGINNING = re.compile(rb'\{"v":1,"kind":"[a-z]+","rev":([0-9]{1,18}),"prev":"')
_HASH_MEMBER = b',"sha256":"'
_END = b'"}\n'
_TRAILER_BYTES = len(_HASH_MEMBER) + 64 + len(_END)

type Record = (
    SessionRecord | InteractionRecord | MergeRecord | TrashRecord | TombstoneRecord | ProfileRecord | UserMergeRecord
)

KINDS: dict[str, type[Record]] = {
    "session": SessionRecord,
    "interaction": InteractionRecord,
    "merge": MergeRecord,
    "trash": TrashRecord,
    "delete": TombstoneRecord,
    "profile": ProfileRecord,
    "usermerge": UserMergeRecord,
}
_KIND_OF = {record_type: kind for kind, record_type in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """A record and the revision at which it came to be: what becomes a line."""

    revision: int
    record: Record


@dataclass(frozen=True, slots=True)
class Line:
    """A line that verified."""

    revision: int
    previous: str
    digest: str
    record: Record


def encode_line(entry: Entry, previous: str) -> tuple[bytes, str]:
    """The line's bytes with its newline, and its hash."""
    text = _ENCODER.encode(
        {
            "v": FORMAT_VERSION,
            "kind": _KIND_OF[type(entry.record)],
            "rev": entry.revision,
            "prev": previous,
            "data": to_payload(entry.record),
        }
    )
    body = text[:-1].encode("ascii")
    digest = hashlib.sha256(body).hexdigest()
    return b"".join((body, _HASH_MEMBER, digest.encode("ascii"), _END)), digest


def line_digest(raw: bytes) -> str:
    """The hash of a line's bytes, checked; raises DamagedLine. Decodes nothing."""
    body, trailer = raw[:-_TRAILER_BYTES], raw[-_TRAILER_BYTES:]
    if not trailer.startswith(_HASH_MEMBER) or not trailer.endswith(_END):
        raise DamagedLine("The line does not end as a line of this format does.")
    digest = hashlib.sha256(body).hexdigest()
    if trailer[len(_HASH_MEMBER) : -len(_END)] != digest.encode("ascii"):
        raise DamagedLine("The line's bytes do not match its hash.")
    return digest


def decode_line(raw: bytes) -> Line:
    """Check and read one line with its newline. Raises DamagedLine for anything but a sound line."""
    digest = line_digest(raw)
    try:
        value = json.loads(raw[:-_TRAILER_BYTES] + b"}", parse_constant=_refuse_constant)
        version, kind, revision = value["v"], value["kind"], value["rev"]
        previous, payload = value["prev"], value["data"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DamagedLine(f"The line is not an object of this format ({type(error).__name__}).") from error
    if version != FORMAT_VERSION:
        raise DamagedLine(f"The line is of format version {version!r}; this program reads {FORMAT_VERSION}.")
    if not _is_revision(revision) or not isinstance(previous, str):
        raise DamagedLine("The line's revision or previous hash is not of its type.")
    record_type = KINDS.get(kind) if isinstance(kind, str) else None
    if record_type is None:
        raise DamagedLine("The line's kind is unknown.")
    return Line(revision, previous, digest, from_payload(record_type, payload))


def tail_revision(raw: bytes) -> tuple[int, str]:
    """Revision and hash of a sound line, without building its record: all that an append needs to know."""
    digest = line_digest(raw)
    if beginning := _BEGINNING.match(raw):
        return int(beginning[1]), digest
    try:
        revision = json.loads(raw[:-_TRAILER_BYTES] + b"}")["rev"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DamagedLine("The last line is not an object of this format.") from error
    if not _is_revision(revision):
        raise DamagedLine("The last line's revision is not of its type.")
    return revision, digest


def _is_revision(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_REVISION


def to_payload(record: Record | Origin | Note) -> dict[str, JSON]:
    """A record's fields as JSON, those left out that have their default."""
    payload = {}
    fields, read = _reader_of(cast(Any, type(record)))
    for (name, default, encode, _), value in zip(fields, read(record), strict=True):
        if value != default:
            payload[name] = value if encode is None or value is None else encode(value)
    return payload


def from_payload[R](record_type: type[R], payload: object) -> R:
    """The record of a payload; unknown fields are passed over. Raises DamagedLine when a type is wrong."""
    if not isinstance(payload, dict):
        raise DamagedLine("The line's data is not an object.")
    values: dict[str, Any] = {}
    try:
        for name, default, _, decode in _fields_of(cast(Any, record_type)):
            if name in payload:
                value = payload[name]
                values[name] = None if value is None and default is None else decode(value)
            elif default is dataclasses.MISSING:
                raise DamagedLine(f"The line's data lacks {name}.")
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise DamagedLine(f"The line's {name} is not of its type.") from error
    record = record_type(**values)
    return cast(R, _with_scopes(record)) if isinstance(record, InteractionRecord) else record


def _with_scopes(record: InteractionRecord) -> InteractionRecord:
    """An interaction with its key in the scope that it was given in, also where a file has no scopes yet.

    Before there were any, what a merge moved kept its key as if the survivor had given it, or gave it up.
    """
    if record.key_scope or not record.origins:
        return record
    given_up = [origin.idempotency_key for origin in record.origins if origin.idempotency_key is not None]
    key = record.idempotency_key or next(iter(given_up), None)
    if key is None:
        return record
    first, *later = (replace(origin, idempotency_key=None) for origin in record.origins)
    scope = first.session_id
    origins = [first, *(replace(origin, key_scope=scope) for origin in later)]
    return replace(record, idempotency_key=key, key_scope=scope, origins=origins)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _encode_time(value: datetime) -> str:
    # Nearly all times are in UTC already, and end in its "+00:00".
    moment = value if value.tzinfo is UTC else value.astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"


def _decode_time(value: Any) -> datetime:
    moment = datetime.fromisoformat(_exactly(str)(value))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decode_bytes(value: Any) -> bytes:
    return base64.b64decode(_exactly(str)(value), validate=True)


def _exactly(kind: type) -> Callable[[Any], Any]:
    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"not {kind.__name__}")
        return value

    return decode


def _decode_float(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError("not a number")
    return float(value)


def _decode_strings(value: Any) -> list[str]:
    return [_exactly(str)(item) for item in _exactly(list)(value)]


def _identity(value: Any) -> Any:
    return value


type _Field = tuple[str, Any, Callable[[Any], Any] | None, Callable[[Any], Any]]


@cache
def _fields_of(record_type: Any) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(record_type)
    return tuple(
        (field.name, _default_of(field), *_coders(hints[field.name])) for field in dataclasses.fields(record_type)
    )


@cache
def _reader_of(record_type: Any) -> tuple[tuple[_Field, ...], Callable[[Any], tuple[Any, ...]]]:
    """A record's fields, and what reads all their values at once."""
    fields = _fields_of(record_type)
    return fields, attrgetter(*(name for name, *_ in fields))


def _default_of(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _coders(hint: Any) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]:
    """How a field of this type is written (None: as it is) and read."""
    if isinstance(hint, types.UnionType):
        hint = next(member for member in hint.__args__ if member is not types.NoneType)
    origin = typing.get_origin(hint)
    if origin in (Sequence, typing.Sequence):
        return _list_coders(hint.__args__[0])
    if origin in (Mapping, typing.Mapping):
        return dict, _exactly(dict)
    coders: dict[Any, tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]] = {
        str: (None, _exactly(str)),
        int: (None, _exactly(int)),
        float: (None, _decode_float),
        datetime: (_encode_time, _decode_time),
        UUID: (str, lambda value: UUID(_exactly(str)(value))),
        bytes: (_encode_bytes, _decode_bytes),
    }
    return coders.get(hint, (None, _identity))


def _list_coders(member: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """How a list of such members is written and read."""
    if isinstance(member, type) and dataclasses.is_dataclass(member):
        return (
            lambda records: [to_payload(one) for one in records],
            lambda value: [from_payload(cast(Any, member), one) for one in _exactly(list)(value)],
        )
    if member is UUID:
        return (
            lambda values: [str(one) for one in values],
            lambda value: [UUID(one) for one in _decode_strings(value)],
        )
    return list, _decode_strings
