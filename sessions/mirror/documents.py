"""The small `<session_id>.json`: a session's present state for people and for tools that know the old system.

Its first fields are the old system's, with its names; ours follow. It is never on the path of an acknowledgement
and never trusted where the journal is there.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from django.db.models import F

from sessions.models import Session
from sessions.querysets import SessionQuerySet

from . import codec, journal, quarantine
from .drain import header, layout, make_way

log = logging.getLogger(__name__)


def refresh_documents(limit: int) -> int:
    """Write the documents of up to `limit` sessions that changed; return how many. One that fails stops no other."""
    _note_trashed()
    behind = _due(Session.objects.in_document_debt()).order_by().values_list("pk", flat=True)
    return sum(_refresh(session_id) for session_id in list(behind[:limit]))


def _refresh(session_id: str) -> bool:
    try:
        return refresh_document(session_id)
    except OSError as error:
        log.warning("document_not_refreshed", extra={"session_id": session_id, "reason": error.strerror})
        return False


def refresh_document(session_id: str) -> bool:
    """Write one session's document and note the revision that it shows.

    False when the session is gone or trashed, or when its journal or the search is behind: a document only ever shows
    what both have, so that its debt outlives theirs. Raises OSError.
    """
    places = layout()
    with journal.hold(places, session_id):
        # Asked under the lock: a document must not come back after a trash or a purge removed it.
        session = _due(Session.objects.filter(pk=session_id)).first()
        if session is None:
            return False
        path = places.document(session_id)
        make_way(places, path, session_id)
        if path.is_dir(follow_symlinks=False):
            quarantine.quarantine(places, path, key=session_id, reason="A folder stands where a file belongs.")
        text = json.dumps(document(session), indent=2, ensure_ascii=False)
        journal.replace_bytes(path, [text.encode(), b"\n"], durable=False)
        # Whatever came since raised the revision, and the next round writes again.
        Session.objects.filter(pk=session_id, documented_revision__lt=session.revision).update(
            documented_revision=session.revision
        )
        return True


def _due(sessions: SessionQuerySet) -> SessionQuerySet:
    return _settled(sessions).filter(trashed_at=None)


def _settled(sessions: SessionQuerySet) -> SessionQuerySet:
    """Those that owe neither their journal nor the search anything, whose debts are found by the document's."""
    return sessions.filter(mirrored_revision__gte=F("revision"), searched_revision__gte=F("revision"))


def _note_trashed() -> None:
    """In the trash there is no document to be behind; it stays out of the index of what is."""
    trashed = _settled(Session.objects.in_document_debt().trashed()).order_by()
    if trashed.exists():
        trashed.update(documented_revision=F("revision"))


def document(session: Session) -> dict[str, Any]:
    """The document's content."""
    old_names = {
        "session_id": session.pk,
        "user_id": session.user_id,
        "created_at": _naive(session.created_at),
        "last_activity": _naive(session.last_activity_at),
        "total_interactions": session.total_interactions,
        "session_file_path": str(layout().document(session.pk).relative_to(layout().root.parent)),
        "metadata": session.metadata,
        "context_summary": session.context_summary or None,
        "active_topics": session.active_topics or None,
        "user_preferences": session.user_preferences or None,
    }
    ours = codec.to_payload(header(session).record)
    return {**old_names, **{name: value for name, value in ours.items() if name not in old_names}}


def _naive(moment: datetime) -> str:
    """The old system wrote UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
