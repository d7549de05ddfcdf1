"""A conversation as a Markdown document for people, as a stream of text. Knows no database."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from sessions.records import JSON, InteractionKind, InteractionRecord, SessionRecord

from .formats import Conversation, Format

_HEADINGS = {
    InteractionKind.CONVERSATION_TURN: "Turn",
    InteractionKind.CLIENT_REQUEST: "Request",
    InteractionKind.AGENT_RESPONSE: "Reply",
    InteractionKind.TOOL_CALL: "Tool call",
    InteractionKind.TOOL_RESPONSE: "Tool result",
    InteractionKind.ERROR: "Error",
}
_FENCES = re.compile(r"^[ \t>]*(`{3,})", re.MULTILINE)


def stream(conversation: Conversation) -> Iterator[str]:
    """The document's text, an interaction at a time, so that memory does not grow with the session."""
    yield opening(conversation.header)
    for record in conversation.interactions():
        yield interaction(record)


def opening(header: SessionRecord) -> str:
    """What stands ahead of the first interaction."""
    return "".join(_opening(header))


def interaction(record: InteractionRecord) -> str:
    """One interaction's part of the document."""
    return "".join(_interaction(record))


def _opening(header: SessionRecord) -> Iterator[str]:
    yield f"# {_line(header.title or header.session_id)}\n\n"
    facts = {
        "Session": f"`{header.session_id}`",
        "User": _line(header.user_id),
        "Source": _line(header.source),
        "Started": _time(header.created_at),
        "Last activity": _time(header.last_activity_at),
        "Tags": _line(", ".join(header.tags)),
        "Topics": _line(", ".join(header.active_topics)),
    }
    yield "".join(f"- {name}: {value}\n" for name, value in facts.items() if value)
    if header.context_summary:
        yield f"\n{_quoted(header.context_summary)}\n"


def _interaction(record: InteractionRecord) -> Iterator[str]:
    """A request's and a reply's own markdown stays as it is; what a tool was told and said stands in fences."""
    name = _HEADINGS.get(InteractionKind(record.kind), record.kind)
    tool = f" · {_line(record.tool_name)}" if record.tool_name else ""
    yield f"\n## {record.sequence}. {name}{tool}\n\n{_time(record.occurred_at)}"
    yield f" · {_line(record.model)}\n" if record.model else "\n"
    if record.reasoning:
        yield f"\n{_quoted(record.reasoning)}\n"
    if record.prompt:
        yield f"\n{record.prompt.rstrip()}\n"
    if record.tool_parameters is not None:
        yield _fenced(*_parameters(record.tool_parameters))
    if record.response:
        is_output = record.kind == InteractionKind.TOOL_RESPONSE
        yield _fenced(record.response) if is_output else f"\n{record.response.rstrip()}\n"
    if record.error_message:
        yield f"\n**Error:**\n{_fenced(record.error_message)}"


def _parameters(value: JSON) -> tuple[str, str]:
    return (value, "") if isinstance(value, str) else (json.dumps(value, indent=2, ensure_ascii=False), "json")


def _fenced(text: str, label: str = "") -> str:
    """A block that nothing in the text can close: its fence is longer than any in it."""
    longest = max((len(found) for found in _FENCES.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"\n{fence}{label}\n{text.rstrip()}\n{fence}\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _line(text: str) -> str:
    """A text on one line, whatever it held."""
    return " ".join(text.split())


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


FORMAT = Format(
    name="markdown",
    label="Markdown",
    purpose="to read",
    media_type="text/markdown; charset=utf-8",
    ending="md",
    write=stream,
)
