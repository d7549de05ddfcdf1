"""What an interaction says, piece by piece, each in one voice: what all formats of messages are written from."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sessions.records import JSON, InteractionKind, InteractionRecord, SessionRecord

USER, ASSISTANT, TOOL = "user", "assistant", "tool"


class What(Enum):
    """What kind of thing is said."""

    TEXT = "text"
    THOUGHT = "thought"
    CALL = "call"
    RESULT = "result"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing said by one voice, which is the user's, the assistant's, a tool's, or any other role's by its name.

    `name` is a tool's, `parameters` are those of a call; `has_failed` is for results. `files` is what is known of the
    files that came with the interaction, with its first piece.
    """

    what: What
    voice: str
    text: str = ""
    name: str = ""
    parameters: JSON = None
    call_id: str = ""
    has_failed: bool = False
    files: tuple[Mapping[str, JSON], ...] = ()


def pieces_of(record: InteractionRecord) -> list[Piece]:
    """The pieces in the order in which they were said; none where nothing was.

    One without words that has files says an empty text, which they hang on.
    """
    if record.kind == InteractionKind.TOOL_CALL:
        pieces = _of_call(record)
    elif record.kind == InteractionKind.TOOL_RESPONSE:
        pieces = [*_before(record), _result(record)]
    elif record.kind == InteractionKind.ERROR:
        said = record.error_message or "an error"
        pieces = [*_before(record), *_words(ASSISTANT, record.response), Piece(What.ERROR, ASSISTANT, said)]
    else:
        pieces = _of_words(record)
    if files := _files(record):
        is_request = record.kind == InteractionKind.CLIENT_REQUEST
        pieces = pieces or [Piece(What.TEXT, USER if is_request else _role(record) or ASSISTANT)]
        pieces[0] = replace(pieces[0], files=files)
    return pieces


def _of_words(record: InteractionRecord) -> list[Piece]:
    role = _role(record)
    pieces = _words(role or USER, record.prompt)
    pieces += _thought(record, role or ASSISTANT)
    pieces += _words(role or ASSISTANT, record.response)
    if record.error_message:
        pieces.append(Piece(What.ERROR, ASSISTANT, record.error_message))
    return pieces


def _of_call(record: InteractionRecord) -> list[Piece]:
    call = Piece(
        What.CALL, ASSISTANT, name=record.tool_name, parameters=record.tool_parameters, call_id=_call_id(record)
    )
    is_answered = bool(record.response or record.error_message)
    return [*_before(record), call, *([_result(record)] if is_answered else [])]


def _before(record: InteractionRecord) -> list[Piece]:
    return [*_words(USER, record.prompt), *_thought(record, ASSISTANT)]


def _result(record: InteractionRecord) -> Piece:
    said = [record.response]
    if record.error_message not in record.response:
        said.append(record.error_message)
    return Piece(
        What.RESULT,
        TOOL,
        "\n".join(filter(None, said)),
        name=record.tool_name,
        call_id=_call_id(record),
        has_failed=record.status == "error",
    )


def _words(voice: str, said: str) -> list[Piece]:
    return [Piece(What.TEXT, voice, said)] if said.strip() else []


def _thought(record: InteractionRecord, voice: str) -> list[Piece]:
    return [Piece(What.THOUGHT, voice, record.reasoning)] if record.reasoning.strip() else []


def _role(record: InteractionRecord) -> str:
    """Whose turn it was, where the source told so; "" for a request, for a reply, and for a turn of both."""
    role = record.metadata.get("role")
    return role if record.kind == InteractionKind.CONVERSATION_TURN and isinstance(role, str) else ""


def _call_id(record: InteractionRecord) -> str:
    """The source's ID of a tool's call, on the call and on its result; "" without one."""
    found = record.metadata.get("tool_use_id")
    return found if isinstance(found, str) else ""


def _files(record: InteractionRecord) -> tuple[Mapping[str, JSON], ...]:
    found = record.metadata.get("attachments")
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def original_of(record: InteractionRecord) -> dict[str, Any] | None:
    """The source's own record, where it was kept and is an object."""
    if record.source_record is None:
        return None
    try:
        found = json.loads(zlib.decompress(record.source_record))
    except (ValueError, RecursionError, zlib.error):
        return None
    return found if isinstance(found, dict) else None


def original_id(header: SessionRecord, source: str) -> str:
    """The session's ID in the tool that it came from; its ID here where that is another than the `source`."""
    found = header.metadata.get("original_session_id")
    return found if header.source == source and isinstance(found, str) and found else header.session_id


def mapping(value: JSON) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def arguments(value: JSON) -> str:
    """A call's parameters as the string of JSON that vendors put them into, which reads back as what they are."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return value
    return json.dumps(value, ensure_ascii=False)


def written(value: JSON) -> str:
    """The value as JSON; where a text holds half of a surrogate pair, as records from elsewhere may, in ASCII."""
    said = json.dumps(value, ensure_ascii=False)
    try:
        said.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return said
