"""Small exports of chat programs, written as the tests need them."""

import json
from pathlib import Path
from typing import Any

from sessions.records import ImportEvent

from .builders import events_of


def read_json(folder: Path, value: Any, name: str = "export.json") -> list[ImportEvent]:
    """The events of a file that holds this value, or these bytes."""
    path = folder / name
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return events_of(path)


# --- ChatGPT ----------------------------------------------------------------------------------------------------


def node(key: str, parent: str | None, role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    """A node of a mapping, with a message of these parts; `content` and `metadata` may be given instead."""
    content = more.pop("content", {"content_type": "text", "parts": list(parts)})
    message = {"id": key, "author": {"role": role, "name": more.pop("name", None)}, "content": content, **more}
    return {"id": key, "parent": parent, "children": [], "message": message}


def chatgpt(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = {"id": "c1", "title": "T", "create_time": 1700000000.5, "update_time": 1700000100, **more}
    return {**named, "mapping": {one["id"]: one for one in nodes}}


# --- Claude.ai --------------------------------------------------------------------------------------------------


def claude_message(
    uuid: str | None, sender: str, *blocks: Any, parent: str | None = None, **more: Any
) -> dict[str, Any]:
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    return {"uuid": uuid, "parent_message_uuid": parent, "sender": sender, "content": content, **more}


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = {"uuid": "c1", "name": "T", "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-02T00:00:00Z"}
    return {**named, **more, "chat_messages": list(messages)}


# --- Open WebUI -------------------------------------------------------------------------------------------------


def webui_message(key: str, parent: str | None, role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": key, "parentId": parent, "childrenIds": [], "role": role, "content": content, **more}


def webui(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    history = {"currentId": messages[-1]["id"] if messages else None, "messages": {one["id"]: one for one in messages}}
    chat = {"title": "T", "models": ["m"], "history": history}
    return {"id": "c1", "title": "T", "chat": chat, "created_at": 1700000000, "updated_at": 1700000100, **more}


# --- LibreChat --------------------------------------------------------------------------------------------------


def libre_message(key: str, parent: str | None, text: str, *, user: bool = False, **more: Any) -> dict[str, Any]:
    named = {"messageId": key, "parentMessageId": parent, "isCreatedByUser": user, "text": text}
    return {**named, "createdAt": "2025-01-01T00:00:00Z", **more}


def libre(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"conversationId": "c1", "endpoint": "openAI", "title": "T", "messages": list(messages)} | more
