"""The checks: each takes a field's name and a value, and gives the value back or raises InvalidInput."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sessions.errors import InvalidInput
from sessions.records import JSON, InteractionDraft, InteractionKind, Note

MAX_TEXT_CHARACTERS = 4 * 1024 * 1024
MAX_INTERACTION_CHARACTERS = 8 * 1024 * 1024
MAX_SHORT_CHARACTERS = 255
MAX_STATUS_CHARACTERS = 64
MAX_KEY_CHARACTERS = 200
MAX_TITLE_CHARACTERS = 1_000
MAX_TAG_CHARACTERS = 100
MAX_NOTE_CHARACTERS = 10_000
MAX_NOTES = 500
MAX_PINS = 500
MAX_JSON_DEPTH = 64
MAX_INTEGER = 2**63 - 1
# What an interaction or a session may take up as JSON: a journal line holds an interaction, and the three session
# records of a merge, with room to spare (see codec.MAX_LINE_BYTES).
MAX_INTERACTION_BYTES = 48 * 1024 * 1024
MAX_HEADER_BYTES = 16 * 1024 * 1024
MAX_SOURCE_RECORD_BYTES = 8 * 1024 * 1024
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

SHORT_FIELDS = {"tool_name": MAX_SHORT_CHARACTERS, "model": MAX_SHORT_CHARACTERS, "status": MAX_STATUS_CHARACTERS}
TEXT_FIELDS = ("prompt", "response", "reasoning", "error_message")
_COUNT_FIELDS = ("input_tokens", "output_tokens", "cost_microusd")


def interaction(draft: InteractionDraft) -> InteractionDraft:
    """The draft with every field checked, its kind an InteractionKind. Raises InvalidInput."""
    try:
        kind = InteractionKind(draft.kind)
    except ValueError:
        known = ", ".join(kind.value for kind in InteractionKind)
        raise InvalidInput("kind", f"must be one of {known}.") from None
    total = _check_texts(draft)
    for name in _COUNT_FIELDS:
        count(name, getattr(draft, name))
    elapsed = draft.execution_time_ms
    if elapsed is not None:
        elapsed = duration("execution_time_ms", elapsed)
    # In UTC: PostgreSQL takes no zone that is sixteen hours away or more.
    occurred_at = None if draft.occurred_at is None else moment("occurred_at", draft.occurred_at)
    _check_links(draft)
    parameters = None if draft.tool_parameters is None else json_value("tool_parameters", draft.tool_parameters)
    metadata = json_object("metadata", draft.metadata) if draft.metadata else {}
    _refuse_oversized(draft, total, parameters, metadata)
    same_moment = occurred_at is draft.occurred_at
    if kind is draft.kind and parameters is None and elapsed is None and draft.metadata == {} and same_moment:
        return draft
    return replace(
        draft,
        kind=kind,
        tool_parameters=parameters,
        metadata=metadata,
        execution_time_ms=elapsed,
        occurred_at=occurred_at,
    )


def _check_texts(draft: InteractionDraft) -> int:
    """How many characters of text there are. Most texts are empty, and a call costs more than a look."""
    total = 0
    for name in TEXT_FIELDS:
        if (value := getattr(draft, name)) != "":
            total += len(text(name, value))
    if total > MAX_INTERACTION_CHARACTERS:
        raise InvalidInput("interaction", f"more than {MAX_INTERACTION_CHARACTERS:,} characters of text.")
    for name, longest in SHORT_FIELDS.items():
        if (value := getattr(draft, name)) != "":
            text(name, value, longest=longest)
    return total


def _check_links(draft: InteractionDraft) -> None:
    for name in ("idempotency_key", "parent_key"):
        if (key := getattr(draft, name)) is not None:
            identifier(name, key, longest=MAX_KEY_CHARACTERS)
    if draft.parent_id is not None and not isinstance(draft.parent_id, UUID):
        raise InvalidInput("parent_id", f"must be a UUID, not {type(draft.parent_id).__name__}.")
    if draft.source_record is not None and not isinstance(draft.source_record, bytes):
        raise InvalidInput("source_record", f"must be bytes, not {type(draft.source_record).__name__}.")


def _refuse_oversized(draft: InteractionDraft, text_characters: int, *values: JSON) -> None:
    """Refuse what would not fit a journal line. JSON escapes make up to 12 bytes of a character."""
    size_bytes = text_characters * 12
    if size_bytes > MAX_INTERACTION_BYTES:
        size_bytes = sum(escaped_bytes(getattr(draft, name)) for name in TEXT_FIELDS)
    size_bytes += sum(escaped_bytes(value) for value in values if value)
    if size_bytes > MAX_INTERACTION_BYTES:
        raise InvalidInput("interaction", f"takes {size_bytes:,} bytes; at most {MAX_INTERACTION_BYTES:,} are kept.")


def escaped_bytes(value: JSON) -> int:
    """How many bytes a value takes in a journal line."""
    return len(json.dumps(value, separators=(",", ":")))


def text(field: str, value: object, *, longest: int = MAX_TEXT_CHARACTERS) -> str:
    """Text that every copy can hold, at most `longest` characters."""
    if not isinstance(value, str):
        raise InvalidInput(field, f"must be text, not {type(value).__name__}.")
    if len(value) > longest:
        raise InvalidInput(field, f"is {len(value):,} characters long; at most {longest:,} are kept.")
    if "\0" in value:
        raise InvalidInput(field, "holds a NUL character.")
    if not value.isascii() and LONE_SURROGATE.search(value):
        raise InvalidInput(field, "holds half of a surrogate pair, which is not text.")
    return value


def identifier(field: str, value: object, *, longest: int = MAX_SHORT_CHARACTERS) -> str:
    """A name of something: text without control characters, not empty, without blanks around it."""
    checked = text(field, value, longest=longest)
    if not checked or checked != checked.strip():
        raise InvalidInput(field, "must not be empty nor begin or end with a blank.")
    if _CONTROL.search(checked):
        raise InvalidInput(field, "holds a control character.")
    return checked


def count(field: str, value: object) -> int | None:
    """A whole number from 0 to 2^63-1, or None."""
    if value is None:
        return None
    if type(value) is not int:
        raise InvalidInput(field, f"must be a whole number, not {type(value).__name__}.")
    if not 0 <= value <= MAX_INTEGER:
        raise InvalidInput(field, "must lie between 0 and 2^63-1.")
    return value


def duration(field: str, value: object) -> float:
    """A finite number of at least 0."""
    if type(value) not in (int, float):
        raise InvalidInput(field, f"must be a number, not {type(value).__name__}.")
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInput(field, "must be a finite number.")
    if number < 0:
        raise InvalidInput(field, "must not be negative.")
    return number


def moment(field: str, value: object) -> datetime:
    """A time with its zone, from 1970 on."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidInput(field, "must be a time with its zone.")
    try:
        in_range = _EARLIEST <= value <= _LATEST
    except OverflowError:
        in_range = False
    if not in_range:
        raise InvalidInput(field, "must lie between the years 1970 and 9000.")
    return value.astimezone(UTC)


