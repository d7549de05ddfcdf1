"""Lists of chat-completions messages: fine-tuning files, logs of requests, and the runs of agents and benchmarks.

A row is a conversation, whose messages stand under `messages` or under a name that a dialect gave them; or a row is
a message. Rows for preference tuning end in two ways.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind

from .chat import read_message, role_of, turn_part
from .dialogues import Dialogue, Turn, each, kept, read_dialogues, with_notes, without
from .formats import Format, Input
from .noted import OWN, notes_of
from .rows import MESSAGES, first_rows
from .threads import Part
from .values import clip, parse_time, text

SOURCE = "openai"
_LISTS = (MESSAGES, "traj", "history", "trajectory", "conversation", "dialogue", "dialog")
_SAYS = frozenset({"content", "tool_calls", "function_call", "parts", "refusal", "audio"})
_IDS = ("id", "conversation_id", "uuid", "session_id", "thread_id", "custom_id")
_TIMES = frozenset({"timestamp", "created_at", "create_time", "created"})
_PLACEHOLDERS = {"images": "<image>", "videos": "<video>", "audios": "<audio>"}
# What other formats' messages have, who also call them messages and give them roles.
_OTHERS = frozenset({"uuid", "sessionId", "parentUuid", "messageId", "toolInvocations", "mes", "payload", "from"})


def _is_message(value: JSON) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and not _SAYS.isdisjoint(value)
        and _OTHERS.isdisjoint(value)
        and not _is_of_a_screen(value)
    )


def _is_of_a_screen(message: dict[str, Any]) -> bool:
    """The parts of the AI SDK's messages have types, those of Gemini's have none."""
    parts = message.get("parts")
    return isinstance(parts, list) and any(isinstance(part, dict) and "type" in part for part in parts)


def _list_of(row: dict[str, Any]) -> str:
    """Under which name the row has messages, "" if under none."""
    return next((name for name in _LISTS if _are_messages(row.get(name))), "")


def _list_in(row: dict[str, Any]) -> str:
    """The same in a file that is known to hold such rows, of which one may begin with a message that is damaged."""
    return _list_of(row) or next((name for name in _LISTS if _has_messages(row.get(name))), "")


def _has_messages(value: JSON) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) and not _SAYS.isdisjoint(one) for one in value)


_ANSWERS = ("chosen", "rejected", "completion")


def _are_messages(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_message(one) for one in value[:3])


def _is_preference(row: dict[str, Any]) -> bool:
    if isinstance(given := row.get("input"), dict):
        return _are_messages(given.get(MESSAGES)) and not {"preferred_output", "non_preferred_output"}.isdisjoint(row)
    return _are_messages(row.get("chosen")) and _are_messages(row.get("rejected"))


def _is_completion(row: dict[str, Any]) -> bool:
    return isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str)


def _is_row(row: dict[str, Any]) -> bool:
    if {"mapping", "chat_messages", "projectHash", "observations"} & row.keys() or isinstance(row.get("history"), dict):
        return False
    if "conversation" in row and {"conversation_id", "conversation_hash", "model_a"} & row.keys():
        return False
    row = _ranked(row)
    body = row.get("body")
    is_request = isinstance(body, dict) and _are_messages(body.get(MESSAGES))
    return is_request or _is_preference(row) or _is_completion(row) or bool(_list_of(row))


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is a row of messages, or the first ones are messages."""
    rows = first_rows(head)
    return any(_is_row(row) for row in rows) or (bool(rows) and all(_is_loose(row) for row in rows[:3]))


def _is_loose(row: dict[str, Any]) -> bool:
    """Items of the Responses API are what Codex writes, and its format reads them."""
    return _is_message(row) and row.get("type") not in ("message", "human", "ai") and bool(role_of(row["role"]))


def read(source: Input) -> Iterator[ImportEvent]:
    return read_dialogues(source, SOURCE, _dialogue, _loose)


def _loose(row: dict[str, Any]) -> Turn | None:
    return _turn(row, "") if _is_loose(row) and not _list_of(row) else None


def _dialogue(row: dict[str, Any]) -> Dialogue | None:
    if isinstance(body := row.get("body"), dict) and _are_messages(body.get(MESSAGES)):
        row = {**body, **without(row, "body")}
    row = _ranked(row)
    model = text(row.get("model"))
    if _is_preference(row):
        return _preference(row, model)
    if _is_completion(row) and not _list_of(row):
        return _completion(row, model)
    name = _list_in(row)
    if not name:
        return None
    turns = _attached(row, each(row[name], partial(_turn, model=model)))
    notes = notes_of(row, len(row[name]))
    dialogue = _described(without(row, name, *([OWN] if notes else [])), name)
    dialogue.is_ours = bool(notes)
    dialogue.turns = with_notes(turns, notes) if notes else chain(_instructions(row, row[name]), turns)
    return dialogue


