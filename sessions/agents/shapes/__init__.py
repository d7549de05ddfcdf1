"""What goes in and out of the agents' faces: `incoming` is what programs send, the others what they are answered."""

from .base import Outgoing
from .cleanups import CleanupOut, CleanupPlanOut, PlannedSession
from .found import Found, Hit
from .incoming import ContextEdit, Identifier, InteractionIn, Kind, MergeChoices, Moment, SessionBatch, SessionStart
from .interactions import (
    BatchProblem,
    BatchResult,
    BatchResults,
    InteractionList,
    InteractionOut,
    Logged,
    LoggedInteraction,
    OriginOut,
    interactions_of,
)
from .merges import MergeOption, MergeOut, MergePlanOut, MergeQuestion
from .packs import ContextPackOut, PackBudget, PackContext, PackedSession, PackedTurnOut, PackGap, PackLeftOut, Resumed
from .sessions import Context, SessionLine, SessionList, SessionOut, lines
from .users import Preferences, UserLine, UserList, UserOut

__all__ = [
    "BatchProblem",
    "BatchResult",
    "BatchResults",
    "CleanupOut",
    "CleanupPlanOut",
    "Context",
    "ContextEdit",
    "ContextPackOut",
    "Found",
    "Hit",
    "Identifier",
    "InteractionIn",
    "InteractionList",
    "InteractionOut",
    "Kind",
    "Logged",
    "LoggedInteraction",
    "MergeChoices",
    "MergeOption",
    "MergeOut",
    "MergePlanOut",
    "MergeQuestion",
    "Moment",
    "OriginOut",
    "Outgoing",
    "PackBudget",
    "PackContext",
    "PackGap",
    "PackLeftOut",
    "PackedSession",
    "PackedTurnOut",
    "PlannedSession",
    "Preferences",
    "Resumed",
    "SessionBatch",
    "SessionLine",
    "SessionList",
    "SessionOut",
    "SessionStart",
    "UserLine",
    "UserList",
    "UserOut",
    "interactions_of",
    "lines",
]
