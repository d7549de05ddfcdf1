"""How the contexts of two sessions become one, and how that is taken back later. Pure.

A survivor's value wins; what it lacks comes from the absorbed session. Taking a merge back undoes just what the
merge did: a value that was changed since stays changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sessions.records import JSON, SessionRecord
from sessions.validation import MAX_INTEGER

_EARLIER = "created_at"
_LATER = "last_activity_at"
_ADDED_UP = "stated_interactions"
_HOLD = ("held_at", "held_by", "hold_reason")
_NEVER = frozenset({"session_id", "user_id", "source", "merged_into"})
CONTEXT_FIELDS = (
    "title",
    "context_summary",
    "active_topics",
    "user_preferences",
    "project_context",
    "semantic_context",
    "metadata",
    "tags",
)


@dataclass(frozen=True, slots=True)
class ContextMerge:
    """One context field of both sessions and what becomes of it; a conflict is where both say something else."""

    field: str
    survivor_value: JSON
    absorbed_value: JSON
    merged_value: JSON
    conflict: bool


def merged(survivor: SessionRecord, absorbed: SessionRecord) -> SessionRecord:
    """The survivor's record after the merge."""
    values: dict[str, Any] = {
        field: _joined(getattr(survivor, field), getattr(absorbed, field)) for field in CONTEXT_FIELDS
    }
    values["tags"] = sorted(values["tags"])
    values[_EARLIER] = min(survivor.created_at, absorbed.created_at)
    values[_LATER] = max(survivor.last_activity_at, absorbed.last_activity_at)
    values[_ADDED_UP] = min(survivor.stated_interactions + absorbed.stated_interactions, MAX_INTEGER)
    if survivor.held_at is None:
        # A hold must go on covering what it covered.
        values.update({field: getattr(absorbed, field) for field in _HOLD})
    return replace(survivor, **values)


def comparison(survivor: SessionRecord, absorbed: SessionRecord) -> list[ContextMerge]:
    """Every context field that either session fills, for people to look at before they merge."""
    result = merged(survivor, absorbed)
    return [
        ContextMerge(field, ours, theirs, getattr(result, field), _conflicting(ours, theirs))
        for field in CONTEXT_FIELDS
        if (ours := getattr(survivor, field)) or getattr(absorbed, field)
        for theirs in [getattr(absorbed, field)]
    ]


def unmerged(now: SessionRecord, before: SessionRecord, after: SessionRecord) -> SessionRecord:
    """The survivor's record without what a merge did to it: `before` and `after` are its records around the merge."""
    values = {
        field.name: _taken_back(getattr(now, field.name), getattr(before, field.name), getattr(after, field.name))
        for field in fields(SessionRecord)
        if field.name not in _NEVER
    }
    return replace(now, **values)


def _joined(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, Mapping):
        return {**theirs, **ours} if theirs else dict(ours)
    if isinstance(ours, list | tuple):
        return list(dict.fromkeys([*ours, *theirs]))
    return ours or theirs


def _conflicting(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, Mapping):
        return any(key in ours and ours[key] != value for key, value in theirs.items())
    if isinstance(ours, list | tuple):
        return False
    return bool(ours and theirs and ours != theirs)


def _taken_back(now: Any, before: Any, after: Any) -> Any:
    if now == after:
        return before
    if isinstance(now, Mapping):
        changed = {key for key in (*before, *after) if before.get(key) != after.get(key)}
        restorable = {key for key in changed if now.get(key) == after.get(key)}
        kept = {key: value for key, value in now.items() if key not in restorable}
        return {**kept, **{key: before[key] for key in restorable if key in before}}
    if isinstance(now, list | tuple):
        added = [item for item in after if item not in before]
        return [item for item in now if item not in added]
    if isinstance(now, int) and isinstance(before, int) and isinstance(after, int):
        return max(0, now - (after - before))
    return now
