"""The store as a whole, for those who watch over it."""

from dataclasses import dataclass

from sessions import actions
from sessions.actions import Clockwork, Sizes, StateCounts
from sessions.actions.copies import MirrorStatus
from sessions.errors import ScopeMissing
from sessions.records import Caller, Scope

from .callers import require


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How much there is, and what is owed. `search_waiting` counts sessions that are not found yet."""

    states: StateCounts
    interactions: int
    mirror: MirrorStatus
    search_waiting: int
    sizes: Sizes
    clockwork: Clockwork
    version: str
    database: str


def store_figures(caller: Caller) -> StoreFigures:
    """Figures that cost a few queries of indexes. Needs `read`, of everybody's sessions."""
    require(caller, Scope.READ)
    if caller.user_id:
        raise ScopeMissing("This tells of everybody's sessions; the token is bound to one user.")
    return StoreFigures(
        states=actions.state_counts(),
        interactions=actions.interactions_in_all(),
        mirror=actions.mirror_status(),
        search_waiting=actions.search_debt(),
        sizes=actions.sizes(),
        clockwork=actions.clockwork(),
        version=actions.version(),
        database=actions.database_version(),
    )
