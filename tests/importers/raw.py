"""Conversations read from their JSON without any of the importers' code, to compare with what those make of them."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.records import ImportedInteraction, ImportEvent, InteractionKind, SessionDraft

NOBODY = "00000000-0000-"
KIND_OF = {
    "user": InteractionKind.CLIENT_REQUEST,
    "assistant": InteractionKind.AGENT_RESPONSE,
    "system": InteractionKind.CONVERSATION_TURN,
    "tool": InteractionKind.TOOL_RESPONSE,
}


@dataclass(slots=True)
class RawMessage:
    """A message: what it follows, who says it, and all its words; `calls` and `results` are counted."""

    id: str
    parent: str | None
    role: str
    texts: list[str] = field(default_factory=list)
    calls: int = 0
    results: int = 0
    time: float | str | None = None

    @property
    def is_empty(self) -> bool:
        return not any(text.strip() for text in self.texts) and not self.calls and not self.results


@dataclass(slots=True)
class RawConversation:
    id: str
    title: str
    messages: list[RawMessage]
    active: str | None


def documents(path: Path) -> list[dict[str, Any]]:
    value = json.loads(path.read_text())
    return value if isinstance(value, list) else [value]


# --- ChatGPT ----------------------------------------------------------------------------------------------------


def chatgpt(path: Path) -> Iterator[RawConversation]:
    for record in documents(path):
        if messages := [_node(key, node) for key, node in record.get("mapping", {}).items()]:
            yield RawConversation(
                record.get("conversation_id") or record.get("id") or "",
                record.get("title") or "",
                messages,
                record.get("current_node"),
            )


def _node(key: str, node: dict[str, Any]) -> RawMessage:
    message = node.get("message")
    if message is None:
        return RawMessage(key, node["parent"], "none")
    content, role = message["content"], message["author"]["role"]
    texts = [part if isinstance(part, str) else part.get("text", "") for part in content.get("parts", [])]
    texts += [content[name] for name in ("text", "result", "content", "user_profile") if content.get(name)]
    texts += [thought["content"] for thought in content.get("thoughts", [])]
    is_call = role == "assistant" and message.get("recipient", "all") != "all"
    return RawMessage(key, node["parent"], role, texts, int(is_call), int(role == "tool"), message.get("create_time"))


# --- Claude.ai --------------------------------------------------------------------------------------------------


def claude_ai(path: Path) -> Iterator[RawConversation]:
    for record in documents(path):
        messages: list[RawMessage] = []
        for message in record.get("chat_messages", []):
            parent = message.get("parent_message_uuid", messages[-1].id if messages else None)
            messages.append(_claude_message(message, None if (parent or NOBODY).startswith(NOBODY) else parent))
        if messages:
            active = record.get("current_leaf_message_uuid")
            named = {message.id for message in messages}
            yield RawConversation(
                record["uuid"], record["name"], messages, active if active in named else messages[-1].id
            )


def _claude_message(message: dict[str, Any], parent: str | None) -> RawMessage:
    role = {"human": "user"}.get(message["sender"], message["sender"])
    raw = RawMessage(message["uuid"], parent, role, time=message.get("created_at"))
    blocks = message.get("content") or [{"type": "text", "text": message.get("text", "")}]
    for block in blocks:
        raw.texts += [block[name] for name in ("text", "thinking") if block["type"] == name]
        raw.calls += block["type"] == "tool_use"
        raw.results += block["type"] == "tool_result"
        if block["type"] == "tool_use":
            raw.texts += [value for value in block["input"].values() if isinstance(value, str)]
        if block["type"] == "tool_result":
            raw.texts += [item["text"] for item in block["content"] if "text" in item]
    raw.texts += [item["extracted_content"] for item in message.get("attachments", []) if item.get("extracted_content")]
    return raw


# --- Open WebUI -------------------------------------------------------------------------------------------------

_DETAILS = re.compile(r'<details type="(\w+)"[^>]*>\s*(?:<summary>.*?</summary>)?(.*?)</details>', re.DOTALL)


def openwebui(path: Path) -> Iterator[RawConversation]:
    for record in documents(path):
        chat = record.get("chat", record)
        messages = [_webui_message(message) for message in chat["history"]["messages"].values()]
        yield RawConversation(record["id"], chat["title"], messages, chat["history"]["currentId"])


def _webui_message(message: dict[str, Any]) -> RawMessage:
    raw = RawMessage(message["id"], message["parentId"] or None, message["role"], time=message.get("timestamp"))
    raw.texts.append(_DETAILS.sub("", message["content"]).strip("\n"))
    output = message.get("output", [])
    raw.calls = sum(item["type"] == "function_call" for item in output)
    raw.results = sum(item["type"] == "function_call_output" for item in output)
    raw.texts += [part["text"] for item in output for part in item.get("content", item.get("output", []))]
    if not output:
        raw.texts += [line.strip("> ") for _, body in _DETAILS.findall(message["content"]) for line in _lines(body)]
    return raw


def _lines(body: str) -> list[str]:
    return html.unescape(body).strip().split("\n")


# --- LibreChat --------------------------------------------------------------------------------------------------


def librechat(path: Path) -> Iterator[RawConversation]:
    for record in documents(path):
        messages: list[RawMessage] = []
        waiting = list(record["messages"])
        while waiting:
            message = waiting.pop(0)
            waiting += message.get("children", [])
            parent = message["parentMessageId"]
            role = "user" if message["isCreatedByUser"] else "assistant"
            is_root = (parent or NOBODY).startswith(NOBODY)
            raw = RawMessage(message["messageId"], None if is_root else parent, role, time=message["createdAt"])
            raw.texts.append(message["text"])
            messages.append(raw)
        yield RawConversation(record["conversationId"], record["title"], messages, None)


READERS = {"chatgpt": chatgpt, "claude-ai": claude_ai, "openwebui": openwebui, "librechat": librechat}


# --- the comparison ---------------------------------------------------------------------------------------------


def assert_nothing_is_lost(conversations: list[RawConversation], events: list[ImportEvent]) -> None:
    """Every message is there with all its words, its role, its calls and results, behind what it follows."""
    drafts = [event for event in events if isinstance(event, SessionDraft)]
    told = [one for one in conversations if not all(message.is_empty for message in one.messages)]
    assert [draft.title or "" for draft in drafts] == [one.title for one in told]
    for draft, conversation in zip(drafts, told, strict=True):
        said = [
            event for event in events if isinstance(event, ImportedInteraction) and event.session_id == draft.session_id
        ]
        _assert_messages(conversation, said)


def _assert_messages(conversation: RawConversation, said: list[ImportedInteraction]) -> None:
    by_id: dict[str, list[ImportedInteraction]] = {}
    for one in said:
        identifier = (one.draft.idempotency_key or "").partition(":")[2].partition("#")[0]
        by_id.setdefault(identifier, []).append(one)
    messages = {message.id: message for message in conversation.messages}
    for message in conversation.messages:
        own = by_id.pop(message.id, [])
        assert bool(own) != message.is_empty, message
        if own:
            _assert_message(message, own)
            assert own[0].draft.parent_key == _key_before(message, messages, said), message
    assert not by_id
    if conversation.active in messages and not messages[conversation.active].is_empty:
        assert conversation.active in (said[-1].draft.idempotency_key or "")


def _assert_message(message: RawMessage, own: list[ImportedInteraction]) -> None:
    drafts = [one.draft for one in own]
    words = "\n".join(
        f"{draft.prompt}\n{draft.response}\n{draft.reasoning}\n{draft.error_message}\n"
        f"{json.dumps(draft.tool_parameters, ensure_ascii=False)}\n{draft.tool_parameters}"
        for draft in drafts
    )
    for text in message.texts:
        assert _spoken(text) in _spoken(words) or json.dumps(text, ensure_ascii=False)[1:-1] in words, text
    kinds = [draft.kind for draft in drafts]
    assert kinds.count(InteractionKind.TOOL_CALL) == message.calls
    assert kinds.count(InteractionKind.TOOL_RESPONSE) == message.results
    if not message.calls and not message.results:
        assert kinds[0] == KIND_OF[message.role]
    assert drafts[0].source_record is not None
    assert drafts[0].occurred_at is not None


def _spoken(text: str) -> str:
    """Words as they are compared: a call's text may have become the parameters that it is JSON of."""
    return re.sub(r"\s+", "", text.replace('"', "'"))


def _key_before(message: RawMessage, messages: dict[str, RawMessage], said: list[ImportedInteraction]) -> str | None:
    """The key of the last interaction of the nearest message before this one that said something."""
    parent = message.parent
    while parent is not None and parent in messages and messages[parent].is_empty:
        parent = messages[parent].parent
    keys = [one.draft.idempotency_key or "" for one in said]
    return next((key for key in reversed(keys) if parent == key.partition(":")[2].partition("#")[0]), None)
