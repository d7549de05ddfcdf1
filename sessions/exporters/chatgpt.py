"""ChatGPT's export: an array of one conversation, each thing said a node of its `mapping`."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sessions.records import JSON, InteractionRecord, SessionRecord

from .formats import Conversation, Format
from .pieces import ASSISTANT, TOOL, Piece, What, arguments, mapping, original_id, written
from .trees import Form, Plan, Told, plan_of, told

SOURCE = "chatgpt"
ROOT = "client-created-root"
"""What ChatGPT calls the node without a message that everything follows."""


def stream(conversation: Conversation) -> Iterator[str]:
    """The document's text, a node at a time."""
    plan = plan_of(conversation, Form(SOURCE, _is_own, joins=False))
    roots = [message.id for message in plan.messages if message.parent is None]
    root = {"id": ROOT, "message": None, "parent": None, "children": roots}
    members = _members(conversation.header, plan)
    yield f'[{written(members)[:-1]}, "mapping": {{\n{written(ROOT)}: {written(root)}'
    for one in told(conversation, plan):
        yield f",\n{written(plan.messages[one.place].id)}: {written(_node(one, plan))}"
    yield "\n}}]\n"


def _is_own(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("message"), dict)


def _members(header: SessionRecord, plan: Plan) -> dict[str, JSON]:
    """The conversation itself, with what ChatGPT said of it where it comes from there."""
    kept = mapping(header.metadata.get(SOURCE))
    original = original_id(header, SOURCE)
    return {
        "moderation_results": [],
        "plugin_ids": None,
        "conversation_template_id": None,
        "gizmo_id": None,
        "is_archived": False,
        "safe_urls": [],
        "default_model_slug": next(iter(plan.models), None),
        **kept,
        "id": original,
        "conversation_id": original,
        "title": header.title,
        "create_time": _seconds(header.created_at),
        "update_time": _seconds(header.last_activity_at),
        "current_node": _current(kept.get("current_node"), plan),
    }


def _current(kept: JSON, plan: Plan) -> str:
    """Where the conversation is open: where ChatGPT had it, unless something was said here since."""
    if all(message.is_own for message in plan.messages) and any(message.id == kept for message in plan.messages):
        return str(kept)
    return plan.open_id or ROOT


def _node(one: Told, plan: Plan) -> dict[str, JSON]:
    own_id = plan.messages[one.place].id
    links = {"parent": plan.parent_id(one.place) or ROOT, "children": plan.children_ids(one.place)}
    if one.own is not None:
        return {**one.own, "id": own_id, **links}
    [(record, piece)] = one.pieces
    return {"id": own_id, "message": _message(own_id, record, piece), **links}


def _message(own_id: str, record: InteractionRecord, piece: Piece) -> dict[str, JSON]:
    is_call = piece.what is What.CALL
    metadata: dict[str, JSON] = {}
    if record.model and piece.voice == ASSISTANT:
        metadata["model_slug"] = record.model
    if piece.files:
        metadata["attachments"] = [_attachment(file) for file in piece.files]
    if record.metadata.get("hidden") is True:
        metadata["is_visually_hidden_from_conversation"] = True
    return {
        "id": own_id,
        "author": {"role": piece.voice, "name": piece.name if piece.voice == TOOL else None, "metadata": {}},
        "create_time": _seconds(record.occurred_at),
        "update_time": None,
        "content": _content(piece),
        "status": "finished_successfully",
        "end_turn": True if piece.what is What.TEXT and piece.voice == ASSISTANT else None,
        "weight": 1.0,
        "metadata": metadata,
        # The name is what makes a call of it, so one without a name needs one.
        "recipient": (piece.name if piece.name not in ("", "all") else TOOL) if is_call else "all",
        "channel": None,
    }


def _content(piece: Piece) -> dict[str, JSON]:
    if piece.what is What.THOUGHT:
        return {"content_type": "thoughts", "thoughts": [{"summary": "", "content": piece.text}]}
    if piece.what is What.CALL:
        said = "" if piece.parameters is None else arguments(piece.parameters)
        language = "unknown" if isinstance(piece.parameters, str) else "json"
        return {"content_type": "code", "language": language, "response_format_name": None, "text": said}
    if piece.what is What.ERROR or piece.has_failed:
        return {"content_type": "system_error", "name": piece.name or "error", "text": piece.text}
    return {"content_type": "text", "parts": [piece.text]}


def _attachment(file: Mapping[str, JSON]) -> dict[str, JSON]:
    names = {"media_type": "mime_type", "size_bytes": "size"}
    return {names.get(name, name): value for name, value in file.items()}


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


FORMAT = Format(
    name=SOURCE,
    label="ChatGPT",
    media_type="application/json",
    ending="json",
    write=stream,
    with_sources=True,
    ids_from_keys=True,
)
