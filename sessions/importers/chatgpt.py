"""ChatGPT's data export: `conversations.json`, an array of conversations, or one as the web page fetches it.

A conversation's `mapping` holds its messages by node ID; they form a tree, and `current_node` is where it is open. The
format is not documented by its maker; docs/importers.md has the mapping and what it rests on.
"""

import json
from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .blocks import decoded
from .documents import Piece, first_objects, object_of
from .files import describe_file
from .formats import Format, Input
from .threads import Part, Thread
from .trees import Conversation, Spoken, Tree, conversations, other_members, says_something
from .values import clip, digest, mapping, milliseconds, parse_time, safe_session_id, text

SOURCE = "chatgpt"
_NODE = frozenset({"parent", "children", "message"})
_KNOWN = frozenset({"mapping", "id", "conversation_id", "title", "create_time", "update_time"})
_SYSTEM, _USER, _ASSISTANT, _TOOL = "system", "user", "assistant", "tool"
# The members of a content that hold its words, whatever its type; in the order in which they are read.
_WORDS = (
    "parts",
    "text",
    "result",
    "content",
    "output_str",
    "user_profile",
    "user_instructions",
    "model_set_context",
    "structured_context",
    "snippet",
    "summary",
)
_NOTED_OF_CONTENT = ("language", "url", "title", "domain", "name", "source_analysis_msg_id")
_ABOUT_CONTENT = frozenset({*_NOTED_OF_CONTENT, "parts"})
# Where nothing is said in one of these, nothing was said.
_FORESEEN_TYPES = frozenset({
    "", "code", "execution_output", "model_editable_context", "multimodal_text", "reasoning_recap", "system_error",
    "tether_browsing_display", "tether_quote", "text", "thoughts", "user_editable_context",
})  # fmt: skip
_NOTED_OF_MESSAGE = ("channel", "status", "recipient")
_USUAL = frozenset({None, "", "all", "finished_successfully", "unknown"})


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is such a conversation."""
    return any(map(_is_conversation, first_objects(head)))


def _is_conversation(record: dict[str, Any]) -> bool:
    nodes = record.get("mapping")
    if not isinstance(nodes, dict):
        return False
    if not nodes:  # cut off behind its bracket, or a conversation that was never begun
        return not {"title", "create_time", "current_node", "conversation_id"}.isdisjoint(record)
    return all(isinstance(node, dict) for node in nodes.values()) and any(
        not _NODE.isdisjoint(node) for node in nodes.values()
    )


def read(source: Input) -> Iterator[ImportEvent]:
    """The conversations of an export, one after the other."""
    for conversation in conversations(source, "mapping"):
        if isinstance(conversation, SetAside):
            yield conversation
        else:
            yield from _read_conversation(source, conversation)


def _read_conversation(source: Input, conversation: Conversation) -> Iterator[ImportEvent]:
    record = conversation.record
    session_id, original = _session_id(record, conversation.messages)
    tree = Tree(source, Thread(SOURCE, session_id))
    claims: dict[str, str] = {}
    for node in conversation.messages:
        if (aside := _add(tree, node, claims, is_small=conversation.is_small)) is not None:
            yield aside
    _take_claims(tree, claims)
    kept, asides = other_members(record, _KNOWN, conversation.whole.place)
    session = _session(record, session_id, original, kept)
    active = text(record.get("current_node"))
    yield from tree.told(session, active if active in tree else tree.last, read_message, conversation.whole, asides)


def _add(tree: Tree, node: Piece, claims: dict[str, str], *, is_small: bool) -> SetAside | None:
    """Add a node; `claims` says of its children that it is what they follow."""
    line = object_of(node)
    if isinstance(line, SetAside):
        # It stays in the tree as what its children follow; what it follows itself nobody can tell.
        return tree.add(node.key, None, node)
    key = node.key or text(line.record.get("id"))
    children = line.record.get("children")
    for child in children if isinstance(children, list) else []:
        if isinstance(child, str) and child != key:
            claims.setdefault(child, key)
    return tree.add(key, text(line.record.get("parent")) or None, line if is_small else node)


def _take_claims(tree: Tree, claims: dict[str, str]) -> None:
    """A node that names no parent which is there follows the one that has it among its children."""
    for key, parent in tree.parents.items():
        if (parent is None or parent not in tree) and claims.get(key) in tree.parents:
            tree.move(key, claims[key])


# --- conversations ----------------------------------------------------------------------------------------------


def _session_id(record: dict[str, Any], nodes: list[Piece]) -> tuple[str, str]:
    """The conversation's ID as one of ours, and as it stands there; made of its beginning where it has none."""
    named = [name for name in (text(record.get("conversation_id")), text(record.get("id"))) if name]
    for name in named:
        if safe_session_id(name, SOURCE) == name:
            return name, name
    if named:
        return safe_session_id(named[0], SOURCE), named[0]
    beginning = f"{record.get('create_time')}\0{nodes[0].key}\0{nodes[1].key if len(nodes) > 1 else ''}"
    return f"{SOURCE}-{digest(beginning)}", ""


