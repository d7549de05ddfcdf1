"""The rows of LMSYS-Chat-1M, WildChat and Chatbot Arena: conversations with their model, language and moderation."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind

from .blocks import decoded
from .chat import read_message, usage_of
from .dialogues import Dialogue, Turn, each, kept, read_dialogues, without
from .formats import Format, Input
from .rows import first_rows
from .values import mapping, parse_time, text

LMSYS, WILDCHAT = "lmsys", "wildchat"
_LIST = "conversation"
_SIDES = ("conversation_a", "conversation_b")
_ABOUT_A_TURN = ("language", "toxic", "redacted", "turn_identifier")


def _are_messages(value: JSON) -> bool:
    value = decoded(value)  # tables keep lists as text
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], dict)
        and {"role", "content"} <= value[0].keys()
    )


def _has_messages(value: JSON) -> bool:
    """The same in a file that is known to hold such rows, of which one may begin with a message that is damaged."""
    return isinstance(value, list) and any(isinstance(one, dict) and {"role", "content"} & one.keys() for one in value)


def _is_wildchat(row: dict[str, Any]) -> bool:
    return _are_messages(row.get(_LIST)) and "conversation_hash" in row


def _is_lmsys(row: dict[str, Any]) -> bool:
    if all(_are_messages(row.get(side)) for side in _SIDES):
        return True
    return _are_messages(row.get(_LIST)) and "conversation_id" in row and not _is_wildchat(row)


def recognises_lmsys(head: bytes) -> bool:
    """Whether one of the first objects is a row of LMSYS."""
    return any(_is_lmsys(row) for row in first_rows(head))


def recognises_wildchat(head: bytes) -> bool:
    """Whether one of the first objects is a row of WildChat."""
    return any(_is_wildchat(row) for row in first_rows(head))


def _read(source: Input, name: str) -> Iterator[ImportEvent]:
    return read_dialogues(source, name, partial(_dialogue, name))


def _dialogue(name: str, row: dict[str, Any]) -> Dialogue | None:
    row = row | {name: decoded(row[name]) for name in (_LIST, *_SIDES) if isinstance(row.get(name), str)}
    sides = [side for side in _SIDES if _has_messages(row.get(side))]
    if not _has_messages(row.get(_LIST)) and not sides:
        return None
    envelope = without(row, _LIST, *_SIDES)
    original = _name_of(row)
    moment = parse_time(row.get("timestamp")) or parse_time(row.get("tstamp"))
    dialogue = Dialogue(
        # Both give hashes, and may give the same one to the same words.
        original_id=f"{name}-{original}" if isinstance(original, str) and original else "",
        envelope=envelope,
        list_name=_LIST,
        created_at=None if _tells_times(row.get(_LIST)) else moment,
        last_activity_at=moment,
        metadata=kept(without(envelope, "openai_moderation", "detoxify_moderation")),
    )
    if sides:
        _take_sides(dialogue, row, sides)
    else:
        dialogue.turns = _flagged(_turns(row[_LIST], text(row.get("model"))), row.get("openai_moderation"))
    return dialogue


def _name_of(row: dict[str, Any]) -> JSON:
    """The conversation's hash or ID. Equal words have equal hashes, whoever said them, so the first turn's ID joins."""
    if not row.get("conversation_hash"):
        return row.get("conversation_id") or row.get("question_id")
    messages = row.get(_LIST)
    turn = mapping(messages[0]).get("turn_identifier") if isinstance(messages, list) and messages else None
    return f"{row['conversation_hash']}-{turn}" if type(turn) is int else row["conversation_hash"]


def _tells_times(messages: JSON) -> bool:
    """Whether messages have times of their own; a row's is that of its end."""
    first = messages[:10] if isinstance(messages, list) else []
    return any(parse_time(mapping(message).get("timestamp")) for message in first)


def _take_sides(dialogue: Dialogue, row: dict[str, Any], sides: list[str]) -> None:
    """Two models' answers to the same words; the winner's come last, so that they are the ones that are read."""
    if str(row.get("winner")) == "model_a":
        sides.reverse()
    heads = [_request(row[side]) for side in sides]
    shared = 1 if len(heads) > 1 and heads[0] is not None and heads[0] == heads[1] else 0
    dialogue.turns = _turns(row[sides[0]][:shared], "")
    for side in sides:
        dialogue.endings.append(list(_turns(row[side][shared:], text(row.get(side.replace(_LIST, "model"))))))


def _request(messages: list[JSON]) -> JSON:
    first = mapping(messages[0])
    return (first.get("role"), first.get("content")) if first.get("role") == "user" else None


def _turns(messages: list[JSON], model: str) -> Iterator[Turn]:
    return each(messages, partial(_turn, model=model))


def _turn(message: JSON, model: str) -> Turn:
    told = message if isinstance(message, dict) else {"content": message}
    parts = read_message(told)
    for part in parts:
        if part.kind is InteractionKind.AGENT_RESPONSE:
            part.model = model
            part.input_tokens, part.output_tokens = usage_of(told.get("usage"))
    about = {name: told[name] for name in _ABOUT_A_TURN if told.get(name) is not None and told[name] is not False}
    parts[0].metadata |= about
    return Turn(message, parts, "", parse_time(told.get("timestamp")))


def _flagged(turns: Iterator[Turn], moderation: JSON) -> Iterator[Turn]:
    """What was judged to be harmful is marked."""
    judged = iter(moderation if isinstance(moderation, list) else [])
    for turn in turns:
        if mapping(next(judged, None)).get("flagged") is True and turn.parts:
            turn.parts[0].metadata["flagged"] = True
        yield turn


LMSYS_FORMAT = Format(name=LMSYS, recognises=recognises_lmsys, read=partial(_read, name=LMSYS))
WILDCHAT_FORMAT = Format(name=WILDCHAT, recognises=recognises_wildchat, read=partial(_read, name=WILDCHAT))
