"""How the contexts of sessions become one, and how that is taken back later. Pure.

A survivor's value wins; what it lacks comes from the absorbed session; lists are united and objects key by key. Where
they differ a choice may say otherwise: the ID of the session whose value is kept, or "both" for the values joined.
Taking a merge back undoes just what the merge did: a value that was changed since stays changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from sessions.errors import InvalidInput
from sessions.records import JSON, SessionRecord
from sessions.validation import MAX_INTEGER

type Choices = Mapping[str, str | Mapping[str, str]]
"""Whose value is kept: by field, and for a field that is an object by its keys. A session's ID, or `BOTH`."""

BOTH = "both"
_EARLIER = "created_at"
_LATER = "last_activity_at"
_ADDED_UP = "stated_interactions"
_HOLD = ("held_at", "held_by", "hold_reason")
_NEVER = frozenset({"session_id", "merged_into"})
TEXTS = ("title", "user_id", "source", "context_summary")
LISTS = ("active_topics", "tags")
OBJECTS = ("user_preferences", "project_context", "semantic_context", "metadata")
CONTEXT_FIELDS = (*TEXTS, *LISTS, *OBJECTS)
_JOINABLE_TEXTS = frozenset({"context_summary"})
_ABSENT: JSON = object()


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to a question: `keep` is what a choice holds, `holders` the sessions that say so."""

    keep: str
    value: JSON
    holders: Sequence[str]


@dataclass(frozen=True, slots=True)
class Question:
    """Where sessions differ: a field, the key in it where it is an object, and the answers, `default` among them."""

    field: str
    key: str
    options: Sequence[Option]
    default: str


def questions(records: Sequence[SessionRecord]) -> list[Question]:
    """What has to be decided for a merge, the survivor's record coming first. What agrees is not asked."""
    asked = [
        _question(records, field, "", [getattr(one, field) or _ABSENT for one in records]) for field in (*TEXTS, *LISTS)
    ]
    for field in OBJECTS:
        values = [getattr(one, field) for one in records]
        keys = dict.fromkeys(key for value in values for key in value)
        asked += [_question(records, field, key, [value.get(key, _ABSENT) for value in values]) for key in keys]
    return [question for question in asked if question is not None]


def checked(choices: Choices, session_ids: Sequence[str]) -> dict[str, str | dict[str, str]]:
    """The choices, if they are about context fields and about these sessions. Raises InvalidInput."""
    kept: dict[str, str | dict[str, str]] = {}
    for field, choice in choices.items():
        if field not in CONTEXT_FIELDS or isinstance(choice, str) is (field in OBJECTS):
            raise InvalidInput("choices", f"{field!r} cannot be decided like this.")
        answers = [choice] if isinstance(choice, str) else choice.values()
        if not all(answer == BOTH or answer in session_ids for answer in answers):
            raise InvalidInput("choices", f"{field!r} names a session that is not merged here.")
        kept[field] = choice if isinstance(choice, str) else dict(choice)
    return kept


def merged(survivor: SessionRecord, absorbed: SessionRecord, choices: Choices) -> SessionRecord:
    """The survivor's record after one session was merged into it."""
    values: dict[str, Any] = {
        field: _chosen(field, getattr(survivor, field), getattr(absorbed, field), choices, absorbed.session_id)
        for field in CONTEXT_FIELDS
    }
    values["tags"] = sorted(values["tags"])
    values["notes"] = sorted(_joined(survivor.notes, absorbed.notes), key=attrgetter("written_at"))
    values["pins"] = _joined(survivor.pins, absorbed.pins)
    values[_EARLIER] = min(survivor.created_at, absorbed.created_at)
    values[_LATER] = max(survivor.last_activity_at, absorbed.last_activity_at)
    values[_ADDED_UP] = min(survivor.stated_interactions + absorbed.stated_interactions, MAX_INTEGER)
    if survivor.held_at is None:
        # A hold must go on covering what it covered.
        values.update({field: getattr(absorbed, field) for field in _HOLD})
    return replace(survivor, **values)


def unmerged(now: SessionRecord, before: SessionRecord, after: SessionRecord) -> SessionRecord:
    """The survivor's record without what a merge did to it: `before` and `after` are its records around the merge."""
    values = {
        field.name: _taken_back(getattr(now, field.name), getattr(before, field.name), getattr(after, field.name))
        for field in fields(SessionRecord)
        if field.name not in _NEVER
    }
    if before.user_id != after.user_id:
        # Whose it was then; whoever it went to since had it by this merge.
        values["user_id"] = before.user_id
    return replace(now, **values)


def _question(records: Sequence[SessionRecord], field: str, key: str, values: Sequence[JSON]) -> Question | None:
    """The question that the sessions' values ask, in their order; None where they agree or only one has any."""
    options: list[Option] = []
    for record, value in zip(records, values, strict=True):
        if value is _ABSENT:
            continue
        same = next((one for one in options if _alike(field, one.value, value)), None)
        if same is not None:
            options[options.index(same)] = replace(same, holders=[*same.holders, record.session_id])
        else:
            options.append(Option(record.session_id, value, [record.session_id]))
    if len(options) < 2:
        return None
    default = options[0].keep
    if _joinable(field, [one.value for one in options]):
        joined = options[0].value
        for one in options[1:]:
            joined = _joined(joined, one.value)
        options.append(Option(BOTH, joined, [record.session_id for record in records]))
        default = BOTH if field in LISTS else default
    return Question(field, key, options, default)


def _alike(field: str, one: JSON, other: JSON) -> bool:
    return set(one) == set(other) if field in LISTS else bool(one == other)


def _joinable(field: str, values: Sequence[JSON]) -> bool:
    return field in _JOINABLE_TEXTS or all(isinstance(value, list | tuple) for value in values)


def _joined(ours: Any, theirs: Any) -> Any:
    """Two texts, one below the other, or two lists, each item once. What cannot be joined stays ours."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours if theirs in ours else f"{ours}\n\n{theirs}"
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return [*ours, *(item for item in theirs if item not in ours)]
    return ours


def _chosen(field: str, ours: Any, theirs: Any, choices: Choices, absorbed_id: str) -> Any:
    choice = choices.get(field, "")
    if field in OBJECTS:
        decided = choice if isinstance(choice, Mapping) else {}
        both = {key: _kept(ours[key], theirs[key], decided.get(key, ""), absorbed_id) for key in ours if key in theirs}
        return {**theirs, **ours, **both}
    if not ours or not theirs:
        return ours or theirs
    if field in LISTS:
        # Unlike a text, a list is united where nothing was decided.
        return _kept(ours, theirs, choice or BOTH, absorbed_id)
    return _kept(ours, theirs, "" if choice == BOTH and field not in _JOINABLE_TEXTS else choice, absorbed_id)


def _kept(ours: Any, theirs: Any, choice: object, absorbed_id: str) -> Any:
    """Of two values the one that was chosen; ours where nothing was, or another session's."""
    if choice == absorbed_id:
        return theirs
    return _joined(ours, theirs) if choice == BOTH else ours


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
        lost = [item for item in before if item not in after and item not in now]
        return [*lost, *(item for item in now if item not in added)]
    if isinstance(now, int) and isinstance(before, int) and isinstance(after, int):
        return max(0, now - (after - before))
    return now
