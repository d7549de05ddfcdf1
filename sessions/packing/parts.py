"""What a pack is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sessions.records import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedTurn:
    """One interaction as it is handed out. `pinned` says that somebody pinned it, `shortened` that text is missing.

    `hidden` tells, by text, how many characters stand behind what is here: it was too long to be fetched whole.
    """

    id: UUID
    sequence: int
    kind: str
    occurred_at: datetime
    prompt: str = ""
    response: str = ""
    tool_name: str = ""
    tool_parameters: JSON = None
    error_message: str = ""
    pinned: bool = False
    shortened: bool = False
    hidden: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """Interactions that were left out: the first and last sequence, how many there are, and about how many tokens."""

    first: int
    last: int
    count: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What there is to be packed of a session, its interactions aside."""

    session_id: str
    title: str = ""
    user_id: str = ""
    state: str = ""
    interactions: int = 0
    summary: str = ""
    preferences: Mapping[str, JSON] = field(default_factory=dict)
    active_topics: Sequence[str] = ()
    project_context: Mapping[str, JSON] = field(default_factory=dict)
    semantic_context: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPack:
    """What is handed out. `tokens` is that of the longer of its two forms and never exceeds `max_tokens`.

    `members_left_out` counts, by part, what of the context did not fit. `cursor` asks for the turns before the oldest
    of `latest`; empty when there are none.
    """

    material: Material
    max_tokens: int
    tokenizer: str
    tokens: int = 0
    pinned: Sequence[PackedTurn] = ()
    latest: Sequence[PackedTurn] = ()
    gaps: Sequence[Gap] = ()
    members_left_out: Mapping[str, int] = field(default_factory=dict)
    cursor: str = ""
