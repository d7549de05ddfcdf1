"""What a search found."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from sessions.actions import SearchHit

from .base import Outgoing
from .sessions import SessionLine


class Hit(Outgoing):
    """Where something was found. `sequence` is None where the session itself fits: its title, summary or tags."""

    session: SessionLine
    sequence: int | None = None
    interaction_id: UUID | None = None
    kind: str = ""
    occurred_at: datetime | None = None
    field: str
    snippet: str = Field(description="The text around it; what was found stands between « and ».")

    @classmethod
    def of(cls, hit: SearchHit) -> Self:
        row = hit.interaction
        return cls.model_construct(
            session=SessionLine.of(hit.session),
            sequence=row.sequence if row else None,
            interaction_id=row.pk if row else None,
            kind=row.kind if row else "",
            occurred_at=row.occurred_at if row else None,
            field=hit.field,
            snippet="".join(f"«{piece.text}»" if piece.found else piece.text for piece in hit.snippet.pieces),
        )


class Found(Outgoing):
    """A page of hits, the best of the latest first; `behind` sessions have changes that are not found yet."""

    hits: list[Hit]
    next_cursor: str = ""
    behind: int = 0
