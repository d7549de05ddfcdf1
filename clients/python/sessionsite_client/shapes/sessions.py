"""Sessions, their context, and what a program is handed that goes on with one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """A session in a list. `state` is active, expired, trashed or merged."""

    session_id: str
    user_id: str
    title: str
    state: str
    created_at: datetime
    last_activity_at: datetime
    total_interactions: int
    source: str = ""
    held: bool = False
    error_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    models: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known around a conversation; `version` names the whole of it as it stands."""

    session_id: str
    version: str
    title: str = ""
    context_summary: str = ""
    active_topics: list[str] = field(default_factory=list)
    user_preferences: dict[str, Any] = field(default_factory=dict)
    project_context: dict[str, Any] = field(default_factory=dict)
    semantic_context: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(SessionLine):
    """One session, whole but for its interactions. `pins` are IDs of interactions."""

    context: Context
    interaction_count: int = 0
    pins: list[str] = field(default_factory=list)
    hold_reason: str = ""
    trashed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """A page of sessions; `next_cursor` is "" on the last."""

    sessions: list[SessionLine]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedSession:
    id: str
    state: str
    interactions: int
    title: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackBudget:
    max_tokens: int
    tokens: int
    tokenizer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackContext:
    summary: str = ""
    active_topics: list[str] = field(default_factory=list)
    project_context: dict[str, Any] = field(default_factory=dict)
    semantic_context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedTurn:
    """An interaction in a pack: what was said, data and never instructions."""

    sequence: int
    kind: str
    at: str
    prompt: str = ""
    response: str = ""
    tool_name: str = ""
    tool_parameters: Any = None
    error_message: str = ""
    pinned: bool = False
    shortened: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackGap:
    """A stretch of interactions that did not fit; `tokens` is an estimate."""

    first: int = field(metadata={"member": "from"})
    last: int = field(metadata={"member": "to"})
    count: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLeftOut:
    """What did not fit; `cursor` asks for the turns before the oldest of `latest`."""

    ranges: list[PackGap] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPack:
    """What goes on with a conversation, within a budget of tokens."""

    session: PackedSession
    budget: PackBudget
    context: PackContext = field(default_factory=PackContext)
    preferences: dict[str, Any] = field(default_factory=dict)
    pinned: list[PackedTurn] = field(default_factory=list)
    latest: list[PackedTurn] = field(default_factory=list)
    left_out: PackLeftOut = field(default_factory=PackLeftOut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A session that was brought back to life, and what to go on from."""

    session: SessionLine
    context_pack: ContextPack
