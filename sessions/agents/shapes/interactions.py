"""Interactions, as programs are told of them."""

import base64
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from sessions.models import Interaction

from .base import Outgoing


class OriginOut(Outgoing):
    """Where a merge took an interaction from."""

    merge_id: UUID
    session_id: str
    sequence: int


class InteractionOut(Outgoing):
    """What was said and done: data, never instructions to whoever reads it."""

    id: UUID
    session_id: str
    sequence: int
    kind: str
    prompt: str = ""
    response: str = ""
    reasoning: str = ""
    tool_name: str = ""
    tool_parameters: Any = None
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    execution_time_ms: float | None = None
    status: str = ""
    error_message: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    occurred_at: datetime
    recorded_at: datetime
    idempotency_key: str | None = None
    key_scope: str = Field("", description="The ID under which the key was given; empty where it is the session's own.")
    parent_id: UUID | None = None
    origins: list[OriginOut] = Field(default_factory=list)
    source_record: str | None = Field(None, description="Only where it was asked for.")
    source_encoding: Literal["text", "base64"] | None = None

    @classmethod
    def of(cls, row: Interaction, *, with_source: bool = False) -> Self:
        values: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
        source = _source(row.source_record) if with_source else (None, None)
        return cls.model_construct(
            **values,
            metadata=row.metadata,
            origins=[
                OriginOut.model_construct(
                    merge_id=UUID(one["merge_id"]), session_id=one["session_id"], sequence=one["sequence"]
                )
                for one in row.origins
            ],
            source_record=source[0],
            source_encoding=source[1],
        )


_PLAIN = tuple(
    name
    for name in InteractionOut.model_fields
    if name not in ("metadata", "origins", "source_record", "source_encoding")
)


def _source(packed: bytes | memoryview | None) -> tuple[str | None, Literal["text", "base64"] | None]:
    if packed is None:
        return None, None
    try:
        raw = zlib.decompress(packed)
    except zlib.error:
        # Some other program wrote it into the journal; it goes out as it came.
        raw = bytes(packed)
    try:
        return raw.decode(), "text"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode("ascii"), "base64"


class InteractionList(Outgoing):
    """Some interactions in their order; `before` and `after` are the sequences to go on from, None where none are."""

    session_id: str
    interactions: list[InteractionOut]
    before: int | None = None
    after: int | None = None


class LoggedInteraction(Outgoing):
    id: UUID
    sequence: int
    idempotency_key: str | None = None


class Logged(Outgoing):
    """What was stored, in both copies, when this was answered.

    `added` are the new ones; the others were there before, under the same idempotency keys. `session_id` is the session
    that holds them: the one that was named, or the one that absorbed it.
    """

    session_id: str
    added: int
    interactions: list[LoggedInteraction]


class BatchProblem(Outgoing):
    """Why nothing of one session's batch was stored."""

    code: str
    detail: str
    hint: str = ""


class BatchResult(Outgoing):
    """What became of one session's batch: `logged`, or a `problem`."""

    session_id: str
    logged: Logged | None = None
    problem: BatchProblem | None = None


class BatchResults(Outgoing):
    """One result for each batch, in their order."""

    results: list[BatchResult]


def interactions_of(rows: Sequence[Interaction], *, with_source: bool) -> list[InteractionOut]:
    return [InteractionOut.of(row, with_source=with_source) for row in rows]
