"""What goes in and out of the agents' faces: `incoming` is what programs send, the others what they are answered."""

from .base import Outgoing
from .cleanups import CleanupOut, CleanupPlanOut, PlannedSession
from .found import Found, Hit
from .imports import ImportLine, ImportList, ImportOut
from .incoming import (
    MAX_BATCH,
    ContextEdit,
    Identifier,
    InteractionIn,
    Kind,
    MergeChoices,
    Moment,
    SessionBatch,
    SessionStart,
)
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
from .transcripts import DATA_NOTE, ConversationSummary, ExportPart, History, Provenance, Told, Transcript
from .users import Preferences, UserLine, UserList, UserOut

__all__ = [
    "DATA_NOTE",
    "MAX_BATCH",
    "BatchProblem",
    "BatchResult",
    "BatchResults",
    "CleanupOut",
    "CleanupPlanOut",
    "Context",
    "ContextEdit",
    "ContextPackOut",
    "ConversationSummary",
    "ExportPart",
    "Found",
    "History",
    "Hit",
    "Identifier",
    "ImportLine",
    "ImportList",
    "ImportOut",
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
    "Provenance",
    "Resumed",
    "SessionBatch",
    "SessionLine",
    "SessionList",
    "SessionOut",
    "SessionStart",
    "Told",
    "Transcript",
    "UserLine",
    "UserList",
    "UserOut",
    "interactions_of",
    "lines",
]
