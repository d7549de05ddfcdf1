"""LibreChat's conversation export: one conversation, its messages as a list or each inside the one that it follows.

`parentMessageId` makes a tree of them, often with several roots. With `recursive` a message holds those that follow it
in `children`, so a long conversation is nested as deeply as it is long.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SessionDraft, SetAside

from .chat import content_beside, read_message
from .documents import Piece, first_objects, read_pieces
from .files import describe_file
from .formats import Format, Input, set_aside
from .jsonl import Line, Unreadable, parse_part, refuse_depth
from .threads import Part, Thread, compact
from .trees import WITHOUT_MESSAGES, Spoken, Tree, other_members, says_something
from .values import clip, count, digest, mapping, parse_time, safe_session_id, text

SOURCE = "librechat"
ROOTS = frozenset({"", "00000000-0000-0000-0000-000000000000"})
_MESSAGE = frozenset({"messageId", "parentMessageId", "isCreatedByUser"})
OWN = "sessionsite"
"""Where our own export says what LibreChat has no place for."""
_KNOWN = frozenset({"conversationId", "title", "messages", "createdAt", "updatedAt", OWN})


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is such a conversation."""
    return any(map(_is_conversation, first_objects(head)))


def _is_conversation(record: dict[str, Any]) -> bool:
    messages = record.get("messages")
    if not isinstance(messages, list):
        return {"conversationId", "endpoint", "exportAt"} <= record.keys()
    if not messages:
        return "conversationId" in record
    return any(len(_MESSAGE & mapping(message).keys()) >= 2 for message in messages)


def read(source: Input) -> Iterator[ImportEvent]:
    """The conversations of a file, mostly one."""
    for piece in read_pieces(source):
        source.records_read += 1
        if isinstance(piece, SetAside):
            yield piece
            continue
        try:
            record = parse_part(piece.raw, refuse_deep=False)
        except Unreadable as error:
            yield set_aside(piece.place, error.reason, damaged=True, raw=piece.raw)
            continue
        if isinstance(record, dict):
            yield from _read_conversation(source, piece, record)
        else:
            yield set_aside(piece.place, "not an object", damaged=True, raw=piece.raw)


def _read_conversation(source: Input, piece: Piece, record: dict[str, Any]) -> Iterator[ImportEvent]:
    listed = record.pop("messages", None)
    messages = list(_flat(listed, f"{piece.place}.messages"))
    if not messages:
        yield set_aside(piece.place, WITHOUT_MESSAGES, damaged=not isinstance(listed, list), raw=piece.raw)
        return
    session_id, original = _session_id(record, messages[0][2])
    tree = Tree(source, Thread(SOURCE, session_id))
    is_chain = OWN not in record and _is_chain(messages)
    for place, container, message in messages:
        before = (tree.last or "") if is_chain else container
        if (aside := _add(source, tree, place, before, message)) is not None:
            yield aside
    kept, asides = other_members(_shallow(record), _KNOWN, piece.place)
    session = _session(record, session_id, original, kept)
    active = text(mapping(record.get(OWN)).get("open"))
    yield from tree.told(session, active if active in tree else None, _read_message, piece, asides)


def _flat(listed: JSON, place: str) -> Iterator[tuple[str, str, JSON]]:
    """Every message with its place and the ID of the one that holds it, without those that it holds itself."""
    waiting = [
        ("", item, f"{place}[{number}]") for number, item in enumerate(listed if isinstance(listed, list) else [])
    ]
    waiting.reverse()
    total = len(waiting)
    while waiting:
        container, message, where = waiting.pop()
        children = message.pop("children", None) if isinstance(message, dict) else None
        yield where, container, message
        if isinstance(children, list):
            own = text(message.get("messageId"))
            waiting += [(own, child, f"{place}[{total + n}]") for n, child in enumerate(children)][::-1]
            total += len(children)


def _is_chain(messages: list[tuple[str, str, JSON]]) -> bool:
    """Whether no message says which one it follows. Beginnings beside each other are all the user's."""
    named = [mapping(message) for _, _, message in messages]
    is_linked = any(
        container or text(message.get("parentMessageId")) not in ROOTS
        for (_, container, _), message in zip(messages, named, strict=True)
    )
    return not is_linked and not all(_is_user(message) for message in named)


def _add(source: Input, tree: Tree, place: str, container: str, message: JSON) -> SetAside | None:
    try:
        refuse_depth(message)
    except Unreadable as error:
        source.records_read += 1
        return set_aside(place, error.reason, damaged=True)
    raw = compact(message)
    if not isinstance(message, dict):
        source.records_read += 1
        return set_aside(place, "not an object", damaged=True, raw=raw)
    stated = text(message.get("parentMessageId"))
    parent = container if stated in ROOTS else stated
    return tree.add(text(message.get("messageId")), parent or None, Line(place, raw, message))


def _shallow(record: dict[str, Any]) -> dict[str, Any]:
    """The members that a store can hold; those that are nested too deeply are no part of any real export."""
    shallow = {}
    for name, value in record.items():
        try:
            refuse_depth(value)
        except Unreadable:
            continue
        shallow[name] = value
    return shallow


# --- conversations ----------------------------------------------------------------------------------------------


