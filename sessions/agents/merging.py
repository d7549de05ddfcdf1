"""Sessions made into one, and taken apart again."""

from collections.abc import Mapping, Sequence

from sessions import actions
from sessions.actions import MergeGroup
from sessions.errors import InvalidInput, NotFound
from sessions.records import Caller, Scope

from .callers import refuse_stranger, require
from .shapes import MergeOut, MergePlanOut

type Choices = Mapping[str, str | Mapping[str, str]]


def plan_merge(
    caller: Caller, survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None
) -> MergePlanOut:
    """What a merge would do, and the token that makes it. Changes nothing. Needs `write`.

    Raises SessionNotFound, MergeRefused, InvalidInput.
    """
    require(caller, Scope.WRITE)
    _refuse_strangers(caller, [survivor_id, *absorbed])
    return MergePlanOut.of(actions.plan_merge(survivor_id, absorbed=absorbed, choices=choices))


def apply_merge(caller: Caller, plan_token: str, *, survivor_id: str = "", absorbed: Sequence[str] = ()) -> MergeOut:
    """Make the merge of a plan. Needs `write`. Raises PlanChanged where a session went on since.

    Where sessions are named again, they must be those of the plan, or InvalidInput is raised.
    """
    require(caller, Scope.WRITE)
    planned = actions.sessions_of_merge_plan(plan_token)
    _refuse_strangers(caller, planned)
    if (survivor_id and _meant([survivor_id], planned) != {planned[0]}) or (
        absorbed and _meant(absorbed, planned) != set(planned[1:])
    ):
        raise InvalidInput("plan_token", "is of other sessions than those named.", hint="Nothing was merged.")
    return MergeOut.of(actions.apply_merge(plan_token, actor=caller.actor))


def merge(caller: Caller, survivor_id: str, absorbed: Sequence[str], choices: Choices | None = None) -> MergeOut:
    """Merge at once, without a plan. Needs `write`. Raises SessionNotFound, MergeRefused, InvalidInput."""
    require(caller, Scope.WRITE)
    _refuse_strangers(caller, [survivor_id, *absorbed])
    return MergeOut.of(actions.merge_sessions(survivor_id, absorbed=absorbed, choices=choices, actor=caller.actor))


def get_merge(caller: Caller, merge_id: str) -> MergeOut:
    """Needs `read`. Raises NotFound."""
    require(caller, Scope.READ)
    return MergeOut.of(_visible_merge(caller, merge_id))


def unmerge(caller: Caller, merge_id: str) -> MergeOut:
    """Take a merge back; what was said since stays with the survivor. Needs `write`. Raises UnmergeRefused."""
    require(caller, Scope.WRITE)
    group = _visible_merge(caller, merge_id)
    actions.unmerge(group.pk, actor=caller.actor)
    return MergeOut.of(actions.get_merge(group.pk))


def _meant(named: Sequence[str], planned: Sequence[str]) -> set[str]:
    """The sessions that are named, as a plan names them: it may have been made since, and an ID lead elsewhere."""
    return {one if one in planned else actions.get_session(one).pk for one in named}


def _visible_merge(caller: Caller, merge_id: str) -> MergeGroup:
    """The merge, if all that it made one is the caller's: taking it apart gives each session back to its owner."""
    group = actions.get_merge(merge_id)
    try:
        owners = {actions.find_row(name).user_id for name in (group.survivor_id, *group.absorbed_ids)}
        refuse_stranger(caller, group.survivor_id)
    except NotFound:
        owners = set()
    if caller.user_id and owners != {caller.user_id}:
        raise NotFound(f"There is no merge {merge_id[:64]!r}.")
    return group


def _refuse_strangers(caller: Caller, session_ids: Sequence[str]) -> None:
    for session_id in session_ids:
        refuse_stranger(caller, session_id)
