"""Claude.ai's data export: `conversations.json`, an array of conversations, or one as the web page fetches it.

The messages of a conversation stand in `chat_messages`. In older exports each follows the one before, in newer ones
`parent_message_uuid` makes a tree of them. The format is not documented by its maker; docs/importers.md has the
mapping and what it rests on.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .chat import USER, content_beside, read_message, role_of
from .documents import Piece, first_objects, object_of
from .files import describe_file
from .formats import Format, Input
from .jsonl import Line
from .threads import Part, Thread
from .trees import Conversation, Spoken, Tree, conversations, other_members, says_something
from .values import clip, digest, mapping, parse_time, safe_session_id, text

SOURCE = "claude-ai"
ROOTS = frozenset({"", "00000000-0000-4000-8000-000000000000", "00000000-0000-0000-0000-000000000000"})
_KNOWN = frozenset({"uuid", "name", "summary", "created_at", "updated_at", "conversation_id"})


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is such a conversation."""
    return any(isinstance(record.get("chat_messages"), list) for record in first_objects(head))


def read(source: Input) -> Iterator[ImportEvent]:
    """The conversations of an export, one after the other."""
    for conversation in conversations(source, "chat_messages"):
        if isinstance(conversation, SetAside):
            yield conversation
        else:
            yield from _read_conversation(source, conversation)


def _read_conversation(source: Input, conversation: Conversation) -> Iterator[ImportEvent]:
    record = conversation.record
    session_id, original = _session_id(record, conversation.messages)
    tree = Tree(source, Thread(SOURCE, session_id))
    yield from _grow(tree, conversation)
    kept, asides = other_members(record, _KNOWN, conversation.whole.place)
    session = _session(record, session_id, original, kept)
    active = text(record.get("current_leaf_message_uuid"))
    yield from tree.told(session, active if active in tree else tree.last, _read_message, conversation.whole, asides)


def _grow(tree: Tree, conversation: Conversation) -> Iterator[SetAside]:
    """The messages' tree; one that does not say which it follows, or where none does, follows the one before."""
    is_chain = not any(_parent(object_of(piece)) for piece in conversation.messages)
    for piece in conversation.messages:
        line = object_of(piece)
        identifier = text(line.record.get("uuid")) if isinstance(line, Line) else ""
        record = line if conversation.is_small and isinstance(line, Line) else piece
        is_next = is_chain or (isinstance(line, Line) and "parent_message_uuid" not in line.record)
        if (aside := tree.add(identifier, tree.last if is_next else _parent(line), record)) is not None:
            yield aside


def _parent(line: Line | SetAside) -> str | None:
    named = text(line.record.get("parent_message_uuid")) if isinstance(line, Line) else ""
    return None if named in ROOTS else named


# --- conversations ----------------------------------------------------------------------------------------------


def _session_id(record: dict[str, Any], messages: list[Piece]) -> tuple[str, str]:
    """The conversation's ID as one of ours, and as it stands there; made of its beginning where it has none."""
    original = text(record.get("uuid")) or text(record.get("conversation_id"))
    if original:
        return safe_session_id(original, SOURCE), original
    return f"{SOURCE}-{digest(messages[0].raw)}", ""


def _session(record: dict[str, Any], session_id: str, original: str, kept: dict[str, JSON]) -> SessionDraft:
    metadata: dict[str, JSON] = {SOURCE: kept} if kept else {}
    if original and original != session_id:
        metadata["original_session_id"] = clip(original, 1000)
    return SessionDraft(
        session_id=session_id,
        title=text(record.get("name")) or None,
        source=SOURCE,
        created_at=parse_time(record.get("created_at")),
        last_activity_at=parse_time(record.get("updated_at")),
        context_summary=text(record.get("summary")) or None,
        metadata=metadata or None,
    )


# --- messages ---------------------------------------------------------------------------------------------------


def _read_message(message: dict[str, Any]) -> Spoken:
    spelling = text(message.get("sender")) or text(message.get("role"))
    parts = [
        part
        for part in read_message({"content": content_beside(message.get("content"), message.get("text"))}, spelling)
        if says_something(part)
    ]
    files, texts = _files(message), _attached_texts(message, spelling)
    if not parts and (files or texts):
        parts = read_message({"content": ""}, spelling)
    if files:
        parts[0].metadata["attachments"] = [*parts[0].metadata.get("attachments", []), *files]
    _note(parts, message)
    spoken = Spoken(parts + texts, parse_time(message.get("created_at")))
    if not spoken.parts:
        spoken.unsupported.append(f"a message without content: {clip(spelling, 20) or 'no sender'}")
    return spoken


def _files(message: dict[str, Any]) -> list[JSON]:
    """What was attached. A picture stands in `files`, in later exports once more in `files_v2`."""
    found: list[JSON] = []
    for name in ("attachments", "files", "files_v2"):
        items = message.get(name)
        for item in items if isinstance(items, list) else []:
            described = describe_file(item, text(mapping(item).get("file_kind")) or "file")
            if described not in found:
                found.append(described)
    return found


def _attached_texts(message: dict[str, Any], spelling: str) -> list[Part]:
    """The texts of attached documents, which the model was shown along with the message."""
    parts = []
    items = message.get("attachments")
    for item in items if isinstance(items, list) else []:
        if (said := text(mapping(item).get("extracted_content"))).strip():
            role = role_of(spelling) or clip(spelling, 60) or USER
            part = Part(InteractionKind.CONVERSATION_TURN, metadata={"role": role, "attachment": "file"})
            if name := text(mapping(item).get("file_name")):
                part.metadata["path"] = clip(name, 2000)
            if role == USER:
                part.prompt = said
            else:
                part.response = said
            parts.append(part)
    return parts


def _note(parts: list[Part], message: dict[str, Any]) -> None:
    if parts and message.get("truncated") is True:
        parts[0].metadata["truncated"] = True
    if parts and (reason := text(message.get("stop_reason"))):
        parts[-1].metadata["stop_reason"] = clip(reason, 60)


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
