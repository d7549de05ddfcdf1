"""Google AI Studio's prompts, as they lie in Drive: one object with `chunkedPrompt.chunks`, a chunk a message."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from sessions.records import JSON, ImportEvent, InteractionKind, SetAside

from .blocks import call_part, result_part
from .chat import turn_part
from .dialogues import SURPRISES, UNFORESEEN, Dialogue, Dialogues, Turn, accounted, kept
from .documents import Piece, first_members, members_of, object_of, read_documents
from .files import describe_file, is_file_type
from .formats import Format, Input, set_aside
from .jsonl import Line, Unreadable, parse_part
from .threads import Part
from .values import clip, count, mapping, parse_time, text

SOURCE = "ai-studio"
_LISTS = frozenset({"chunks", "pendingInputs"})
_IDS = ("id", "promptId", "name")
_TITLES = ("title", "displayName")


def recognises(head: bytes) -> bool:
    """Whether this is an object with `chunkedPrompt`, or with what stands ahead of it."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    members = first_members(head)
    return isinstance(members.get("chunkedPrompt"), dict) or {"runSettings", "systemInstruction"} <= members.keys()


def read(source: Input) -> Iterator[ImportEvent]:
    """The events of a prompt, or of several that stand one after the other."""
    return accounted(source, _read(source))


def _read(source: Input) -> Iterator[ImportEvent]:
    dialogues = Dialogues(source, SOURCE)
    for members in read_documents(source, frozenset()):
        yield from _prompt(source, dialogues, members)


def _prompt(source: Input, dialogues: Dialogues, members: Iterator[Piece | SetAside]) -> Iterator[ImportEvent]:
    envelope: dict[str, JSON] = {}
    chunks: list[tuple[Piece, bool]] = []
    whole = b""
    for member in members:
        source.records_read += 1
        if isinstance(member, SetAside):
            yield member
            if member.place.endswith(":chunkedPrompt"):
                # Of a file that breaks off in there, what is whole before the break.
                whole = member.raw
                yield from _chunks(source, Piece(member.place, "chunkedPrompt", whole), envelope, chunks)
        elif member.name == "chunkedPrompt":
            whole = member.raw
            yield from _chunks(source, member, envelope, chunks)
        else:
            aside = _note(member, envelope)
            yield from [aside] if aside else []
    if chunks or envelope:
        yield from dialogues.tell(source.place, whole, partial(_dialogue, envelope, chunks))


def _chunks(
    source: Input, prompt: Piece, envelope: dict[str, JSON], chunks: list[tuple[Piece, bool]]
) -> Iterator[SetAside]:
    for piece in members_of(prompt, _LISTS):
        source.records_read += 1
        if isinstance(piece, SetAside):
            yield piece
        elif piece.place.endswith("]"):
            if piece.name == "chunks" or _is_typed(piece):
                chunks.append((piece, piece.name != "chunks"))
        else:
            aside = _note(piece, envelope)
            yield from [aside] if aside else []


def _note(piece: Piece, envelope: dict[str, JSON]) -> SetAside | None:
    try:
        envelope[piece.name] = parse_part(piece.raw)
    except Unreadable as error:
        return set_aside(piece.place, error.reason, damaged=True, raw=piece.raw)
    return None


def _dialogue(envelope: dict[str, JSON], chunks: list[tuple[Piece, bool]]) -> Dialogue:
    settings = mapping(envelope.get("runSettings"))
    model = text(settings.get("model")).removeprefix("models/")
    dialogue = Dialogue(
        original_id=next(filter(None, (text(envelope.get(name)) for name in _IDS)), ""),
        envelope=envelope,
        list_name="chunks",
        title=next(filter(None, (clip(text(envelope.get(name)), 1000) for name in _TITLES)), None),
        created_at=parse_time(envelope.get("createTime")),
        last_activity_at=parse_time(envelope.get("updateTime")),
        metadata=kept({name: value for name, value in envelope.items() if name not in (*_TITLES, "systemInstruction")}),
    )
    before: list[Turn] = []
    if said := _instruction(envelope.get("systemInstruction")):
        before.append(Turn({"systemInstruction": envelope["systemInstruction"]}, [turn_part(said, "system")]))
    dialogue.turns = chain(before, (_read_chunk(piece, model, is_pending=pending) for piece, pending in chunks))
    return dialogue


