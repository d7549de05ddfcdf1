"""Open WebUI's chat export: an array of chats, or one as the database holds it.

`chat.history.messages` holds the messages by ID; they form a tree by `parentId`, and `currentId` is where it is open.
Reasoning and tools' calls stand as `<details>` in a reply's words, in newer versions exactly in its `output` as well.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .blocks import decoded
from .chat import ASSISTANT, read_message, role_of, usage_of
from .details import blocks_of
from .documents import first_objects, read_objects
from .files import describe_file
from .formats import Format, Input, set_aside
from .jsonl import Line
from .threads import Part, Thread, compact
from .trees import WITHOUT_MESSAGES, Spoken, Tree, other_members, says_something
from .values import clip, digest, mapping, name_of, one_line, parse_time, safe_session_id, text

SOURCE = "openwebui"
MAX_TAG = 100

_KNOWN = frozenset({"id", "title", "chat", "created_at", "updated_at", "timestamp", "history", "messages", "tags"})
_RESULT = "function_call_output"


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is such a chat."""
    return any(map(_is_chat, first_objects(head)))


def _is_chat(record: dict[str, Any]) -> bool:
    chat = _chat(record)
    history = chat.get("history")
    if isinstance(history, dict):
        return "currentId" in history or isinstance(history.get("messages"), dict | list)
    return (
        chat is not record
        and isinstance(chat.get("messages"), list)
        and not {"user_id", "models"}.isdisjoint([*record, *chat])
    )


def _chat(record: dict[str, Any]) -> dict[str, Any]:
    """The chat itself, which may stand in `chat`, there even as JSON in a string, or be all there is."""
    inner = decoded(record.get("chat"))
    return inner if isinstance(inner, dict) else record


def read(source: Input) -> Iterator[ImportEvent]:
    """The chats of an export, one after the other."""
    for line in read_objects(source):
        source.records_read += 1
        if isinstance(line, SetAside):
            yield line
        else:
            yield from _read_chat(source, line)


def _read_chat(source: Input, line: Line) -> Iterator[ImportEvent]:
    chat = _chat(line.record)
    messages = _messages(chat)
    if not messages:
        yield set_aside(line.place, WITHOUT_MESSAGES, damaged=not _is_chat(line.record), raw=line.raw)
        return
    session_id, original = _session_id(line.record, chat, messages)
    tree = Tree(source, Thread(SOURCE, session_id))
    parents = _parents(messages)
    for key, message in messages.items():
        place = f"{line.place}.{name_of(key)}"
        if isinstance(message, dict):
            aside = tree.add(key, parents[key], Line(place, compact(message), message))
        else:
            source.records_read += 1
            aside = set_aside(place, "not an object", damaged=True, raw=compact(message))
        if aside is not None:
            yield aside
    kept, asides = other_members({**chat, **line.record}, _KNOWN, line.place)
    active = text(mapping(chat.get("history")).get("currentId"))
    session = _session(line.record, chat, session_id, original, kept)
    yield from tree.told(session, active if active in tree else tree.last, _read_message, line, asides)


def _messages(chat: dict[str, Any]) -> dict[str, JSON]:
    """The messages by ID, and those that only the list beside them has, which else repeats the way that is open."""
    inside = mapping(chat.get("history")).get("messages")
    found: dict[str, JSON] = dict(mapping(inside))
    before = None
    listed = [*_listed(inside), *_listed(chat.get("messages"))]
    for number, message in enumerate(listed):
        key = text(mapping(message).get("id")) or f"{number}"
        if key not in found and isinstance(message, dict):
            found[key] = message if "parentId" in message else message | {"parentId": before}
        before = key
    return found


