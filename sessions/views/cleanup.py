"""Cleanup: the plan on GET, which changes nothing, and the plan applied on POST."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.views.decorators.http import require_POST, require_safe

from sessions import actions, conf
from sessions.forms import ApplyForm, PlanForm

from .page import Request, actor_of, show, tell

SHOWN_SESSIONS = 200


@require_safe
def plan(request: Request) -> HttpResponse:
    form = PlanForm(request.GET or None, expire_days=conf.expire_days())
    made = actions.plan_cleanup(**form.rule()) if form.is_usable() else None
    context = {
        "form": form,
        "plan": made,
        "shown_sessions": SHOWN_SESSIONS,
        "expire_days": conf.expire_days(),
        "trash_days": conf.trash_days(),
    }
    return show(request, "sessions/cleanup.html", context, part="plan")


@require_POST
def apply(request: Request) -> HttpResponse:
    form = ApplyForm(request.POST)
    form.is_valid()
    result = actions.apply_cleanup(form.token(), actor=actor_of(request), confirmed_sessions=form.confirmed_sessions())
    tell(request, _told(result))
    return redirect("sessions:trash" if result.trashed else "sessions:cleanup")


def _told(result: actions.CleanupResult) -> str:
    done = [f"{result.trashed:,} moved to the trash"] if result.trashed or not result.purged else []
    if result.purged:
        done.append(f"{result.purged:,} purged")
    if result.skipped:
        done.append(f"{result.skipped:,} left alone, because they were used since the plan was made")
    return f"Cleaned up: {', '.join(done)} ({filesizeformat(result.size_bytes)})."
