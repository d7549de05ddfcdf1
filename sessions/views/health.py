"""The health of the store: both copies, what was set aside, and the schedules."""

from django.core.checks import CheckMessage, Tags, run_checks
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from sessions import actions
from sessions.models import Schedule

from .page import Request, show

SHOWN_FILES = 100


@require_safe
def health(request: Request) -> HttpResponse:
    status = actions.mirror_status()
    set_aside = actions.quarantined()
    context = {
        "status": status,
        "quarantined": set_aside[:SHOWN_FILES],
        "notices": _notices(),
        "schedules": Schedule.objects.all()[:SHOWN_FILES],
        "is_well": status.settled and not status.quarantined,
    }
    return show(request, "sessions/health.html", context)


def _notices() -> list[CheckMessage]:
    """What the app's own system checks say of this installation."""
    found = run_checks(tags=[Tags.files, Tags.compatibility, Tags.security])
    return [message for message in found if (message.id or "").startswith("sessionsite.")]