def _listed(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _parents(messages: dict[str, JSON]) -> dict[str, str | None]:
    """What each message follows.

    Where links disagree, the one message that has it among its children is right: chats that were imported into Open
    WebUI from ChatGPT have the message before in the file as `parentId`.
    """
    claims: Counter[str] = Counter()
    claimed_by: dict[str, str] = {}
    for key, message in messages.items():
        children = mapping(message).get("childrenIds")
        for child in {text(child) for child in (children if isinstance(children, list) else [])}:
            claims[child] += 1
            claimed_by[child] = key
    parents: dict[str, str | None] = {}
    for key, message in messages.items():
        stated = text(mapping(message).get("parentId")) or None
        parents[key] = claimed_by[key] if claims[key] == 1 and claimed_by[key] != key else stated
    return parents


# --- chats ------------------------------------------------------------------------------------------------------


def _session_id(record: dict[str, Any], chat: dict[str, Any], messages: dict[str, JSON]) -> tuple[str, str]:
    """The chat's ID as one of ours, and as it stands there; made of its beginning where it has none."""
    original = text(record.get("id")) or text(chat.get("id"))
    if original:
        return safe_session_id(original, SOURCE), original
    key, first = next(iter(messages.items()))
    return f"{SOURCE}-{digest(f'{key}\0{mapping(first).get("content")}')}", ""


def _session(
    record: dict[str, Any], chat: dict[str, Any], session_id: str, original: str, kept: dict[str, JSON]
) -> SessionDraft:
    metadata: dict[str, JSON] = {SOURCE: kept} if kept else {}
    if original and original != session_id:
        metadata["original_session_id"] = clip(original, 1000)
    begun = record.get("created_at") or chat.get("timestamp") or record.get("timestamp")
    return SessionDraft(
        session_id=session_id,
        title=text(record.get("title")) or text(chat.get("title")) or None,
        source=SOURCE,
        created_at=parse_time(begun),
        last_activity_at=parse_time(record.get("updated_at")),
        metadata=metadata or None,
        tags=_tags(record, chat) or None,
    )


def _tags(record: dict[str, Any], chat: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for listed in (chat.get("tags"), mapping(record.get("meta")).get("tags")):
        for item in listed if isinstance(listed, list) else []:
            name = clip(one_line(text(item) or text(mapping(item).get("name"))), MAX_TAG)
            found += [name] if name and name not in found else []
    return found


# --- messages ---------------------------------------------------------------------------------------------------


def _read_message(message: dict[str, Any]) -> Spoken:
    spelling = text(message.get("role"))
    parts = [part for part in read_message({"content": _content(message)}, spelling) if says_something(part)]
    if merged := text(mapping(message.get("merged")).get("content")):
        parts.append(Part(InteractionKind.AGENT_RESPONSE, response=merged, metadata={"block": "merged"}))
    if message.get("error"):
        parts.append(_error(message["error"]))
    if files := _files(message):
        parts = parts or read_message({"content": ""}, spelling)
        parts[0].metadata["attachments"] = [*parts[0].metadata.get("attachments", []), *files]
    if role_of(spelling) == ASSISTANT:
        _note(parts, message)
    spoken = Spoken(parts, parse_time(message.get("timestamp")))
    if not parts:
        spoken.unsupported.append(f"a message without content: {clip(spelling, 20) or 'no role'}")
    return spoken


def _content(message: dict[str, Any]) -> JSON:
    """The exact `output` where there is one, else the words with what stands as `<details>` between them."""
    content, output = message.get("content"), message.get("output")
    written = blocks_of(content) if isinstance(content, str) and "<details" in content else content
    if not isinstance(output, list) or not output:
        return written
    blocks = [block for item in output for block in _output_blocks(item)]
    has_words = any(text(mapping(block).get("text")).strip() for block in blocks if _is_words(block))
    if has_words or not isinstance(content, str):
        return blocks
    spoken = [block for block in (written if isinstance(written, list) else [written]) if _is_words(block)]
    return [*blocks, *spoken]


def _output_blocks(item: JSON) -> list[JSON]:
    inside = mapping(item).get("content")
    if mapping(item).get("type") == "message" and isinstance(inside, list):
        return inside
    if mapping(item).get("type") == _RESULT:
        return [{**item, "type": "tool_result"}]
    if text(mapping(item).get("type")).endswith(":code_interpreter"):
        return _run(mapping(item))
    return [item]


def _run(item: dict[str, Any]) -> list[JSON]:
    """A run of the code interpreter, which is a call with its result inside."""
    call = {"type": "tool_use", "id": item.get("id"), "name": "code_interpreter", "input": {"code": item.get("code")}}
    result = {"type": "tool_result", "tool_use_id": item.get("id"), "content": item.get("output")}
    return [call] if item.get("output") is None else [call, result]


def _is_words(block: JSON) -> bool:
    return isinstance(block, str) or mapping(block).get("type") in ("text", "output_text")


def _error(error: JSON) -> Part:
    said = text(error) or text(mapping(error).get("content")) or text(mapping(error).get("detail"))
    return Part(InteractionKind.ERROR, error_message=said or "an error", status="error")


def _files(message: dict[str, Any]) -> list[JSON]:
    files = message.get("files")
    return [describe_file(file) for file in (files if isinstance(files, list) else []) if isinstance(file, dict)]


def _note(parts: list[Part], message: dict[str, Any]) -> None:
    """The model of each part, and what it cost with the first."""
    for part in parts:
        if part.kind is not InteractionKind.TOOL_RESPONSE:
            part.model = text(message.get("model"))
    if parts:
        usage = message.get("usage") or message.get("info")
        parts[0].input_tokens, parts[0].output_tokens = usage_of(usage)
        if message.get("done") is False:
            parts[-1].metadata["unfinished"] = True


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
