"""A merge planned first and made later: what would be combined, under a signed token that names just that.

The token holds the sessions, the choices and how far each session was; applied to sessions that went on since, it is
refused, so that nothing is combined that the plan did not show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core import signing

from sessions.errors import PlanChanged
from sessions.records import Actor

from . import context_merge
from .context_merge import Choices
from .merge_preview import MergePreview, preview_merge
from .merging import MergeGroup, merge_sessions

TOKEN_SECONDS = 24 * 60 * 60
_SALT = "sessionsite.merge"


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a merge would do, and the token that makes it; good for a day, and as long as no session goes on."""

    preview: MergePreview
    token: str


def plan_merge(survivor_id: str, *, absorbed: Sequence[str], choices: Choices | None = None) -> MergePlan:
    """What merging would do. Changes nothing. Raises SessionNotFound, MergeRefused and InvalidInput as merging does."""
    preview = preview_merge(survivor_id, absorbed)
    ids = [session.pk for session in preview.sessions]
    decided = context_merge.checked(choices or {}, ids)
    revisions = [session.revision for session in preview.sessions]
    return MergePlan(preview, signing.dumps([ids, revisions, decided], salt=_SALT, compress=True))


def sessions_of_merge_plan(token: str) -> Sequence[str]:
    """The sessions that a plan's token names, the survivor first. Raises PlanChanged for one that is foreign or old."""
    return _read(token)[0]


def apply_merge(token: str, *, actor: Actor) -> MergeGroup:
    """Make the merge of a plan. Raises PlanChanged where a session went on since, and whatever merging raises."""
    ids, revisions, choices = _read(token)
    survivor, *absorbed = ids
    return merge_sessions(
        survivor,
        absorbed=absorbed,
        choices=choices,
        actor=actor,
        as_of=dict(zip(ids, revisions, strict=True)),
    )


def _read(token: str) -> tuple[list[str], list[int], Choices]:
    try:
        ids, revisions, choices = signing.loads(token, salt=_SALT, max_age=TOKEN_SECONDS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise PlanChanged("This is not a merge plan of today.", hint="Make a new plan; nothing was merged.") from error
    return ids, revisions, choices
