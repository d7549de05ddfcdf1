"""ShareGPT's rows, as JSON and as JSON Lines: `conversations` of `from` and `value`, with `system` and `tools` beside.

The notation of many data sets for fine-tuning. Rows for preference tuning end in a chosen and a rejected answer.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind

from .blocks import decoded
from .chat import read_message, role_of, turn_part
from .dialogues import Dialogue, Turn, each, kept, read_dialogues, with_notes, without
from .formats import Format, Input
from .noted import OWN, notes_of
from .rows import first_rows
from .threads import Part
from .values import clip, parse_time, text

SOURCE = "sharegpt"
_LISTS = ("conversations", "conversation", "items")
_USUAL = frozenset({"human", "gpt", "system", "user", "assistant", "observation"})
_CALL_ROLES = frozenset({"function_call", "tool_call", "function-call"})
_RESULT_ROLES = frozenset({"observation", "function_response", "tool_response", "tool", "function"})


def _is_turn(value: JSON, *, by_role: bool) -> bool:
    if not isinstance(value, dict):
        return False
    return ("from" in value and "value" in value) or (by_role and "role" in value and "content" in value)


def _list_of(row: dict[str, Any]) -> str:
    """Under which name the row has its turns; under the format's own name they may also have role and content."""
    for name in _LISTS:
        turns = row.get(name)
        if isinstance(turns, list) and turns and all(_is_turn(one, by_role=name == _LISTS[0]) for one in turns[:3]):
            return name
    return ""


def _list_in(row: dict[str, Any]) -> str:
    """The same in a file that is known to hold such rows: one that begins with a turn which is damaged is one too."""
    return _list_of(row) or next((name for name in _LISTS if _has_turns(row.get(name))), "")


def _has_turns(value: JSON) -> bool:
    names = ("from", "value", "role", "content")
    return isinstance(value, list) and any(isinstance(one, dict) and not one.keys().isdisjoint(names) for one in value)


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is such a row."""
    return any(_list_of(row) for row in first_rows(head))


def read(source: Input) -> Iterator[ImportEvent]:
    return read_dialogues(source, SOURCE, _dialogue)


def _dialogue(row: dict[str, Any]) -> Dialogue | None:
    name = _list_in(row)
    if not name:
        return None
    notes = notes_of(row, len(row[name]))
    envelope = without(row, name, "chosen", "rejected", *([OWN] if notes else []))
    original = row.get("id")
    dialogue = Dialogue(
        original_id=str(original) if isinstance(original, str | int) and not isinstance(original, bool) else "",
        is_ours=bool(notes),
        envelope=envelope,
        list_name=name,
        title=clip(text(row.get("title")), 1000) or None,
        created_at=parse_time(row.get("created_at")) if notes else None,
        metadata=kept({**without(envelope, "title", "system"), "tools": decoded(row.get("tools"))}),
    )
    before: list[Turn] = []
    if isinstance(system := row.get("system"), str) and system:
        before.append(Turn({"from": "system", "value": system}, [turn_part(system, "system")]))
    model = text(row.get("model"))
    turns = each(row[name], partial(_turn, model=model))
    dialogue.turns = chain(before, with_notes(turns, notes) if notes else turns)
    for label in ("rejected", "chosen"):
        if row.get(label) is not None:
            ending = _ending(row[label], model)
            ending[0].parts[0].metadata["preference"] = "preferred" if label == "chosen" else label
            dialogue.endings.append(ending)
    return dialogue


def _ending(value: JSON, model: str) -> list[Turn]:
    listed = value if isinstance(value, list) and value else [value]
    return [_turn(turn if isinstance(turn, dict) else {"from": "gpt", "value": turn}, model) for turn in listed]


def _turn(turn: JSON, model: str) -> Turn:
    if not isinstance(turn, dict):
        return Turn(turn, read_message({"content": turn}))
    speaker = text(turn.get("from")) or text(turn.get("role"))
    said = turn.get("value", turn.get("content"))
    if speaker in _CALL_ROLES:
        parts = _calls(said)
    elif speaker in _RESULT_ROLES and isinstance(said, str):
        parts = [Part(InteractionKind.TOOL_RESPONSE, response=said, status="success")]
    else:
        parts = read_message({**without(turn, "value", "from"), "content": said}, speaker)
    for part in parts:
        if part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
            part.model = model
    if role_of(speaker) and speaker not in _USUAL:
        parts[0].metadata["source_role"] = clip(speaker, 60)
    return Turn(turn, parts, text(turn.get("id")))


def _calls(said: JSON) -> list[Part]:
    """A call is an object of name and arguments, or a list of such, as JSON in a string; what is none is kept."""
    value = decoded(said)
    listed = value if isinstance(value, list) and value else [value]
    parts = []
    for call in listed:
        if isinstance(call, dict):
            given = decoded(call.get("arguments", call.get("parameters", without(call, "name"))))
            parts.append(Part(InteractionKind.TOOL_CALL, tool_name=text(call.get("name")), tool_parameters=given))
        else:
            parts.append(Part(InteractionKind.TOOL_CALL, tool_parameters=call))
    return parts


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
