"""Open WebUI's export: an array of one chat, its messages by their IDs, and the open way once more as a list.

A reply's thoughts, calls and results stand in its `output`, exactly, and as `<details>` in its words, which is all that
versions before 0.7 know.
"""

import html
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sessions.records import JSON, InteractionRecord, SessionRecord

from .formats import Conversation, Format
from .pieces import ASSISTANT, TOOL, USER, Piece, What, arguments, mapping, original_id, written
from .replies import Answered, answered, files_of, model_of, tokens_of
from .trees import Form, Plan, Told, plan_of, told

SOURCE = "openwebui"
_OF_THE_RECORD = frozenset({"user_id", "archived", "pinned", "meta", "folder_id", "share_id"})
"""What stands around a chat, not in it; the importer keeps both together."""


def stream(conversation: Conversation) -> Iterator[str]:
    """The document's text, a message at a time. The interactions are gone through once more for the list."""
    plan = plan_of(conversation, Form(SOURCE, _is_own, joins=True))
    header = conversation.header
    yield f'[{written(_record(header))[:-1]}, "chat": {written(_chat(header, plan))[:-1]}'
    yield f', "history": {{"currentId": {written(plan.open_id)}, "messages": {{'
    separator = "\n"
    for one in told(conversation, plan):
        yield f"{separator}{written(plan.messages[one.place].id)}: {written(_message(one, plan))}"
        separator = ",\n"
    yield '\n}}, "messages": ['
    separator, way = "\n", plan.open_way()
    for one in told(conversation, plan):
        if one.place in way:
            yield separator + written(_message(one, plan))
            separator = ",\n"
    yield "\n]}}]\n"


def _is_own(record: Mapping[str, Any]) -> bool:
    return "role" in record


def _record(header: SessionRecord) -> dict[str, JSON]:
    kept = mapping(header.metadata.get(SOURCE))
    around = {name: value for name, value in kept.items() if name in _OF_THE_RECORD}
    return {
        "id": original_id(header, SOURCE),
        "user_id": "",
        "title": header.title,
        "created_at": _seconds(header.created_at),
        "updated_at": _seconds(header.last_activity_at),
        "share_id": None,
        "archived": False,
        "pinned": False,
        "folder_id": None,
        **around,
        "meta": {**mapping(around.get("meta")), "tags": list(header.tags)},
    }


def _chat(header: SessionRecord, plan: Plan) -> dict[str, JSON]:
    kept = mapping(header.metadata.get(SOURCE))
    return {
        "models": list(plan.models),
        "params": {},
        "files": [],
        **{name: value for name, value in kept.items() if name not in _OF_THE_RECORD},
        "id": original_id(header, SOURCE),
        # Without a title Open WebUI finds one; with an empty one it shows nothing.
        **({"title": header.title} if header.title else {}),
        "tags": list(header.tags),
        "timestamp": round(header.created_at.timestamp() * 1000),
    }


def _message(one: Told, plan: Plan) -> dict[str, JSON]:
    links = {
        "id": plan.messages[one.place].id,
        "parentId": plan.parent_id(one.place),
        "childrenIds": plan.children_ids(one.place),
    }
    if one.own is not None:
        return {**one.own, **links}
    record, piece = one.pieces[0]
    said = answered(one.pieces)
    message: dict[str, JSON] = {
        **links,
        "role": ASSISTANT if piece.voice == TOOL else piece.voice,
        "content": _content(said),
        "timestamp": _seconds(record.occurred_at),
    }
    if _needs_output(one.pieces):
        message["output"] = [_item(part) for part in said]
    if piece.what is What.ERROR:
        message["error"] = {"content": piece.text}
    if files := files_of(one.pieces):
        message["files"] = [dict(file) for file in files]
    return message | (_of_the_user(plan) if piece.voice == USER else _of_the_model(one.pieces))


def _of_the_user(plan: Plan) -> dict[str, JSON]:
    return {"models": list(plan.models)}


def _of_the_model(pieces: list[tuple[InteractionRecord, Piece]]) -> dict[str, JSON]:
    told: dict[str, JSON] = {"done": True}
    if model := model_of(pieces):
        told |= {"model": model, "modelName": model, "modelIdx": 0}
    given, made = tokens_of(pieces)
    if given is not None or made is not None:
        told["usage"] = {"prompt_tokens": given, "completion_tokens": made}
    return told


def _needs_output(pieces: list[tuple[InteractionRecord, Piece]]) -> bool:
    """Whether the words alone would not be read as what was said."""
    if len(pieces) == 1 and pieces[0][1].what is What.ERROR:
        return False
    texts = [piece.text for _, piece in pieces if piece.what is What.TEXT]
    return len(texts) != 1 or len(pieces) != 1 or "<details" in texts[0]


def _item(one: Answered) -> dict[str, JSON]:
    piece = one.piece
    if piece.what is What.THOUGHT:
        return {"type": "reasoning", "status": "completed", "content": [{"type": "output_text", "text": piece.text}]}
    if piece.what is What.CALL:
        call: dict[str, JSON] = {"type": "function_call", "call_id": one.call_id, "name": piece.name}
        return (
            call
            | {"status": "completed"}
            | ({} if piece.parameters is None else {"arguments": arguments(piece.parameters)})
        )
    if piece.what is What.RESULT:
        result: dict[str, JSON] = {"type": "function_call_output", "call_id": one.call_id, "name": piece.name}
        result |= {"output": [{"type": "input_text", "text": piece.text}], "status": "completed"}
        return result | ({"is_error": True} if piece.has_failed else {})
    words = [{"type": "output_text", "text": piece.text}]
    return {"type": "message", "role": piece.voice, "status": "completed", "content": words}


def _content(said: list[Answered]) -> str:
    """The reply as one text, as Open WebUI itself writes it beside the output."""
    if len(said) == 1 and said[0].piece.what is What.TEXT:
        return said[0].piece.text
    return "\n".join(filter(None, (_in_words(one, said) for one in said)))


def _in_words(one: Answered, said: list[Answered]) -> str:
    piece = one.piece
    if piece.what is What.THOUGHT:
        lines = "\n".join(f"> {line}" for line in html.escape(piece.text, quote=False).splitlines())
        return f'<details type="reasoning" done="true">\n<summary>Thoughts</summary>\n{lines}\n</details>'
    if piece.what is What.CALL:
        told = {"id": one.call_id, "name": piece.name, "arguments": arguments(piece.parameters)}
        if one.result is not None:
            told["result"] = json.dumps(said[one.result].piece.text, ensure_ascii=False)
        return _tool(told)
    if piece.what is What.RESULT:
        return "" if one.is_answer else _tool({"id": one.call_id, "result": json.dumps(piece.text, ensure_ascii=False)})
    return "" if piece.what is What.ERROR else piece.text


def _tool(told: Mapping[str, str]) -> str:
    attributes = "".join(f' {name}="{html.escape(value)}"' for name, value in told.items())
    return f'<details type="tool_calls" done="true"{attributes}>\n<summary>Tool Executed</summary>\n</details>'


def _seconds(moment: datetime) -> int:
    """Open WebUI counts whole seconds and refuses others."""
    return int(moment.timestamp())


FORMAT = Format(
    name=SOURCE,
    label="Open WebUI",
    media_type="application/json",
    ending="json",
    write=stream,
    with_sources=True,
    ids_from_keys=True,
)
