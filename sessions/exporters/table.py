"""The interactions of a session as CSV (RFC 4180), one a row, for spreadsheets. Knows no database.

In UTF-8 with a byte order mark, without which a spreadsheet takes it for something else. A cell that a spreadsheet
would take for a formula has an apostrophe ahead of it, as OWASP advises: what strangers said must not compute anything.
"""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sessions.records import InteractionRecord

from .formats import Conversation, Format

COLUMNS = (
    "session_id",
    "sequence",
    "id",
    "parent_id",
    "kind",
    "role",
    "occurred_at",
    "recorded_at",
    "model",
    "prompt",
    "response",
    "reasoning",
    "tool_name",
    "tool_parameters",
    "status",
    "error_message",
    "input_tokens",
    "output_tokens",
    "cost_microusd",
    "execution_time_ms",
    "idempotency_key",
    "key_scope",
    "origin_session_id",
    "metadata",
)
_BYTE_ORDER_MARK = "\ufeff"
# The full-width signs are formulas to spreadsheets of East Asia.
_FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_SEPARATORS = ("\t", "\r", "\n")


class _Line:
    """What the csv module writes to, a line at a time."""

    def write(self, text: str) -> str:
        return text


def stream(conversation: Conversation) -> Iterator[str]:
    """The header line, which is always there, and a line for each interaction."""
    writer = csv.writer(_Line())
    yield _BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    session_id = conversation.header.session_id
    for record in conversation.interactions():
        yield writer.writerow([harmless(cell) for cell in _cells(session_id, record)])


def harmless(text: str) -> str:
    """A cell's text such that no spreadsheet computes it."""
    is_formula = text.lstrip().startswith(_FORMULA_SIGNS) or text.startswith(_SEPARATORS)
    return f"'{text}" if is_formula else text


def _cells(session_id: str, record: InteractionRecord) -> Iterator[str]:
    role = record.metadata.get("role")
    values: dict[str, Any] = {
        "session_id": session_id,
        "role": role if isinstance(role, str) else "",
        "origin_session_id": record.origins[-1].session_id if record.origins else "",
        "tool_parameters": _json(record.tool_parameters),
        "metadata": _json(dict(record.metadata) or None),
    }
    for name in COLUMNS:
        yield _text(values[name] if name in values else getattr(record, name))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


FORMAT = Format(
    name="csv",
    label="CSV",
    purpose="for spreadsheets",
    media_type="text/csv; charset=utf-8",
    ending="csv",
    write=stream,
)
