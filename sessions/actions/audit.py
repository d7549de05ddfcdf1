"""The audit trail: who changed what, when, through which face. Never what was said."""

from sessions.models import AuditEvent
from sessions.records import JSON, Actor


def record(actor: Actor, verb: str, session_id: str = "", **details: JSON) -> None:
    """Note a change; belongs inside the transaction that makes it."""
    AuditEvent.objects.create(
        actor=actor.name[:255], face=actor.face, verb=verb, session_id=session_id, details=details
    )