def _is_typed(piece: Piece) -> bool:
    """What is typed and not sent yet; the field that waits for it is there even when it is empty."""
    line = object_of(piece)
    return isinstance(line, SetAside) or bool(line.record.get("text"))


def _read_chunk(piece: Piece, model: str, *, is_pending: bool) -> Turn:
    line = object_of(piece)
    if isinstance(line, SetAside):
        return Turn(None, [], unread=line)
    try:
        return _turn(line, model, is_pending=is_pending)
    except SURPRISES:
        return Turn(None, [], unread=set_aside(piece.place, UNFORESEEN, damaged=True, raw=piece.raw))


def _instruction(value: JSON) -> str:
    if isinstance(value, str):
        return value
    parts = mapping(value).get("parts")
    said = [text(mapping(part).get("text")) for part in parts] if isinstance(parts, list) else []
    return text(mapping(value).get("text")) or "\n".join(filter(None, said))


def _turn(line: Line, model: str, *, is_pending: bool) -> Turn:
    chunk = line.record
    parts = _parts(chunk)
    part = parts[0]
    for one in parts:
        if one.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
            one.model = model
    _count(part, count(chunk.get("tokenCount")))
    if files := _files(chunk):
        part.metadata["attachments"] = files
    for name, known_as in (("finishReason", "finish_reason"), ("grounding", "grounding"), ("isEdited", "edited")):
        if value := chunk.get(name):
            part.metadata[known_as] = value
    if is_pending:
        part.metadata["pending"] = True
    if error := text(chunk.get("errorMessage")):
        part.status, part.error_message = "error", error
    origin = mapping(chunk.get("branchParent"))
    follows = text(origin.get("id"))
    if origin and not follows:
        part.metadata["branched_from"] = origin
    moment = parse_time(chunk.get("createTime"))
    return Turn(chunk, parts, text(chunk.get("id")), moment, follows, line.place)


def _count(part: Part, tokens: int | None) -> None:
    if part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
        part.output_tokens = tokens
    elif tokens:
        part.metadata["token_count"] = tokens


def _files(chunk: dict[str, Any]) -> list[JSON]:
    """The files of a chunk; they stand in it, and in some versions among its parts besides or only there."""
    own: list[JSON] = [describe_file(chunk, name) for name in chunk if is_file_type(name)]
    return own or [describe_file(part, name) for part in _inside(chunk) for name in part if is_file_type(name)]


def _inside(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    listed = chunk.get("parts")
    return [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []


def _parts(chunk: dict[str, Any]) -> list[Part]:
    """What was said, and the calls and their outcomes, which may stand in one chunk."""
    said = chunk.get("text")
    if not isinstance(said, str):
        said = _instruction(chunk)
    tools = _tools(chunk) or [tool for part in _inside(chunk) for tool in _tools(part)]
    return tools if tools and not said.strip() else [_spoken(chunk, said), *tools]


def _tools(chunk: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    code, outcome = chunk.get("executableCode"), chunk.get("codeExecutionResult")
    if isinstance(code, dict):
        parts.append(Part(InteractionKind.TOOL_CALL, tool_name="code_execution", tool_parameters=code))
    if isinstance(outcome, dict):
        part = Part(InteractionKind.TOOL_RESPONSE, tool_name="code_execution", response=text(outcome.get("output")))
        part.status = "success" if outcome.get("outcome") in ("OUTCOME_OK", 1, None) else "error"
        parts.append(part)
    if isinstance(chunk.get("functionCall"), dict):
        parts.append(call_part(chunk))
    if isinstance(chunk.get("functionResponse"), dict):
        parts.append(result_part(chunk))
    return parts


def _spoken(chunk: dict[str, Any], said: str) -> Part:
    if chunk.get("role") == "user":
        return Part(InteractionKind.CLIENT_REQUEST, prompt=said)
    if chunk.get("role") != "model":
        return turn_part(said, text(chunk.get("role")))
    if chunk.get("isThought") is True:
        return Part(InteractionKind.AGENT_RESPONSE, reasoning=said)
    return Part(InteractionKind.AGENT_RESPONSE, response=said)


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
