"""Old sessions put into the trash, and taken out again."""

from pydantic import Field

from sessions import agents
from sessions.agents.shapes import CleanupOut, CleanupPlanOut, Identifier, Outgoing
from sessions.agents.shapes.incoming import Incoming
from sessions.conf import MAX_DAYS
from sessions.errors import InvalidInput
from sessions.records import Caller, Scope

from .base import DESTROYS, SETTLES, Answer, tool
from .words import PlanToken, counted


class CleanupSessions(Incoming):
    idle_days: int | None = Field(
        None, ge=1, le=MAX_DAYS, description="Days without activity; the store's own limit where nothing is said."
    )
    user_id: str = Field("", description="Only this user's sessions.")
    plan_token: PlanToken = ""
    confirmed_sessions: int | None = Field(
        None,
        ge=0,
        description="Only with a plan_token whose plan said needs_confirmation: the plan's number of sessions.",
    )


class CleanedUp(Outgoing):
    """Either what a cleanup would take (`plan`, nothing was changed), or what it took (`cleanup`)."""

    done: bool
    plan: CleanupPlanOut | None = None
    cleanup: CleanupOut | None = None


@tool(Scope.ADMIN, DESTROYS, title="Clean up old sessions")
def cleanup_sessions(caller: Caller, wanted: CleanupSessions) -> Answer[CleanedUp]:
    """Put sessions that were idle for long into the trash, in two steps.

    1. Call it without a plan_token: nothing is changed; you get a plan with the number of sessions, the first of them,
       and a plan_token. Show it to an administrator.
    2. Call it again with that plan_token (and confirmed_sessions, where the plan says needs_confirmation): now it is
       done. Sessions that were used since the plan was made, and those on hold, are left alone.

    Nothing is deleted for good: undo_cleanup takes the sessions out of the trash again, and so does resume_session.
    """
    if wanted.plan_token:
        return _cleaned_up(caller, wanted)
    if wanted.confirmed_sessions is not None:
        raise InvalidInput("confirmed_sessions", "goes with a plan_token.", hint="Make a plan first.")
    plan = agents.plan_cleanup(caller, idle_days=wanted.idle_days, user_id=wanted.user_id)
    confirm = f" and confirmed_sessions={plan.sessions}" if plan.needs_confirmation else ""
    text = (
        f"Nothing was changed. This would put {counted(plan.to_trash, 'session')} into the trash that were idle for "
        f"{counted(plan.idle_days, 'day')}; {plan.spared:,} are spared. "
        f"To do it, call cleanup_sessions again with the plan_token{confirm}."
    )
    return Answer(CleanedUp(done=False, plan=plan), text)


def _cleaned_up(caller: Caller, wanted: CleanupSessions) -> Answer[CleanedUp]:
    cleanup = agents.apply_cleanup(
        caller,
        wanted.plan_token,
        confirmed_sessions=wanted.confirmed_sessions,
        idle_days=wanted.idle_days,
        user_id=wanted.user_id,
    )
    text = (
        f"Put {counted(cleanup.trashed, 'session')} into the trash; {cleanup.skipped:,} were used since the plan was "
        f"made and left alone. To take it back: undo_cleanup with run_id {cleanup.run_id}."
    )
    return Answer(CleanedUp(done=True, cleanup=cleanup), text)


class UndoCleanup(Incoming):
    run_id: Identifier = Field(description="The `run_id` that cleanup_sessions answered with.")


@tool(Scope.ADMIN, SETTLES, title="Undo a cleanup")
def undo_cleanup(caller: Caller, wanted: UndoCleanup) -> Answer[CleanupOut]:
    """Take the sessions that a cleanup put into the trash out of it again, as they were."""
    undone = agents.undo_cleanup(caller, wanted.run_id)
    return Answer(undone, f"Took {counted(undone.restored, 'session')} out of the trash again.")