def json_object(field: str, value: object) -> dict[str, JSON]:
    """A JSON object; see `json_value`."""
    checked = json_value(field, value)
    if not isinstance(checked, dict):
        raise InvalidInput(field, f"must be an object, not {type(value).__name__}.")
    return checked


def strings(field: str, value: object, *, longest: int = MAX_TITLE_CHARACTERS) -> list[str]:
    """A list of texts, each once, in their order."""
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInput(field, "must be a list of texts.")
    return list(dict.fromkeys(text(field, item, longest=longest) for item in value))


def tags(value: object) -> list[str]:
    """Tag names, sorted, each once."""
    return sorted({identifier("tags", name, longest=MAX_TAG_CHARACTERS) for name in strings("tags", value)})


def notes(value: Sequence[Note]) -> Sequence[Note]:
    """A session's notes: at most 500, each with something written in it, no ID twice."""
    if len(value) > MAX_NOTES:
        raise InvalidInput("notes", f"there are {len(value):,}; a session holds {MAX_NOTES:,}.")
    if len({note.id for note in value}) != len(value):
        raise InvalidInput("notes", "hold one ID twice.")
    for note in value:
        note_text("notes", note.text)
        text("notes", note.author, longest=MAX_SHORT_CHARACTERS)
        text("notes", note.edited_by, longest=MAX_SHORT_CHARACTERS)
        moment("notes", note.written_at)
        if note.edited_at is not None:
            moment("notes", note.edited_at)
    return value


def note_text(field: str, value: object) -> str:
    """What a note says: not only blanks."""
    checked = text(field, value, longest=MAX_NOTE_CHARACTERS)
    if not checked.strip():
        raise InvalidInput(field, "must not be empty.")
    return checked


def pins(value: Sequence[UUID]) -> Sequence[UUID]:
    """A session's pins: at most 500, none twice."""
    if len(value) > MAX_PINS:
        raise InvalidInput("pins", f"there are {len(value):,}; a session holds {MAX_PINS:,}.")
    if len(set(value)) != len(value):
        raise InvalidInput("pins", "hold one interaction twice.")
    return value


def json_value(field: str, value: object) -> JSON:
    """A value that JSON can hold, as new lists and dicts. Raises InvalidInput."""
    budget = [MAX_INTERACTION_CHARACTERS]
    return _checked(field, value, MAX_JSON_DEPTH, budget)


def _checked(field: str, value: Any, depth: int, budget: list[int]) -> JSON:
    budget[0] -= 1
    if budget[0] < 0:
        raise InvalidInput(field, f"holds more than {MAX_INTERACTION_CHARACTERS:,} characters and values.")
    if depth == 0:
        raise InvalidInput(field, f"is nested more than {MAX_JSON_DEPTH} levels deep.")
    if isinstance(value, Mapping):
        return {_key(field, key, budget): _checked(field, item, depth - 1, budget) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(field, item, depth - 1, budget) for item in value]
    return _checked_scalar(field, value, budget)


def fits_64_bits(value: int) -> bool:
    """Whether a whole number is one that every reader of our JSON can hold."""
    return -MAX_INTEGER - 1 <= value <= MAX_INTEGER


def _checked_scalar(field: str, value: Any, budget: list[int]) -> JSON:
    if isinstance(value, str):
        budget[0] -= len(value)
        return text(field, value, longest=MAX_INTERACTION_CHARACTERS)
    if isinstance(value, int) and not fits_64_bits(value):
        raise InvalidInput(field, "holds a whole number beyond 64 bits.")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(field, "holds NaN or infinity, which JSON has not.")
    if value is None or isinstance(value, bool | int | float):
        return value
    raise InvalidInput(field, f"holds {type(value).__name__}, which JSON has not.")


def _key(field: str, key: object, budget: list[int]) -> str:
    if not isinstance(key, str):
        raise InvalidInput(field, f"has a key that is not text but {type(key).__name__}.")
    budget[0] -= len(key)
    return text(field, key)
