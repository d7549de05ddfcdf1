"""Searches, merges, cleanups, users, and who one is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .sessions import SessionLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the token is. `user_id` is the only user it may know, "" where it may know all."""

    name: str
    scope: str
    user_id: str = ""
    expires_at: datetime | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where something was found; `sequence` is None where the session itself fits. `snippet` marks it with « and »."""

    session: SessionLine
    field: str
    snippet: str
    sequence: int | None = None
    interaction_id: str | None = None
    kind: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of hits; `behind` sessions have changes that are not found yet."""

    hits: list[Hit]
    next_cursor: str = ""
    behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOption:
    """`keep` is what a choice holds for this value."""

    keep: str
    value: Any = None
    holders: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeQuestion:
    """Where the contexts differ; without a choice `default` is kept."""

    field: str
    options: list[MergeOption]
    default: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """What a merge would do. Nothing was changed; `plan_token` makes it."""

    plan_token: str
    survivor_id: str
    absorbed_ids: list[str]
    moving: dict[str, int]
    duplicates: dict[str, int]
    total_interactions: int
    users: list[str]
    questions: list[MergeQuestion]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Sessions that were merged; `merge_id` takes it back."""

    merge_id: str
    survivor_id: str
    absorbed_ids: list[str]
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSession:
    session_id: str
    user_id: str
    title: str
    last_activity_at: datetime
    total_interactions: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupPlan:
    """What a cleanup would take. Nothing was changed; `plan_token` does it.

    Where `needs_confirmation`, the number `sessions` is sent back with it.
    """

    plan_token: str
    idle_days: int
    sessions: int
    to_trash: int
    to_purge: int
    spared: int
    needs_confirmation: bool
    user_id: str = ""
    first: list[PlannedSession] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """A cleanup as far as it has come; `run_id` undoes it. `skipped` were used after the plan was made."""

    run_id: str
    finished: bool
    planned: int
    trashed: int
    purged: int
    skipped: int
    restored: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLine:
    user_id: str
    sessions: int
    active_sessions: int
    interactions: int
    first_seen_at: datetime | None = None
    last_activity_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserList:
    """A page of users; `next_cursor` is "" on the last."""

    users: list[UserLine]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User(UserLine):
    """One user: sums over their sessions, and the preferences that new ones begin with."""

    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    preferences: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The preferences of a user; `revision` counts their changes."""

    user_id: str
    preferences: dict[str, Any]
    revision: int
