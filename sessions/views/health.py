"""The health of the store: both copies, what was set aside, the schedules, and what it runs on."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from sessions import actions

from .page import Request, show
from .vitals import diagnostics, vitals

SHOWN_FILES = 100


@require_safe
def health(request: Request) -> HttpResponse:
    set_aside = actions.quarantined()
    now = vitals(quarantined=len(set_aside))
    context = {
        "vitals": now,
        "status": now.status,
        "quarantined": set_aside[-SHOWN_FILES:][::-1],
        "jobs": [job for job in now.clockwork.jobs.values() if job.next_run_at],
        "data_dir": actions.data_dir_name(),
        "diagnostics": diagnostics(now),
    }
    return show(request, "sessions/health.html", context)