def _session(record: dict[str, Any], session_id: str, original: str, kept: dict[str, JSON]) -> SessionDraft:
    metadata: dict[str, JSON] = {SOURCE: kept} if kept else {}
    if original and original != session_id:
        metadata["original_session_id"] = clip(original, 1000)
    return SessionDraft(
        session_id=session_id,
        title=text(record.get("title")) or None,
        source=SOURCE,
        created_at=_time(record.get("create_time")),
        last_activity_at=_time(record.get("update_time")),
        metadata=metadata or None,
    )


def _time(value: JSON) -> Any:
    """A time, which some tools write as a number in a string."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return parse_time(value)
    return parse_time(value)


# --- messages ---------------------------------------------------------------------------------------------------


def read_message(node: dict[str, Any]) -> Spoken:
    """What a node says; one without a message only holds the tree together."""
    message = node.get("message")
    if not isinstance(message, dict):
        return Spoken()
    part = _part(message)
    _note(part, message)
    if not says_something(part):
        kind = clip(text(mapping(message.get("author")).get("role")), 20) or "no role"
        return Spoken(occurred_at=_time(message.get("create_time")), unsupported=[f"a message without content: {kind}"])
    return Spoken([part], _time(message.get("create_time")))


def _part(message: dict[str, Any]) -> Part:
    author, content = mapping(message.get("author")), _content(message)
    role, recipient = text(author.get("role")) or text(message.get("author")), text(message.get("recipient"))
    said, thoughts = _words(content), _thoughts(content)
    if not said and not thoughts:
        said = _unforeseen(content) or _instructions(message)
    if role == _USER:
        return Part(InteractionKind.CLIENT_REQUEST, prompt=said, reasoning=thoughts)
    if role == _TOOL:
        return _tool_response(message, author, content, said, thoughts)
    if role == _ASSISTANT:
        model = text(mapping(message.get("metadata")).get("model_slug"))
        if recipient not in ("", "all"):
            part = Part(InteractionKind.TOOL_CALL, tool_name=recipient, tool_parameters=_parameters(said))
        elif content.get("content_type") in ("thoughts", "reasoning_recap"):
            part = Part(InteractionKind.AGENT_RESPONSE, reasoning="\n\n".join(filter(None, (thoughts, said))))
        elif content.get("content_type") == "system_error":
            part = Part(InteractionKind.ERROR, error_message=said, status="error")
        else:
            part = Part(InteractionKind.AGENT_RESPONSE, response=said, reasoning=thoughts)
        part.model = model
        return part
    metadata: dict[str, JSON] = {"role": clip(role, 60) or _SYSTEM}
    return Part(InteractionKind.CONVERSATION_TURN, response=said, reasoning=thoughts, metadata=metadata)


def _content(message: dict[str, Any]) -> dict[str, Any]:
    """A message's content, which some tools write as nothing but its words."""
    content = message.get("content")
    return {"parts": content} if isinstance(content, str | list) else mapping(content)


def _instructions(message: dict[str, Any]) -> str:
    """What the user wants the model to know, which until 2024 stood beside an empty content."""
    told = mapping(mapping(message.get("metadata")).get("user_context_message_data"))
    return "\n".join(filter(None, (text(told.get(name)) for name in ("about_user_message", "about_model_message"))))


def _unforeseen(content: dict[str, Any]) -> str:
    """What a content of a later version holds, as JSON: its words may stand anywhere in it."""
    if text(content.get("content_type")) in _FORESEEN_TYPES:
        return ""
    said = {name: value for name, value in content.items() if value not in (None, "", [], {})}
    return json.dumps(said, ensure_ascii=False) if said.keys() - {"content_type", "language"} - _ABOUT_CONTENT else ""


