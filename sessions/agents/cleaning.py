"""Old sessions put into the trash: planned first, then done, and undone."""

from uuid import UUID

from sessions import actions
from sessions.errors import InvalidInput, NotFound
from sessions.models import CleanupRun
from sessions.records import Caller, Scope

from .callers import narrowed_user, require
from .shapes import CleanupOut, CleanupPlanOut


def plan_cleanup(
    caller: Caller, *, idle_days: int | None = None, user_id: str = "", purge: bool = False
) -> CleanupPlanOut:
    """What a cleanup would take, and the token that does it. Changes nothing. Needs `admin`. Raises InvalidInput."""
    require(caller, Scope.ADMIN)
    plan = actions.plan_cleanup(idle_days=idle_days, user_id=narrowed_user(caller, user_id), purge=purge)
    return CleanupPlanOut.of(plan)


def apply_cleanup(
    caller: Caller,
    plan_token: str,
    *,
    confirmed_sessions: int | None = None,
    idle_days: int | None = None,
    user_id: str = "",
) -> CleanupOut:
    """Do what a plan says, to its end; what was used since is left alone. Needs `admin`.

    Where the rule is named again, it must be that of the plan, or InvalidInput is raised. Raises PlanChanged,
    BrakePulled where the number must be confirmed, MirrorUnavailable.
    """
    require(caller, Scope.ADMIN)
    plan = actions.plan_of(plan_token)
    if caller.user_id and plan.user_id != caller.user_id:
        raise NotFound("There is no such plan.")
    owner = narrowed_user(caller, user_id)
    for name, wanted, planned in (("idle_days", idle_days, plan.idle_days), ("user_id", owner, plan.user_id)):
        if wanted not in (None, "", planned):
            raise InvalidInput(name, "is not the one of the plan.", hint="Make a new plan; nothing was cleaned up.")
    run = actions.begin_cleanup(plan_token, actor=caller.actor, confirmed_sessions=confirmed_sessions)
    while run.finished_at is None:
        run = actions.continue_cleanup(run.pk, actor=caller.actor)
    return CleanupOut.of(run)


def get_cleanup(caller: Caller, run_id: UUID) -> CleanupOut:
    """Needs `admin`. Raises NotFound."""
    require(caller, Scope.ADMIN)
    return CleanupOut.of(_visible_run(caller, run_id))


def undo_cleanup(caller: Caller, run_id: UUID) -> CleanupOut:
    """Take out of the trash again what a cleanup put there. Needs `admin`. Raises NotFound, Conflict."""
    require(caller, Scope.ADMIN)
    run = _visible_run(caller, run_id)
    while actions.left_in_trash(run):
        before = run.restored
        run = actions.restore_cleanup(run.pk, actor=caller.actor)
        if run.restored == before:
            break
    return CleanupOut.of(run)


def _visible_run(caller: Caller, run_id: UUID) -> CleanupRun:
    run = actions.get_cleanup_run(run_id)
    if caller.user_id and run.rule.get("user_id") != caller.user_id:
        raise NotFound("There is no such cleanup.")
    return run
