"""What programs send. The shapes are checked here, the values (lengths, characters, depth) by the actions."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, model_validator

from sessions.records import InteractionDraft, InteractionKind

MAX_BATCH = 2_000
"""So many interactions at most are taken at once."""
_MOST_MEMBERS = 100
_MOST_CHOICES = 10_000

type Kind = Literal["conversation_turn", "client_request", "agent_response", "tool_call", "tool_response", "error"]
assert set(get_args(Kind.__value__)) == {kind.value for kind in InteractionKind}  # noqa: S101  (one list of kinds)


def _read_moment(value: Any) -> Any:
    """A text in ISO 8601 with its zone; a bare number could be seconds or milliseconds, so it is refused."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a text in ISO 8601")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        # Python's own message repeats what was sent.
        raise ValueError("must be a time in ISO 8601, such as 2026-03-01T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("must say its zone, such as 2026-03-01T12:00:00Z")
    return moment


_MomentText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
type Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment, json_schema_input_type=_MomentText),
    Field(description="ISO 8601 with its zone"),
]
type Identifier = Annotated[UUID, Field(strict=False)]
type Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


# What is wrong is told of one thing after the other, and there is room for millions of them in a request.
# A list that is to be bounded is written out anew: what is said of the name `Texts` holds for all that use it.
type Texts = Annotated[list[str], FailFast()]


class Incoming(BaseModel):
    """Unknown members are refused: a misspelt name must not lose what was said under it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_many(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > _MOST_MEMBERS:
            raise ValueError(f"has {len(value):,} members; nothing has so many")
        return value


class InteractionIn(Incoming):
    """One event of a conversation. With an idempotency key, sending it again adds nothing."""

    kind: Kind = Field("conversation_turn", description="What it is; a turn is a request and its answer in one.")
    prompt: str = Field("", description="What the client asked or said.")
    response: str = Field("", description="What the agent, or a tool, answered.")
    reasoning: str = Field("", description="What the agent thought before it answered.")
    tool_name: str = Field("", description="Which tool was called.")
    tool_parameters: Any = Field(None, description="What the tool was called with, as JSON.")
    model: str = Field("", description="Which model answered.")
    input_tokens: Count | None = Field(None, description="How many the model read.")
    output_tokens: Count | None = Field(None, description="How many the model wrote.")
    cost_microusd: Count | None = Field(None, description="Millionths of a US dollar.")
    execution_time_ms: Annotated[float, Field(ge=0)] | None = Field(None, description="How long it took.")
    status: str = Field("", description="How it ended, such as ok.")
    error_message: str = Field("", description="What failed.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Whatever else belongs to it.")
    occurred_at: Moment | None = Field(
        None, description="When it was said, in ISO 8601 with its zone; now, where nothing is said."
    )
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
    title: str = Field("", description="What it is called; the beginning of the first request, where nothing is said.")
    source: str = Field("", description="The program that it is held with, such as claude-code.")
    tags: Texts = Field(default_factory=list, description="Words to find it by.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Whatever else belongs to it.")
    project_context: dict[str, Any] = Field(
        default_factory=dict, description="What is worked on: repository, branch, files."
    )


class ContextEdit(Incoming):
    """The members that are given replace what was there; those left out stay."""

    title: str | None = Field(default=None, description="What the conversation is called.")
    context_summary: str | None = Field(default=None, description="What it is about, and how far it has come.")
    active_topics: Texts | None = Field(default=None, description="What it deals with at present.")
    user_preferences: dict[str, Any] | None = Field(default=None, description="Preferences in this conversation alone.")
    project_context: dict[str, Any] | None = Field(default=None, description="What is worked on: repository, files.")
    semantic_context: dict[str, Any] | None = Field(default=None, description="What was learnt: entities, decisions.")
    metadata: dict[str, Any] | None = Field(default=None, description="Whatever else belongs to it.")
    tags: Texts | None = Field(default=None, description="Words to find it by.")

    def changes(self) -> dict[str, Any]:
        """What was given."""
        return {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None}


class SessionBatch(Incoming):
    """Interactions of one session, in their order; all of them or none."""

    session_id: str
    interactions: list[InteractionIn] = Field(min_length=1, max_length=MAX_BATCH)


def _refuse_many_choices(value: Any) -> Any:
    if isinstance(value, dict):
        count = len(value) + sum(len(one) for one in value.values() if isinstance(one, dict))
        if count > _MOST_CHOICES:
            raise ValueError(f"has {count:,} choices; at most {_MOST_CHOICES:,} are taken")
    return value


type MergeChoices = Annotated[
    dict[str, str | dict[str, str]],
    BeforeValidator(_refuse_many_choices, json_schema_input_type=dict[str, str | dict[str, str]]),
    Field(description="Whose value is kept, by context field (for an object by its keys): a session's ID, or 'both'."),
]
