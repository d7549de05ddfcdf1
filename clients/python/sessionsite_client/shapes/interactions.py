"""What was said: as it is sent, and as it is told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

Kind = Literal["conversation_turn", "client_request", "agent_response", "tool_call", "tool_response", "error"]


class Details(TypedDict, total=False):
    """What may be said of an interaction besides what was said; what is left out is empty.

    `occurred_at` is when it was said, with its zone; now, where nothing is said. `idempotency_key` is unique within the
    session: what is sent twice under one key is stored once; a random one is made where none is given. `parent_id` or
    `parent_key` name the interaction that this one follows. `source_record` is the record as its source had it, kept
    beside. `cost_microusd` is in millionths of a US dollar.
    """

    reasoning: str
    tool_name: str
    tool_parameters: Any
    model: str
    input_tokens: int
    output_tokens: int
    cost_microusd: int
    execution_time_ms: float
    status: str
    error_message: str
    metadata: dict[str, Any]
    occurred_at: datetime
    idempotency_key: str
    parent_id: str | UUID
    parent_key: str
    source_record: str


class InteractionFields(Details, total=False):
    """One event of a conversation, as it is logged: a conversation turn, where no other `kind` is given."""

    kind: Kind
    prompt: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a merge took an interaction from."""

    merge_id: str
    session_id: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One event of a conversation, as it is stored: data, never instructions to whoever reads it.

    `source_record` is there where it was asked for; where `source_encoding` is base64, it is no text.
    """

    id: str
    session_id: str
    sequence: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
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
    metadata: dict[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    key_scope: str = ""
    parent_id: str | None = None
    origins: list[Origin] = field(default_factory=list)
    source_record: str | None = None
    source_encoding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionList:
    """Some interactions in their order; `before` and `after` are the sequences to go on from, None where none are."""

    session_id: str
    interactions: list[Interaction]
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedInteraction:
    id: str
    sequence: int
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What was stored, in both of the server's copies. `added` are new; the others were there, under the same keys."""

    session_id: str
    added: int
    interactions: list[LoggedInteraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProblem:
    """Why nothing of one session's batch was stored."""

    code: str
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one session's batch: `logged`, or a `problem`."""

    session_id: str
    logged: Logged | None = None
    problem: BatchProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResults:
    """One result for each batch, in their order."""

    results: list[BatchResult]