def _ranked(row: dict[str, Any]) -> dict[str, Any]:
    """Two answers, or one, beside the messages that they are to: as preferences and longer conversations have them."""
    before = next((row[name] for name in (MESSAGES, "prompt") if _are_messages(row.get(name))), None)
    if before is None:
        return row
    given = {name: row[name] for name in _ANSWERS if name in row}
    answers = {name: [one] if isinstance(one, dict) else one for name, one in given.items()}
    if _are_messages(answers.get("chosen")) and _are_messages(answers.get("rejected")):
        return {**without(row, MESSAGES), **answers, "prompt": before}
    if _are_messages(answers.get("completion")):
        return {**without(row, "prompt", "completion"), MESSAGES: [*before, *answers["completion"]]}
    return row


def _instructions(row: dict[str, Any], messages: list[JSON]) -> list[Turn]:
    """What the model was told stands beside the messages in some dialects."""
    said = row.get("system")
    first = messages[0] if isinstance(messages[0], dict) else {}
    if not isinstance(said, str) or not said or role_of(first.get("role")) == "system":
        return []
    return [Turn({"role": "system", "content": said}, [turn_part(said, "system")])]


def _preference(row: dict[str, Any], model: str) -> Dialogue:
    """What was said, and the two answers to it; the preferred one comes last, so that it is the one that is read."""
    given = row.get("input")
    if isinstance(given, dict):
        dialogue = _described(without(row, "input", "preferred_output", "non_preferred_output"), MESSAGES)
        before, endings = given[MESSAGES], [row.get("non_preferred_output"), row.get("preferred_output")]
    else:
        dialogue = _described(without(row, "prompt", "chosen", "rejected"), MESSAGES)
        prompt = row.get("prompt")
        is_apart = isinstance(prompt, list) and _are_messages(prompt)
        before = list(prompt or []) if is_apart else _common(row["rejected"], row["chosen"])
        skipped = 0 if is_apart and row["chosen"][: len(before)] != before else len(before)
        endings = [row["rejected"][skipped:], row["chosen"][skipped:]]
    dialogue.turns = each(before, partial(_turn, model=model))
    for label, ending in zip(("rejected", "preferred"), endings, strict=True):
        turns = [_turn(message, model) for message in ending or []]
        for turn in turns[:1]:
            turn.parts[0].metadata["preference"] = label
        dialogue.endings.append(turns)
    return dialogue


def _common(one: list[JSON], other: list[JSON]) -> list[JSON]:
    length = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return one[:length]


def _completion(row: dict[str, Any], model: str) -> Dialogue:
    """The oldest fine-tuning rows: a prompt and its completion."""
    dialogue = _described(without(row, "prompt", "completion"), MESSAGES)
    said = (("user", row["prompt"]), ("assistant", row["completion"]))
    dialogue.turns = [_turn({"role": role, "content": words}, model) for role, words in said]
    return dialogue


def _described(envelope: dict[str, Any], list_name: str) -> Dialogue:
    named = next((envelope[name] for name in _IDS if isinstance(envelope.get(name), str | int)), "")
    created_at = next(filter(None, (parse_time(envelope.get(name)) for name in _TIMES)), None)
    return Dialogue(
        original_id="" if isinstance(named, bool) else str(named),
        envelope=envelope,
        list_name=list_name,
        title=clip(text(envelope.get("title")), 1000) or None,
        created_at=created_at,
        metadata=kept(without(envelope, "title")),
    )


def _turn(message: JSON, model: str) -> Turn:
    if not isinstance(message, dict):
        return Turn(message, read_message({"content": message}))
    parts = read_message(message)
    own_model = text(message.get("model")) or model
    for part in parts:
        if part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
            part.model = own_model
    stated = _TIMES & message.keys()
    moment = next(filter(None, (parse_time(message[name]) for name in sorted(stated))), None) if stated else None
    own_id = text(message.get("id")) if message.get("role") != "tool" else ""
    return Turn(message, parts, own_id, moment)


def _attached(row: dict[str, Any], turns: Iterator[Turn]) -> Iterator[Turn]:
    """Files beside the messages, of which a text has only placeholders: each takes the next file of the row."""
    waiting = {name: iter(row[name]) for name in _PLACEHOLDERS if isinstance(row.get(name), list)}
    for turn in turns:
        for name, files in waiting.items():
            for part in turn.parts:
                for _ in range((part.prompt or part.response).count(_PLACEHOLDERS[name])):
                    _attach_next(part, name[:-1], next(files, None))
        yield turn


def _attach_next(part: Part, kind: str, file: JSON) -> None:
    if isinstance(file, str):
        attachments = part.metadata.setdefault("attachments", [])
        attachments.append({"type": kind, "url": clip(file, 2000)})


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
