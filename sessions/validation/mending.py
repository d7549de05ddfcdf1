"""Values from foreign files made storable: what cannot be kept is replaced or cut, never a reason to lose the rest."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sessions.records import JSON, InteractionDraft

from .values import (
    LONE_SURROGATE,
    MAX_INTERACTION_CHARACTERS,
    MAX_JSON_DEPTH,
    MAX_SOURCE_RECORD_BYTES,
    MAX_TAG_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    SHORT_FIELDS,
    TEXT_FIELDS,
    fits_64_bits,
)

# What stands in the place of what is deeper is a value too, and must itself be no deeper than allowed.
_MOST_DEPTH = MAX_JSON_DEPTH - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def storable(draft: InteractionDraft) -> InteractionDraft:
    """A draft from a foreign file made storable: NUL and lone surrogates become U+FFFD, oversized parts are cut.

    What was changed is named in metadata["altered"]; the source record keeps the original.
    """
    if _is_storable(draft):
        return draft
    altered: list[str] = []

    def mend(field: str, value: JSON) -> JSON:
        mended = _mended(value, _MOST_DEPTH)
        if mended != value:
            altered.append(field)
        return mended

    values: dict[str, Any] = {name: mend(name, getattr(draft, name)) for name in (*TEXT_FIELDS, "tool_parameters")}
    room = MAX_INTERACTION_CHARACTERS
    for name in TEXT_FIELDS:
        longest = min(MAX_TEXT_CHARACTERS, room)
        if len(values[name]) > longest:
            values[name] = values[name][:longest]
            altered.append(name)
        room -= len(values[name])
    for name, longest in SHORT_FIELDS.items():
        values[name] = mend(name, getattr(draft, name))[:longest]
    metadata = mend("metadata", dict(draft.metadata))
    if draft.source_record is not None and len(draft.source_record) > MAX_SOURCE_RECORD_BYTES:
        values["source_record"] = None
        altered.append("source_record")
    if altered:
        metadata = {**metadata, "altered": sorted(set(altered))}
    return replace(draft, **values, metadata=metadata)


def _is_storable(draft: InteractionDraft) -> bool:
    """Whether nothing of a draft need be looked at closely, as with nearly all."""
    characters = 0
    for name in TEXT_FIELDS:
        if value := getattr(draft, name):
            characters += len(value)
            if not _is_sound(value):
                return False
    for name, longest in SHORT_FIELDS.items():
        if (value := getattr(draft, name)) and (len(value) > longest or not _is_sound(value)):
            return False
    parameters, source = draft.tool_parameters, draft.source_record
    return (
        characters <= MAX_TEXT_CHARACTERS
        and (parameters is None or _mended(parameters, MAX_JSON_DEPTH) == parameters)
        and (not draft.metadata or _mended(draft.metadata, MAX_JSON_DEPTH) == draft.metadata)
        and (source is None or len(source) <= MAX_SOURCE_RECORD_BYTES)
    )


def _is_sound(value: str) -> bool:
    return "\0" not in value and (value.isascii() or not LONE_SURROGATE.search(value))


def storable_json(value: Any) -> Any:
    """A JSON value from a foreign file made storable, as `storable` does for a draft."""
    return _mended(value, _MOST_DEPTH)


def storable_text(value: str | None, longest: int) -> str:
    """A text from a foreign file made storable and cut; "" for None."""
    return _mended_text(value)[:longest] if value else ""


def storable_tags(names: Sequence[str]) -> list[str]:
    """Tags from a foreign file made storable; what leaves nothing of a name is left out."""
    mended = (_CONTROL.sub(" ", _mended_text(name)).strip()[:MAX_TAG_CHARACTERS].strip() for name in names)
    return sorted({name for name in mended if name})


def _mended(value: Any, depth: int) -> JSON:
    if isinstance(value, str):
        return _mended_text(value)
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {_mended_text(str(key)): _mended(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item, depth - 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if fits_64_bits(value) else str(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)


def _mended_text(value: str) -> str:
    if value.isascii() and "\0" not in value:
        return value
    return LONE_SURROGATE.sub("\ufffd", value.replace("\0", "\ufffd"))
