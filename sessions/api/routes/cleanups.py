"""Old sessions put into the trash: planned first, then done, and undone."""

from django.http import HttpResponse
from pydantic import Field

from sessions import agents, errors
from sessions.agents.shapes import CleanupOut, CleanupPlanOut
from sessions.agents.shapes.incoming import Count, Incoming
from sessions.records import Scope

from ..answers import answer
from ..entrance import ProgramRequest
from ..parameters import Id, Sent, SentOrNot
from ..routing import Routes

routes = Routes("Cleanup")


class CleanupRuleIn(Incoming):
    """What a cleanup takes."""

    idle_days: int | None = Field(
        default=None, description="Idle for longer than so many days; by default the site's limit."
    )
    user_id: str = Field(default="", description="Only sessions of this user.")
    purge: bool = Field(default=False, description="Also delete for good what has lain in the trash long enough.")


class CleanupPlanToken(Incoming):
    plan_token: str
    confirmed_sessions: Count | None = Field(
        None, description="The plan's `sessions` once more, where it has `needs_confirmation`."
    )


@routes.post("/cleanup/plan", scope=Scope.ADMIN, answers=CleanupPlanOut, refusals=[errors.UserNotFound])
def plan_cleanup(request: ProgramRequest, wanted: SentOrNot[CleanupRuleIn]) -> HttpResponse:
    """Plan a cleanup.

    It tells what a cleanup would take, and changes nothing. The `plan_token` does it, within a day, and takes
    nothing that was used meanwhile.
    """
    rule = wanted or CleanupRuleIn()
    return answer(
        agents.plan_cleanup(request.auth.caller, idle_days=rule.idle_days, user_id=rule.user_id, purge=rule.purge)
    )


@routes.post(
    "/cleanup",
    scope=Scope.ADMIN,
    answers=CleanupOut,
    refusals=[errors.NotFound, errors.PlanChanged, errors.BrakePulled],
)
def apply_cleanup(request: ProgramRequest, wanted: Sent[CleanupPlanToken]) -> HttpResponse:
    """Clean up.

    Does what a plan says, and leaves alone what was used meanwhile.

    A plan that would take more than a tenth of the store and more than 20 sessions is refused with `brake_pulled`
    until its number is sent back as `confirmed_sessions`.
    """
    done = agents.apply_cleanup(request.auth.caller, wanted.plan_token, confirmed_sessions=wanted.confirmed_sessions)
    return answer(done)


@routes.get("/cleanup/{run_id}", scope=Scope.ADMIN, answers=CleanupOut, refusals=[errors.NotFound])
def get_cleanup(request: ProgramRequest, run_id: Id) -> HttpResponse:
    """Read what a cleanup did."""
    return answer(agents.get_cleanup(request.auth.caller, run_id))


@routes.post(
    "/cleanup/{run_id}/undo", scope=Scope.ADMIN, answers=CleanupOut, refusals=[errors.NotFound, errors.Conflict]
)
def undo_cleanup(request: ProgramRequest, run_id: Id) -> HttpResponse:
    """Take a cleanup back.

    What it put into the trash comes out again; what it deleted for good does not.
    """
    return answer(agents.undo_cleanup(request.auth.caller, run_id))