def _tool_response(
    message: dict[str, Any], author: dict[str, Any], content: dict[str, Any], said: str, thoughts: str
) -> Part:
    part = Part(InteractionKind.TOOL_RESPONSE, tool_name=text(author.get("name")), response=said, reasoning=thoughts)
    run = mapping(mapping(message.get("metadata")).get("aggregate_result"))
    has_failed = content.get("content_type") == "system_error" or text(run.get("status")).startswith("failed")
    has_failed = has_failed or bool(run.get("in_kernel_exception") or run.get("system_exception"))
    part.status = "error" if has_failed else "success"
    begun, ended = milliseconds(run.get("start_time")), milliseconds(run.get("end_time"))
    if begun is not None and ended is not None and ended >= begun:
        part.execution_time_ms = round((ended - begun) * 1000, 3)
    return part


def _parameters(said: str) -> JSON:
    """A call's text is its parameters: JSON for most tools, code for others."""
    value = decoded(said)
    return value if isinstance(value, dict | list) else said or None


def _words(content: dict[str, Any]) -> str:
    """All text in a content; what one member says again that another said before is left out."""
    said: list[str] = []
    for name in _WORDS:
        value = content.get(name)
        items = value if isinstance(value, list) else [value]
        words = [item if isinstance(item, str) else text(mapping(item).get("text")) for item in items]
        said += [one for one in words if one and one not in said]
    return "\n".join(said)


def _thoughts(content: dict[str, Any]) -> str:
    thoughts = content.get("thoughts")
    said = []
    for thought in thoughts if isinstance(thoughts, list) else []:
        words = (text(mapping(thought).get(name)) for name in ("summary", "content"))
        said.append("\n".join(filter(None, words)) if isinstance(thought, dict) else text(thought))
    return "\n\n".join(filter(None, said))


def _note(part: Part, message: dict[str, Any]) -> None:
    """What stands around the words: files, and what is out of the ordinary."""
    content, metadata = _content(message), mapping(message.get("metadata"))
    kind = text(content.get("content_type"))
    if kind not in ("", "text", "multimodal_text"):
        part.metadata["content_type"] = clip(kind, 60)
    for name in _NOTED_OF_CONTENT:
        if (said := text(content.get(name))) and said not in _USUAL:
            part.metadata[name] = clip(said, 2000)
    for name in _NOTED_OF_MESSAGE:
        value = text(message.get(name))
        if value not in _USUAL and not (name == "recipient" and part.kind is InteractionKind.TOOL_CALL):
            part.metadata[name] = clip(value, 255)
    if metadata.get("is_visually_hidden_from_conversation") is True:
        part.metadata["hidden"] = True
    if files := _files(content, metadata):
        part.metadata["attachments"] = files


def _files(content: dict[str, Any], metadata: dict[str, Any]) -> list[JSON]:
    """The pictures and sounds between the words, and what was uploaded along with them."""
    between = content.get("parts")
    found = [item for item in (between if isinstance(between, list) else []) if isinstance(item, dict)]
    if isinstance(content.get("screenshot"), dict):
        found.append(content["screenshot"])
    files = [file for item in found if "text" not in item for file in _pointed(item)]
    uploads = metadata.get("attachments")
    files += [describe_file(item, "file") for item in (uploads if isinstance(uploads, list) else [])]
    return files + _drawn(metadata, files)


def _pointed(item: dict[str, Any]) -> list[JSON]:
    """A pointer to a file, or the sound and the pictures of a spoken turn, whose pointers stand one level down."""
    kind = text(item.get("content_type")) or "file"
    sound = item.get("audio_asset_pointer")
    files: list[JSON] = [describe_file(sound if isinstance(sound, dict) else item, kind)]
    frames = item.get("frames_asset_pointers")
    for one in (item.get("video_container_asset_pointer"), *(frames if isinstance(frames, list) else [])):
        if one:
            pointer = one if isinstance(one, dict) else {"asset_pointer": one}
            files.append(describe_file(pointer, text(pointer.get("content_type")) or "file"))
    return files


def _drawn(metadata: dict[str, Any], known: list[JSON]) -> list[JSON]:
    """The pictures that a run of the code interpreter made; some stand among the parts as well."""
    messages = mapping(metadata.get("aggregate_result")).get("messages")
    pointers = {file.get("asset_pointer") for file in known if isinstance(file, dict)}
    drawn = [text(mapping(one).get("image_url")) for one in (messages if isinstance(messages, list) else [])]
    return [describe_file({"asset_pointer": one}, "image") for one in drawn if one and one not in pointers]


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
