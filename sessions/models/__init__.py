"""The tables. What they mean is told in docs/architecture.md; how they reach the disk in docs/mirror-format.md."""

from .interaction import MAX_KEY, Interaction
from .ledger import AuditEvent, Merge, Tombstone
from .mirrored import Mirrored
from .profile import MAX_USER_ID, Profile
from .schedule import Schedule
from .session import MAX_OPENING, MAX_SESSION_ID, Session, SessionTag

__all__ = [
    "MAX_KEY",
    "MAX_OPENING",
    "MAX_SESSION_ID",
    "MAX_USER_ID",
    "AuditEvent",
    "Interaction",
    "Merge",
    "Mirrored",
    "Profile",
    "Schedule",
    "Session",
    "SessionTag",
    "Tombstone",
]
