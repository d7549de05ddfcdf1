"""Sessions and their context, as programs are told of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from sessions import actions, conf
from sessions.models import Session

from .base import Outgoing


class SessionLine(Outgoing):
    """A session in a list. `total_interactions` counts those too that an old system only stated."""

    session_id: str
    user_id: str
    title: str = Field(description="Given, or the beginning of the first request.")
    source: str = ""
    state: Literal["active", "expired", "trashed", "merged"]
    held: bool = False
    created_at: datetime
    last_activity_at: datetime
    total_interactions: int
    error_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    models: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, session: Session) -> Self:
        return cls.model_construct(**_line(session))


class Context(Outgoing):
    """What is known around a conversation. `version` names the whole of it as it stands."""

    session_id: str
    version: str
    title: str = ""
    context_summary: str = ""
    active_topics: list[str] = Field(default_factory=list)
    user_preferences: dict[str, Any] = Field(default_factory=dict)
    project_context: dict[str, Any] = Field(default_factory=dict)
    semantic_context: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, session: Session) -> Self:
        return cls.model_construct(
            session_id=session.pk,
            version=actions.context_version(session),
            title=session.title,
            tags=_tags(session),
            **{name: getattr(session, name) for name in _CONTEXT},
        )


_CONTEXT = (
    "context_summary",
    "active_topics",
    "user_preferences",
    "project_context",
    "semantic_context",
    "metadata",
)


class SessionOut(SessionLine):
    """One session, whole but for its interactions."""

    interaction_count: int
    context: Context
    pins: list[str] = Field(default_factory=list, description="IDs of interactions.")
    hold_reason: str = ""
    trashed_at: datetime | None = None

    @classmethod
    def of(cls, session: Session) -> Self:
        return cls.model_construct(
            **_line(session),
            interaction_count=session.interaction_count,
            context=Context.of(session),
            pins=[str(pin) for pin in session.pins],
            hold_reason=session.hold_reason,
            trashed_at=session.trashed_at,
        )


class SessionList(Outgoing):
    """A page of sessions; `next_cursor` is "" on the last."""

    sessions: list[SessionLine]
    next_cursor: str = ""


def _line(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.pk,
        "user_id": session.user_id,
        "title": session.title or session.opening,
        "source": session.source,
        "state": session.state(conf.expires_before()).value,
        "held": session.held_at is not None,
        "created_at": session.created_at,
        "last_activity_at": session.last_activity_at,
        "total_interactions": session.total_interactions,
        "error_count": session.error_count,
        "input_tokens": session.input_tokens,
        "output_tokens": session.output_tokens,
        "cost_microusd": session.cost_microusd,
        "models": list(session.model_names),
        "tags": _tags(session),
    }


def _tags(session: Session) -> list[str]:
    return sorted(tag.name for tag in session.tags.all())


def lines(sessions: Iterable[Session]) -> list[SessionLine]:
    return [SessionLine.of(session) for session in sessions]
