"""The tables. What they mean is told in docs/architecture.md; how they reach the disk in docs/mirror-format.md."""

from .account import BrowserLogin, SignInBudget
from .activity import QUARTER_SECONDS, ActivityCount, ActivityMark
from .cleanup import CleanupRun
from .desk import BulkItem, BulkRun, SavedView
from .imports import Import, ImportedPart
from .interaction import MAX_KEY, Interaction
from .ledger import AuditEvent, Merge, Tombstone
from .mirrored import Mirrored
from .profile import MAX_USER_ID, Profile, UserMerge
from .schedule import Schedule
from .search import Passage
from .session import MAX_MODELS, MAX_OPENING, MAX_SESSION_ID, Session, SessionModel, SessionTag
from .token import MAX_TOKEN_NAME, Token

__all__ = [
    "MAX_KEY",
    "MAX_MODELS",
    "MAX_OPENING",
    "MAX_SESSION_ID",
    "MAX_TOKEN_NAME",
    "MAX_USER_ID",
    "QUARTER_SECONDS",
    "ActivityCount",
    "ActivityMark",
    "AuditEvent",
    "BrowserLogin",
    "BulkItem",
    "BulkRun",
    "CleanupRun",
    "Import",
    "ImportedPart",
    "Interaction",
    "Merge",
    "Mirrored",
    "Passage",
    "Profile",
    "SavedView",
    "Schedule",
    "Session",
    "SessionModel",
    "SessionTag",
    "SignInBudget",
    "Token",
    "Tombstone",
    "UserMerge",
]
