"""Users and their preferences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from sessions.actions import UserFigures, UserRow
from sessions.models import Profile

from .base import Outgoing


class UserLine(Outgoing):
    user_id: str
    sessions: int
    active_sessions: int
    interactions: int
    first_seen_at: datetime | None = None
    last_activity_at: datetime | None = None

    @classmethod
    def of(cls, row: UserRow) -> Self:
        return cls(**{name: getattr(row, name) for name in UserLine.model_fields})


class UserList(Outgoing):
    users: list[UserLine]
    next_cursor: str = ""


class UserOut(UserLine):
    """One user: sums over their sessions, and the preferences that new ones begin with."""

    errors: int
    input_tokens: int
    output_tokens: int
    cost_microusd: int
    preferences: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def whole(cls, user_id: str, figures: UserFigures, preferences: Mapping[str, Any]) -> Self:
        names = [name for name in UserOut.model_fields if name not in ("user_id", "preferences")]
        return cls(
            user_id=user_id,
            preferences=dict(preferences),
            **{name: getattr(figures, name) for name in names},
        )


class Preferences(Outgoing):
    """The preferences of a user; `revision` counts their changes."""

    user_id: str
    preferences: dict[str, Any]
    revision: int

    @classmethod
    def of(cls, profile: Profile) -> Self:
        return cls(user_id=profile.pk, preferences=profile.preferences, revision=profile.revision)
