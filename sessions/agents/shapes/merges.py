"""Merges, planned and made."""

from typing import Any, Self
from uuid import UUID

from pydantic import Field

from sessions.actions import MergeGroup, MergePlan

from .base import Outgoing


class MergeOption(Outgoing):
    """`keep` is what `choices` holds for this value."""

    keep: str
    value: Any = None
    holders: list[str]


class MergeQuestion(Outgoing):
    """Where the contexts differ; without a choice `default` is kept."""

    field: str
    key: str = ""
    options: list[MergeOption]
    default: str


class MergePlanOut(Outgoing):
    """What a merge would do. Nothing was changed: `plan_token` makes it, within a day, if no session goes on before."""

    plan_token: str
    survivor_id: str
    absorbed_ids: list[str]
    moving: dict[str, int] = Field(description="Interactions that would come, by session.")
    duplicates: dict[str, int] = Field(description="Interactions that an earlier session has already, by session.")
    total_interactions: int
    users: list[str]
    questions: list[MergeQuestion]

    @classmethod
    def of(cls, plan: MergePlan) -> Self:
        preview = plan.preview
        return cls(
            plan_token=plan.token,
            survivor_id=preview.survivor.pk,
            absorbed_ids=[session.pk for session in preview.sessions[1:]],
            moving=dict(preview.moving),
            duplicates={name: count for name, count in preview.duplicates.items() if count},
            total_interactions=preview.total,
            users=list(preview.users),
            questions=[
                MergeQuestion(
                    field=one.field,
                    key=one.key,
                    default=one.default,
                    options=[
                        MergeOption(keep=option.keep, value=option.value, holders=list(option.holders))
                        for option in one.options
                    ],
                )
                for one in preview.questions
            ],
        )


class MergeOut(Outgoing):
    """Sessions that were merged at once; `merge_id` takes it back."""

    merge_id: UUID
    survivor_id: str
    absorbed_ids: list[str]
    undone: bool

    @classmethod
    def of(cls, group: MergeGroup) -> Self:
        return cls(
            merge_id=group.pk,
            survivor_id=group.survivor_id,
            absorbed_ids=group.absorbed_ids,
            undone=not group.standing,
        )
