"""Sessions made into one, and taken apart again."""

from collections.abc import Mapping, Sequence

from sessions import actions
from sessions.actions import MergeGroup
from sessions.errors import NotFound
from sessions.records import Caller, Scope

from .callers import refuse_stranger, require, visible_session
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


def apply_merge(caller: Caller, plan_token: str) -> MergeOut:
    """Make the merge of a plan. Needs `write`. Raises PlanChanged where a session went on since."""
    require(caller, Scope.WRITE)
    _refuse_strangers(caller, actions.sessions_of_merge_plan(plan_token))
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


def _visible_merge(caller: Caller, merge_id: str) -> MergeGroup:
    group = actions.get_merge(merge_id)
    try:
        visible_session(caller, group.survivor_id)
    except NotFound:
        raise NotFound(f"There is no merge {merge_id[:64]!r}.") from None
    return group


def _refuse_strangers(caller: Caller, session_ids: Sequence[str]) -> None:
    for session_id in session_ids:
        refuse_stranger(caller, session_id)
