"""LibreChat's export of one conversation: its messages as a list, each naming the one that it follows.

What LibreChat has no place for stands under `sessionsite`, which LibreChat passes over and our own importer reads: the
role of who is neither user nor assistant, a result whose call is elsewhere or not right before it, and where the
conversation is open.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sessions.records import JSON, InteractionRecord, SessionRecord

from .formats import Conversation, Format
from .pieces import ASSISTANT, TOOL, USER, Piece, What, arguments, mapping, original_id, written
from .replies import Answered, answered, files_of, joined, model_of, tokens_of
from .trees import Form, Plan, Told, plan_of, told

SOURCE = "librechat"
ROOT = "00000000-0000-0000-0000-000000000000"
OWN = "sessionsite"


def stream(conversation: Conversation) -> Iterator[str]:
    """The document's text, a message at a time; none stands ahead of the one that it follows."""
    plan = plan_of(conversation, Form(SOURCE, _is_own, joins=True))
    yield f'{written(_members(conversation, plan))[:-1]}, "messages": ['
    separator = "\n"
    for one in told(conversation, plan):
        yield separator + written(_message(one, plan, conversation.header))
        separator = ",\n"
    yield "\n]}\n"


def _is_own(record: Mapping[str, Any]) -> bool:
    return "isCreatedByUser" in record or "messageId" in record


def _members(conversation: Conversation, plan: Plan) -> dict[str, JSON]:
    header = conversation.header
    kept = mapping(header.metadata.get(SOURCE))
    return {
        "conversationId": original_id(header, SOURCE),
        "endpoint": "openAI",
        "title": header.title,
        "createdAt": _time(header.created_at),
        "updatedAt": _time(header.last_activity_at),
        "options": {"model": next(iter(plan.models), None)},
        **kept,
        "exportAt": _time(conversation.exported_at),
        "branches": True,
        "recursive": False,
        OWN: {"open": plan.open_id},
    }


def _message(one: Told, plan: Plan, header: SessionRecord) -> dict[str, JSON]:
    links = {"messageId": plan.messages[one.place].id, "parentMessageId": plan.parent_id(one.place) or ROOT}
    if one.own is not None:
        return {**one.own, **links}
    record, piece = one.pieces[0]
    kept = mapping(header.metadata.get(SOURCE))
    message: dict[str, JSON] = {
        **links,
        "conversationId": original_id(header, SOURCE),
        "endpoint": kept.get("endpoint") or "openAI",
        "createdAt": _time(record.occurred_at),
        "updatedAt": _time(record.occurred_at),
        "isCreatedByUser": piece.voice == USER,
        "sender": _sender(piece, model_of(one.pieces)),
        "text": joined(one.pieces, What.TEXT, What.ERROR),
        "model": (model_of(one.pieces) or None) if piece.voice in (ASSISTANT, TOOL) else None,
        "error": piece.what is What.ERROR,
        "unfinished": False,
    }
    message |= _around(one.pieces)
    if any(said.what not in (What.TEXT, What.ERROR) for _, said in one.pieces) or len(one.pieces) > 1:
        message["content"] = list(_content(answered(one.pieces)))
    if piece.voice not in (USER, ASSISTANT, TOOL):
        message["metadata"] = {OWN: {"role": piece.voice}}
    return message


def _around(pieces: list[tuple[InteractionRecord, Piece]]) -> dict[str, JSON]:
    around: dict[str, JSON] = {}
    _, made = tokens_of(pieces)
    if made is not None and pieces[0][1].voice != USER:
        around["tokenCount"] = made
    if files := files_of(pieces):
        around["files"] = [_file(file) for file in files]
    return around


def _sender(piece: Piece, model: str) -> str:
    if piece.voice == USER:
        return "User"
    return (model or "Assistant") if piece.voice in (ASSISTANT, TOOL) else piece.voice.capitalize()


def _content(said: list[Answered]) -> Iterator[JSON]:
    """The reply's parts. A result stands inside its call, with its place among the parts where that is another."""
    for place, one in enumerate(said):
        if one.piece.what is What.THOUGHT:
            yield {"type": "think", "think": one.piece.text}
        elif one.piece.what is What.CALL:
            call = _call(one, said[one.result].piece if one.result is not None else None)
            yield call if one.result in (None, place + 1) else {**call, OWN: {"answered_at": one.result}}
        elif one.piece.what is What.RESULT:
            if not one.is_answer:
                yield {**_call(one, one.piece), OWN: {"only": "result"}}
        else:
            yield {"type": "text", "text": one.piece.text}


def _call(one: Answered, result: Piece | None) -> dict[str, JSON]:
    call: dict[str, JSON] = {"id": one.call_id, "name": one.piece.name, "type": "tool_call", "progress": 1}
    if one.piece.parameters is not None:
        call["args"] = arguments(one.piece.parameters)
    if result is not None:
        call["output"] = result.text
    return {"type": "tool_call", "tool_call": call}


def _file(file: Mapping[str, JSON]) -> dict[str, JSON]:
    names = {"name": "filename", "media_type": "type", "size_bytes": "bytes"}
    told = {name: value for name, value in file.items() if not (name == "type" and "media_type" in file)}
    return {names.get(name, name): value for name, value in told.items()}


def _time(moment: datetime) -> str:
    """As JavaScript writes a time; its Date knows milliseconds, ours microseconds, and it reads both."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


FORMAT = Format(
    name=SOURCE,
    label="LibreChat",
    media_type="application/json",
    ending="json",
    write=stream,
    with_sources=True,
    ids_from_keys=True,
)
