"""Frozen dataclasses that cross rooms: what importers give, what the mirror writes, what faces ask for.

Times are timezone-aware datetimes. Text is "" when absent. JSON values are dicts, lists, strings, numbers,
booleans and None. Nothing here knows Django.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

type JSON = Any
"""A value that JSON can hold."""

ANONYMOUS = "anonymous"


class InteractionKind(StrEnum):
    """What an interaction is; the names are those of the system that this one replaces."""

    CONVERSATION_TURN = "conversation_turn"
    CLIENT_REQUEST = "client_request"
    AGENT_RESPONSE = "agent_response"
    TOOL_CALL = "tool_call"
    TOOL_RESPONSE = "tool_response"
    ERROR = "error"


class Face(StrEnum):
    """Through which door a change came."""

    BROWSER = "browser"
    ADMIN = "admin"
    REST = "rest"
    MCP = "mcp"
    COMMAND = "command"
    PYTHON = "python"
    IMPORT = "import"
    SCHEDULE = "schedule"


class State(StrEnum):
    """Where a session is in its life. Active and expired differ only by how long it was idle."""

    ACTIVE = "active"
    EXPIRED = "expired"
    TRASHED = "trashed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and through which face; goes into the audit log."""

    name: str
    face: Face


class Scope(StrEnum):
    """What somebody who comes with a token may do; each includes those before it.

    `read` sees, `write` adds to conversations and combines them, `admin` also takes sessions away.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: "Scope") -> bool:
        """Whether who has this one may do what the other allows."""
        return _RANKS[self] >= _RANKS[other]


_RANKS = {scope: rank for rank, scope in enumerate(Scope)}


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that asks for something: who it is, how far its scope goes, and whose sessions are all it may know.

    `user_id` is "" for one that may know everybody's; else the ID that the user goes by today.
    """

    actor: Actor
    scope: Scope
    user_id: str = ""


