"""Cleanups, planned and done."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from sessions import actions
from sessions.actions import CleanupPlan
from sessions.models import CleanupRun

from .base import Outgoing


class PlannedSession(Outgoing):
    session_id: str
    user_id: str
    title: str
    last_activity_at: datetime
    total_interactions: int
    size_bytes: int


class CleanupPlanOut(Outgoing):
    """What a cleanup would take. Nothing was changed: `plan_token` does it, within a day, and takes nothing that was
    used meanwhile. Where `needs_confirmation`, the number `sessions` must be sent back with it."""

    plan_token: str
    idle_days: int
    user_id: str = ""
    sessions: int
    to_trash: int
    to_purge: int
    spared: int
    needs_confirmation: bool
    first: list[PlannedSession] = Field(description="Those idle longest, at most 50 of each kind.")

    @classmethod
    def of(cls, plan: CleanupPlan) -> Self:
        items = [item for part in ("trash", "purge") for item in actions.planned(plan, part).items]
        return cls(
            plan_token=plan.token,
            idle_days=plan.idle_days,
            user_id=plan.user_id,
            sessions=plan.count,
            to_trash=plan.trash_count,
            to_purge=plan.purge_count,
            spared=plan.spared_count,
            needs_confirmation=plan.braked,
            first=[
                PlannedSession(
                    session_id=item.session_id,
                    user_id=item.user_id,
                    title=item.title,
                    last_activity_at=item.last_activity_at,
                    total_interactions=item.interaction_count,
                    size_bytes=item.size_bytes,
                )
                for item in items
            ],
        )


class CleanupOut(Outgoing):
    """A cleanup as far as it has come; `run_id` undoes it. `skipped` were used after the plan was made."""

    run_id: UUID
    finished: bool
    planned: int
    trashed: int
    purged: int
    skipped: int
    restored: int
    size_bytes: int

    @classmethod
    def of(cls, run: CleanupRun) -> Self:
        return cls(
            run_id=run.pk,
            finished=run.finished_at is not None,
            planned=run.planned,
            trashed=run.trashed,
            purged=run.purged,
            skipped=run.skipped,
            restored=run.restored,
            size_bytes=run.size_bytes,
        )
