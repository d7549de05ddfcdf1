"""A tool's result, which both generations keep in a row of its own."""

from typing import Any

from sessions.records import InteractionKind

from ..files import describe_file
from ..threads import Part, canonical
from ..values import text


def result_of(row: dict[str, Any], name: str) -> Part:
    output = row.get("output")
    said = output if isinstance(output, str) else "" if output is None else canonical(output)
    part = Part(InteractionKind.TOOL_RESPONSE, name=name, response=said, call_id=text(row.get("tool_call_id")))
    part.tool_name = text(row.get("name")) or text(row.get("tool_name"))
    part.status = "success"
    if exception := text(row.get("exception")):
        part.status, part.error_message = "error", exception
    attachments = row.get("attachments")
    if isinstance(attachments, list) and attachments:
        part.metadata["attachments"] = [describe_file(one, "file") for one in attachments]
    return part
