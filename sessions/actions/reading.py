"""Reading one session: its places, its newest state, and its records as they stand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions import mapping, validation
from sessions.errors import NotFound
from sessions.exporters import document
from sessions.models import Interaction, Session

from .find import get_session

# Kept in the database's own range, whatever a link says.
_LAST_SEQUENCE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Pulse:
    """What tells a reader that a session went on: appends raise the one, merges and their undoing the other."""

    last_sequence: int
    rewrite_revision: int
    is_here: bool


def pulse(session_id: str) -> Pulse:
    """How far a session is, by one narrow query; `is_here` is false for one that is gone, merged away or trashed."""
    rows = Session.objects.filter(pk=session_id).values_list(
        "last_sequence", "rewrite_revision", "merged_into_id", "trashed_at"
    )
    if (row := rows.first()) is None:
        return Pulse(0, 0, is_here=False)
    last, rewritten, merged_into, trashed_at = row
    return Pulse(last, rewritten, is_here=merged_into is None and trashed_at is None)


def first_since(session_id: str, moment: datetime) -> int | None:
    """The sequence of the first interaction that was said at a time or later. Raises InvalidInput."""
    validation.moment("moment", moment)
    told = Interaction.objects.filter(session_id=session_id, occurred_at__gte=moment)
    return told.order_by("sequence").values_list("sequence", flat=True).first()


def get_interaction(session_id: str, sequence: int) -> Interaction:
    """One interaction. Raises NotFound."""
    rows = Interaction.objects.filter(session_id=session_id, sequence=min(sequence, _LAST_SEQUENCE))
    if (row := rows.defer("source_record").first()) is None:
        hint = "A merge, or the undoing of one, may have moved it."
        raise NotFound(f"Session {session_id!r} has no interaction {sequence}.", hint=hint)
    return row


def interaction_document(session_id: str, sequence: int) -> dict[str, Any]:
    """One interaction as an export has it, its source record included. Raises NotFound."""
    return document.interaction(mapping.interaction_record(get_interaction(session_id, sequence)))


def session_document(session_id: str) -> dict[str, Any]:
    """A session as an export has it, without its interactions. Raises SessionNotFound or SessionPurged."""
    session = get_session(session_id)
    header = mapping.session_record(session, session.tags.values_list("name", flat=True))
    return {
        "session_info": document.session_info(header, session.total_interactions),
        "context": document.context(header),
    }


def tools_called(session_id: str, interactions: list[Any]) -> dict[Any, str]:
    """The names of the tools that calls of a session named, by the calls' IDs."""
    calls = Interaction.objects.filter(session_id=session_id, pk__in=interactions).exclude(tool_name="")
    return dict(calls.values_list("pk", "tool_name"))
