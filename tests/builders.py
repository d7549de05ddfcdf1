"""Makes sessions and interactions for tests, through the real actions."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from sessions import actions
from sessions.models import Interaction, Session
from sessions.records import Actor, Face, InteractionDraft, InteractionKind

ALICE = Actor("alice", Face.PYTHON)


def make_session(*, turns: int = 0, idle_days: float = 0, **fields: Any) -> Session:
    """A session of alice's with some conversation turns, idle for so many days."""
    session = actions.create_session(actor=ALICE, **{"user_id": "alice", **fields})
    for number in range(1, turns + 1):
        log(session, prompt=f"request {number}", response=f"answer {number}")
    if idle_days:
        make_idle(session, idle_days)
    return Session.objects.get(pk=session.pk)


def draft(kind: InteractionKind = InteractionKind.CONVERSATION_TURN, **fields: Any) -> InteractionDraft:
    return InteractionDraft(kind=kind, **fields)


def log(session: Session | str, **fields: Any) -> Interaction:
    """Log one interaction, a conversation turn unless `kind` says otherwise."""
    session_id = session if isinstance(session, str) else session.pk
    return actions.log_interaction(session_id, draft(**fields), actor=ALICE)


def make_idle(session: Session, days: float) -> None:
    """Let a session's last activity lie so many days back, in both copies."""
    row = Session.objects.get(pk=session.pk)
    row.last_activity_at = row.settled_at = timezone.now() - timedelta(days=days)
    row.created_at = min(row.created_at, row.last_activity_at)
    row.header_revision = row.raise_revision()
    row.save()
