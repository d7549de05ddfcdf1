"""What stands beside a session's transcript."""

from typing import Any

from django.urls import reverse

from sessions import actions, conf
from sessions.models import Session

from .beside import beside
from .page import Request


def surroundings(request: Request, session: Session) -> dict[str, Any]:
    """What stands beside the transcript; htmx asks for the transcript alone."""
    if request.htmx and not request.htmx.history_restore_request:
        return {}
    return {
        "tags": [tag.name for tag in session.tags.all()],
        "merges": actions.merges_of(session.pk)[:50],
        "resume_url": request.build_absolute_uri(reverse("sessions:resume-link", args=[session.pk])),
        "trash_days": conf.trash_days(),
        "imported": actions.import_of(session.pk),
        **beside(session),
    }