def new_interaction_id() -> UUID:
    """A version 7 UUID (RFC 9562 §5.7): 48 bits of milliseconds, then 74 random bits, so that keys insert in order."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10))
    value = (milliseconds & (1 << 48) - 1) << 80 | random_bits
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


INTERACTION_CONTENT = (
    "kind",
    "prompt",
    "response",
    "reasoning",
    "tool_name",
    "tool_parameters",
    "model",
    "input_tokens",
    "output_tokens",
    "cost_microusd",
    "execution_time_ms",
    "status",
    "error_message",
    "metadata",
)
"""What an interaction says, as against when, where and by which key: equal content is the same interaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionDraft:
    """An interaction that somebody wants logged.

    `occurred_at` defaults to now. `parent_key` names the parent by its idempotency key in the same session,
    for sources whose identifiers are not ours; `parent_id` by our own ID. `source_record` is the original
    record's bytes as the source had them. `cost_microusd` is in millionths of a US dollar.
    """

    kind: InteractionKind
    prompt: str = ""
    response: str = ""
    reasoning: str = ""
    tool_name: str = ""
    tool_parameters: JSON = None
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    execution_time_ms: float | None = None
    status: str = ""
    error_message: str = ""
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    occurred_at: datetime | None = None
    idempotency_key: str | None = None
    parent_id: UUID | None = None
    parent_key: str | None = None
    source_record: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a merge took an interaction from: the merge, the session, and its sequence there.

    `key_scope` is the scope of its key there. `idempotency_key` is the key that it had to give up, because the survivor
    had it in the same scope for something else.
    """

    merge_id: UUID
    session_id: str
    sequence: int
    key_scope: str = ""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionRecord:
    """An interaction as both copies hold it.

    `key_scope` is the session in which the idempotency key was given, where that is not the one that holds it: a merge
    brought the interaction here, or it was sent to the ID of a session that had been merged into this one. It is a UUID
    where that session was let go again and the interaction stayed.
    """

    id: UUID
    sequence: int
    kind: str
    prompt: str = ""
    response: str = ""
    reasoning: str = ""
    tool_name: str = ""
    tool_parameters: JSON = None
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    execution_time_ms: float | None = None
    status: str = ""
    error_message: str = ""
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    occurred_at: datetime
    recorded_at: datetime
    idempotency_key: str | None = None
    key_scope: str = ""
    parent_id: UUID | None = None
    source_record: bytes | None = None
    origins: Sequence[Origin] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a person wrote about a session, for people: it is no part of what an agent resumes with."""

    id: UUID
    text: str
    author: str
    written_at: datetime
    edited_at: datetime | None = None
    edited_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session without its interactions. Counts and sums are not here: they follow from the interactions.

    `pins` are the IDs of interactions in the order in which they were pinned; one that leads nowhere is kept.
    `notes` stand in the order in which they were written.
    """

    session_id: str
    user_id: str = ANONYMOUS
    title: str = ""
    source: str = ""
    created_at: datetime
    last_activity_at: datetime
    stated_interactions: int = 0
    context_summary: str = ""
    active_topics: Sequence[str] = field(default_factory=list)
    user_preferences: Mapping[str, JSON] = field(default_factory=dict)
    project_context: Mapping[str, JSON] = field(default_factory=dict)
    semantic_context: Mapping[str, JSON] = field(default_factory=dict)
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    tags: Sequence[str] = field(default_factory=list)
    notes: Sequence[Note] = field(default_factory=list)
    pins: Sequence[UUID] = field(default_factory=list)
    held_at: datetime | None = None
    held_by: str = ""
    hold_reason: str = ""
    merged_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRecord:
    """One session absorbed by another, and how the context of both looked before and after.

    Those that were merged at once share a `group_id`. `choices` says, by field and where the field is an object by
    key, whose value was kept: a session's ID, or "both" for the values joined.
    """

    id: UUID
    survivor_id: str
    absorbed_id: str
    group_id: UUID | None = None
    merged_at: datetime
    merged_by: str
    choices: Mapping[str, JSON] = field(default_factory=dict)
    survivor_before: Mapping[str, JSON]
    survivor_after: Mapping[str, JSON]
    absorbed_before: Mapping[str, JSON]
    undone_at: datetime | None = None
    undone_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashRecord:
    """That, when and why a session was put into the trash; stands in a file of its own beside the journal."""

    session_id: str
    trashed_at: datetime
    trashed_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TombstoneRecord:
    """That a session existed and was purged; holds nothing that was said in it."""

    session_id: str
    purged_at: datetime
    purged_by: str
    reason: str
    interaction_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRecord:
    """What is known of a user across sessions."""

    user_id: str
    preferences: Mapping[str, JSON]
    created_at: datetime
    updated_at: datetime
    merged_into: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMergeRecord:
    """One merge of two users' identities: who was absorbed by whom, which sessions went over, what it did to the
    kept user's preferences."""

    id: UUID
    kept_id: str
    absorbed_id: str
    merged_at: datetime
    merged_by: str
    kept_before: Mapping[str, JSON] = field(default_factory=dict)
    kept_after: Mapping[str, JSON] = field(default_factory=dict)
    session_ids: Sequence[str] = field(default_factory=list)
    undone_at: datetime | None = None
    undone_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDraft:
    """A session as an importer found it.

    The first draft of an ID opens the session, its interactions follow, and a later draft of the same ID amends
    it with what was learned on the way (a title at the file's end). None means "the source does not say".
    """

    session_id: str
    user_id: str | None = None
    title: str | None = None
    source: str
    created_at: datetime | None = None
    last_activity_at: datetime | None = None
    stated_interactions: int | None = None
    context_summary: str | None = None
    active_topics: Sequence[str] | None = None
    user_preferences: Mapping[str, JSON] | None = None
    project_context: Mapping[str, JSON] | None = None
    semantic_context: Mapping[str, JSON] | None = None
    metadata: Mapping[str, JSON] | None = None
    tags: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInteraction:
    """An interaction that an importer found, and the session it belongs to."""

    session_id: str
    draft: InteractionDraft
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Something of a source that did not become an interaction.

    `place` is "file:line". `reason` is a constant phrase for counting. `damaged` tells a line that could not be
    read (its bytes are in `raw`) from a record that carries no conversation.
    """

    place: str
    reason: str
    damaged: bool
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSession:
    """A session as an export of our own has it, and the merges by which others became part of it, or of those.

    Its `ExportedInteraction`s follow. `place` is that of its header.
    """

    record: SessionRecord
    merges: Sequence[MergeRecord]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedInteraction:
    """An interaction of the session before it as an export of our own has it, with its ID, sequence and times.

    `absorbed_id` is that of the absorbed session which has it still, since the survivor had the same; "" mostly.
    """

    record: InteractionRecord
    place: str
    absorbed_id: str = ""


type ImportEvent = SessionDraft | ImportedInteraction | ExportedSession | ExportedInteraction | SetAside
