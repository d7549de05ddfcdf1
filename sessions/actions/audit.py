"""The audit trail: who changed what, when, through which face. Never what was said."""

from collections.abc import Mapping

from sessions.models import AuditEvent
from sessions.records import JSON, Actor


def record(actor: Actor, verb: str, session_id: str = "", **details: JSON) -> None:
    """Note a change; belongs inside the transaction that makes it."""
    _event(actor, verb, session_id, details).save(force_insert=True)


def record_each(actor: Actor, verb: str, sessions: Mapping[str, Mapping[str, JSON]]) -> None:
    """Note the same change of several sessions, each with its details; belongs inside the transaction that makes it."""
    AuditEvent.objects.bulk_create(_event(actor, verb, pk, details) for pk, details in sessions.items())


def _event(actor: Actor, verb: str, session_id: str, details: Mapping[str, JSON]) -> AuditEvent:
    return AuditEvent(actor=actor.name[:255], face=actor.face, verb=verb, session_id=session_id, details=dict(details))
