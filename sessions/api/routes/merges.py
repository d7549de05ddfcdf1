"""Sessions made into one, and taken apart again."""

from typing import Annotated

from django.http import HttpResponse
from pydantic import FailFast, Field

from sessions import agents, errors
from sessions.agents.shapes import MergeChoices, MergeOut, MergePlanOut
from sessions.agents.shapes.incoming import Incoming
from sessions.records import Scope

from ..answers import answer
from ..entrance import ProgramRequest
from ..parameters import MergeId, Sent, SessionId
from ..routing import Routes

routes = Routes("Merges")


class Merging(Incoming):
    """What is combined into the session of the address."""

    absorbed: Annotated[list[str], FailFast()] = Field(
        min_length=1, max_length=100, description="IDs of the sessions that are absorbed."
    )
    choices: MergeChoices | None = None


class MergePlanToken(Incoming):
    plan_token: str


@routes.post(
    "/sessions/{session_id}/merge/plan", scope=Scope.WRITE, answers=MergePlanOut, refusals=[errors.MergeRefused]
)
def plan_merge(request: ProgramRequest, session_id: SessionId, wanted: Sent[Merging]) -> HttpResponse:
    """Plan a merge.

    It tells what merging would do, and changes nothing. The `plan_token` makes it, within a day and as long as none
    of the sessions goes on.
    """
    return answer(agents.plan_merge(request.auth.caller, session_id, wanted.absorbed, wanted.choices))


@routes.post("/sessions/{session_id}/merge", scope=Scope.WRITE, answers={201: MergeOut}, refusals=[errors.MergeRefused])
def merge_sessions(request: ProgramRequest, session_id: SessionId, wanted: Sent[Merging]) -> HttpResponse:
    """Merge sessions into one.

    At once, without a plan. Every interaction is kept once, in the order of time; the IDs of the absorbed sessions
    lead to the one that stays.
    """
    return answer(agents.merge(request.auth.caller, session_id, wanted.absorbed, wanted.choices), 201)


@routes.post(
    "/merges",
    scope=Scope.WRITE,
    answers={201: MergeOut},
    refusals=[errors.SessionNotFound, errors.SessionPurged, errors.PlanChanged, errors.MergeRefused],
)
def apply_merge(request: ProgramRequest, wanted: Sent[MergePlanToken]) -> HttpResponse:
    """Make the merge of a plan."""
    return answer(agents.apply_merge(request.auth.caller, wanted.plan_token), 201)


@routes.get("/merges/{merge_id}", scope=Scope.READ, answers=MergeOut, refusals=[errors.NotFound])
def get_merge(request: ProgramRequest, merge_id: MergeId) -> HttpResponse:
    """Read what was merged."""
    return answer(agents.get_merge(request.auth.caller, merge_id))


@routes.post(
    "/merges/{merge_id}/undo",
    scope=Scope.WRITE,
    answers=MergeOut,
    refusals=[errors.NotFound, errors.SessionPurged, errors.UnmergeRefused],
)
def undo_merge(request: ProgramRequest, merge_id: MergeId) -> HttpResponse:
    """Take a merge back.

    What was said since stays with the session that stayed.
    """
    return answer(agents.unmerge(request.auth.caller, merge_id))
