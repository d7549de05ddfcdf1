"""Conversations as the formats are given them, without a store."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sessions.exporters.formats import Conversation, Format
from sessions.records import InteractionKind, InteractionRecord, SessionRecord

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def said(sequence: int, *, parent: int | None = None, **fields: Any) -> InteractionRecord:
    """An interaction of a number; `parent` is the number of the one that it follows."""
    moment = START + timedelta(seconds=sequence)
    values = {"kind": InteractionKind.CLIENT_REQUEST, "occurred_at": moment, "recorded_at": moment, **fields}
    above = None if parent is None else UUID(int=parent)
    return InteractionRecord(id=UUID(int=sequence), sequence=sequence, parent_id=above, **values)


def conversation(interactions: Sequence[InteractionRecord], **fields: Any) -> Conversation:
    values = {"session_id": "s", "created_at": START, "last_activity_at": START, **fields}
    return Conversation(
        header=SessionRecord(**values),
        merges=[],
        interactions=lambda: iter(interactions),
        total_interactions=len(interactions),
        exported_at=START,
    )


def written(form: Format, interactions: Sequence[InteractionRecord], **fields: Any) -> str:
    return "".join(form.write(conversation(interactions, **fields)))