def _session_id(record: dict[str, Any], first: JSON) -> tuple[str, str]:
    """The conversation's ID as one of ours, and as it stands there; made of its beginning where it has none."""
    original = text(record.get("conversationId"))
    if original:
        return safe_session_id(original, SOURCE), original
    beginning = f"{mapping(first).get('messageId')}\0{mapping(first).get('text')}"
    return f"{SOURCE}-{digest(beginning)}", ""


def _session(record: dict[str, Any], session_id: str, original: str, kept: dict[str, JSON]) -> SessionDraft:
    metadata: dict[str, JSON] = {SOURCE: kept} if kept else {}
    if original and original != session_id:
        metadata["original_session_id"] = clip(original, 1000)
    return SessionDraft(
        session_id=session_id,
        title=text(record.get("title")) or None,
        source=SOURCE,
        created_at=parse_time(record.get("createdAt")),
        last_activity_at=parse_time(record.get("updatedAt")),
        metadata=metadata or None,
    )


# --- messages ---------------------------------------------------------------------------------------------------


def _read_message(message: dict[str, Any]) -> Spoken:
    is_user = _is_user(message)
    role = text(mapping(mapping(message.get("metadata")).get(OWN)).get("role")) or ("user" if is_user else "assistant")
    content = content_beside(_blocks(message.get("content")), message.get("text"))
    if message.get("error") is True:
        parts = [Part(InteractionKind.ERROR, error_message=_error_text(content), status="error")]
    else:
        parts = read_message({"content": content}, role)
        parts = [part for part in parts if says_something(part)]
    if files := _files(message):
        parts = parts or read_message({"content": ""}, role)
        parts[0].metadata["attachments"] = [*parts[0].metadata.get("attachments", []), *files]
    _note(parts, message, is_user=is_user)
    spoken = Spoken(parts, parse_time(message.get("createdAt")))
    if not parts:
        spoken.unsupported.append(f"a message without content: {'user' if is_user else 'assistant'}")
    return spoken


def _is_user(message: dict[str, Any]) -> bool:
    """Some exports say it as a text, or by the sender's name alone."""
    told = message.get("isCreatedByUser")
    if isinstance(told, bool):
        return told
    return (text(told) or text(message.get("sender"))).lower() in ("true", "user")


def _blocks(content: JSON) -> JSON:
    """The content parts as the blocks that other vendors write.

    LibreChat has a result inside its call; our own export says where it stood if that was not right behind it.
    """
    if not isinstance(content, list):
        return content
    told: list[JSON] = []
    later: dict[int, JSON] = {}
    for part in content:
        at = count(mapping(mapping(part).get(OWN)).get("answered_at"))
        for block in _block(part):
            if at is not None and at not in later and mapping(block).get("type") == "tool_result":
                later[at] = block
            else:
                told.append(block)
    for at in sorted(later):
        told.insert(at, later[at])
    return told


def _block(part: JSON) -> Iterator[JSON]:
    kind, inside = mapping(part).get("type"), mapping(part)
    if kind == "text":
        said = inside.get("text")
        yield {"type": "text", "text": text(said) or text(mapping(said).get("value"))}
    elif kind == "think":
        said = inside.get("think")
        yield {"type": "thinking", "thinking": text(said) or text(mapping(said).get("value"))}
    elif kind == "error":
        yield {"type": "error", "text": text(inside.get("error")) or text(inside.get("text"))}
    elif kind == "tool_call" and isinstance(inside.get("tool_call"), dict):
        call = inside["tool_call"]
        named, hosted = _called(call)
        output = next((place[name] for place in (named, call) for name in ("output", "outputs") if name in place), None)
        is_result = mapping(inside.get(OWN)).get("only") == "result"
        if not is_result:
            function = {"name": hosted, "input": call.get("args"), **call, **named}
            yield {"type": "tool_use", "id": call.get("id"), "function": function}
        if output is not None:
            name = call.get("name") if is_result else None
            yield {"type": "tool_result", "tool_use_id": call.get("id"), "name": name, "content": output}
    else:
        yield part


def _called(call: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What a call is of: a function, or a tool of the vendor's (`code_interpreter`) that goes by the call's type."""
    hosted = text(call.get("type"))
    if isinstance(call.get("function"), dict) or not isinstance(call.get(hosted), dict):
        return mapping(call.get("function")), ""
    return call[hosted], hosted


def _error_text(content: JSON) -> str:
    if isinstance(content, list):
        return "\n".join(filter(None, (text(block) or text(mapping(block).get("text")) for block in content)))
    return text(content) or "an error"


def _files(message: dict[str, Any]) -> list[JSON]:
    found: list[JSON] = []
    for name in ("files", "attachments"):
        items = message.get(name)
        found += [describe_file(item, "file") for item in (items if isinstance(items, list) else [])]
    return found


def _note(parts: list[Part], message: dict[str, Any], *, is_user: bool) -> None:
    """The model, the tokens that the message takes, and what is out of the ordinary."""
    if not parts:
        return
    tokens = count(message.get("tokenCount"))
    if is_user and tokens is not None:
        parts[0].metadata["token_count"] = tokens
    elif not is_user:
        parts[0].output_tokens = tokens
        for part in parts:
            if part.kind is not InteractionKind.TOOL_RESPONSE:
                part.model = text(message.get("model"))
        if sender := text(message.get("sender")):
            parts[0].metadata["sender"] = clip(sender, 255)
    if message.get("unfinished") is True:
        parts[-1].metadata["unfinished"] = True
    if message.get("isEdited") is True:
        parts[0].metadata["edited"] = True


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
