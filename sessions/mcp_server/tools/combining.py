"""Sessions made into one, and taken apart again."""

from pydantic import Field

from sessions import agents
from sessions.agents.shapes import MergeChoices, MergeOut, MergePlanOut, Outgoing
from sessions.agents.shapes.incoming import Incoming
from sessions.errors import InvalidInput
from sessions.records import Caller, Scope

from .base import DESTROYS, SETTLES, Answer, tool
from .words import PlanToken, counted


class MergeSessions(Incoming):
    primary_id: str = Field("", description="The session that stays and takes in the other.")
    secondary_id: str = Field("", description="The session that is absorbed; its ID leads to the primary from then on.")
    secondary_ids: list[str] = Field(default_factory=list, description="Several sessions to absorb at once.")
    choices: MergeChoices | None = Field(
        None,
        description="Whose value is kept where the contexts differ, by field (for an object by its keys): a session's "
        "ID, or 'both'. The plan's `questions` list what may be chosen.",
    )
    plan_token: PlanToken = ""

    def absorbed(self) -> list[str]:
        return [*([self.secondary_id] if self.secondary_id else []), *self.secondary_ids]


class Merged(Outgoing):
    """Either what a merge would do (`plan`, nothing was changed), or what it did (`merge`)."""

    done: bool
    plan: MergePlanOut | None = None
    merge: MergeOut | None = None


@tool(Scope.WRITE, DESTROYS, title="Merge sessions")
def merge_sessions(caller: Caller, wanted: MergeSessions) -> Answer[Merged]:
    """Combine conversations into one, in two steps.

    1. Call it with primary_id and secondary_id (or secondary_ids): nothing is changed; you get a plan that says what
       would move, where the contexts differ, and a plan_token. Show it to the person whose conversations they are.
    2. Call it again with that plan_token: now it is done. The plan is good for a day, and refused (plan_changed) where
       one of the sessions went on meanwhile; then make a new one.

    Every interaction is kept once, in time order, and remembers where it came from. unmerge_sessions takes it back.
    """
    if wanted.plan_token:
        return _merged(caller, wanted)
    if not (wanted.primary_id and wanted.absorbed()):
        raise InvalidInput("primary_id", "and secondary_id must be given.", hint="Or a plan_token, to make its merge.")
    plan = agents.plan_merge(caller, wanted.primary_id, wanted.absorbed(), wanted.choices)
    text = (
        f"Nothing was changed. This would move {counted(sum(plan.moving.values()), 'interaction')} from "
        f"{', '.join(plan.absorbed_ids)} into {plan.survivor_id}, {plan.total_interactions:,} in all; "
        f"{counted(len(plan.questions), 'difference')} in their contexts. "
        "To do it, call merge_sessions again with the plan_token."
    )
    return Answer(Merged(done=False, plan=plan), text)


def _merged(caller: Caller, wanted: MergeSessions) -> Answer[Merged]:
    if wanted.choices is not None:
        raise InvalidInput("choices", "belong to the plan.", hint="Make a plan with them; its token holds them.")
    merge = agents.apply_merge(caller, wanted.plan_token, survivor_id=wanted.primary_id, absorbed=wanted.absorbed())
    text = (
        f"Merged {', '.join(merge.absorbed_ids)} into {merge.survivor_id}. "
        f"To take it back: unmerge_sessions with merge_id {merge.merge_id}."
    )
    return Answer(Merged(done=True, merge=merge), text)


class UnmergeSessions(Incoming):
    merge_id: str = Field(description="The `merge_id` that merge_sessions answered with.")


@tool(Scope.WRITE, SETTLES, title="Undo a merge")
def unmerge_sessions(caller: Caller, wanted: UnmergeSessions) -> Answer[MergeOut]:
    """Take a merge back: the absorbed sessions are sessions of their own again, with what was theirs. What was said
    since the merge stays with the session that absorbed them.
    """
    undone = agents.unmerge(caller, wanted.merge_id)
    verb = "is a session of its own" if len(undone.absorbed_ids) == 1 else "are sessions of their own"
    return Answer(undone, f"Undone: {', '.join(undone.absorbed_ids)} {verb} again.")
