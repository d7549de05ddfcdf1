"""What programs send. The shapes are checked here, the values (lengths, characters, depth) by the actions."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sessions.records import InteractionDraft, InteractionKind

type Kind = Literal["conversation_turn", "client_request", "agent_response", "tool_call", "tool_response", "error"]
assert set(get_args(Kind.__value__)) == {kind.value for kind in InteractionKind}  # noqa: S101  (one list of kinds)


def _read_moment(value: Any) -> Any:
    """A text in ISO 8601 with its zone; a bare number could be seconds or milliseconds, so it is refused."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a text in ISO 8601")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("must say its zone, such as 2026-03-01T12:00:00Z")
    return moment


type Moment = Annotated[
    datetime, BeforeValidator(_read_moment, json_schema_input_type=str), Field(description="ISO 8601 with its zone")
]
type Identifier = Annotated[UUID, Field(strict=False)]
type Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Incoming(BaseModel):
    """Unknown members are refused: a misspelt name must not lose what was said under it."""

    model_config = ConfigDict(extra="forbid", strict=True)


class InteractionIn(Incoming):
    """One event of a conversation. With an idempotency key, sending it again adds nothing."""

    kind: Kind = Field("conversation_turn", description="What it is; a turn is a request and its answer in one.")
    prompt: str = Field("", description="What the client asked or said.")
    response: str = Field("", description="What the agent, or a tool, answered.")
    reasoning: str = Field("", description="What the agent thought before it answered.")
    tool_name: str = ""
    tool_parameters: Any = Field(None, description="What the tool was called with, as JSON.")
    model: str = ""
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_microusd: Count | None = Field(None, description="Millionths of a US dollar.")
    execution_time_ms: Annotated[float, Field(ge=0)] | None = None
    status: str = ""
    error_message: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    occurred_at: Moment | None = Field(None, description="When it was said; now, where nothing is said.")
    idempotency_key: str | None = Field(None, description="Unique within the session; up to 200 characters.")
    parent_id: Identifier | None = Field(None, description="The interaction that this one follows, by its ID.")
    parent_key: str | None = Field(None, description="The same by its idempotency key.")
    source_record: str | None = Field(None, description="The record as its source had it, kept beside it.")

    def draft(self) -> InteractionDraft:
        """The same as the actions take it."""
        values = dict(self.__dict__)
        source = values["source_record"]
        values["source_record"] = None if source is None else source.encode("utf-8", "surrogatepass")
        values["kind"] = InteractionKind(values["kind"])
        return InteractionDraft(**values)


class SessionStart(Incoming):
    """A conversation to begin, or to go on with."""

    session_id: str | None = Field(None, description="Letters, digits, '-', '_', '.'; random where none is given.")
    if_exists: Literal["refuse", "resume"] = Field("refuse", description="What to do where the ID is known already.")
    user_id: str | None = Field(None, description="Whose conversation it is.")
    title: str = ""
    source: str = Field("", description="The program that it is held with, such as claude-code.")
    tags: list[str] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)
    project_context: dict[str, Any] = Field(default_factory=dict)


class ContextEdit(Incoming):
    """The members that are given replace what was there; those left out stay."""

    title: str | None = None
    context_summary: str | None = None
    active_topics: list[str] | None = None
    user_preferences: dict[str, Any] | None = None
    project_context: dict[str, Any] | None = None
    semantic_context: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None

    def changes(self) -> dict[str, Any]:
        """What was given."""
        return {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None}


class SessionBatch(Incoming):
    """Interactions of one session, in their order; all of them or none."""

    session_id: str
    interactions: list[InteractionIn] = Field(min_length=1)


type MergeChoices = Annotated[
    dict[str, str | dict[str, str]],
    Field(description="Whose value is kept, by context field (for an object by its keys): a session's ID, or 'both'."),
]
