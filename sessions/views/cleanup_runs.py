"""A cleanup that was confirmed: begun, gone on with step by step, shown, and undone."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from sessions import actions
from sessions.forms import ApplyForm
from sessions.models import CleanupRun

from .page import Request, actor_of, show, tell

# A step that a page waits for; the journals of so many sessions are moved within a second or two.
STEP_SESSIONS = 200
_UNDOING = "undoing_cleanup"


@require_POST
def apply(request: Request) -> HttpResponse:
    """Begin with the plan that was shown, and take the first step of it."""
    form = ApplyForm(request.POST)
    form.is_valid()
    actor = actor_of(request)
    run = actions.begin_cleanup(form.token(), actor=actor, confirmed_sessions=form.confirmed_sessions())
    run = actions.continue_cleanup(run.pk, actor=actor, most_sessions=STEP_SESSIONS)
    return _after_a_step(request, run)


@require_POST
def step(request: Request, run_id: UUID) -> HttpResponse:
    run = actions.continue_cleanup(run_id, actor=actor_of(request), most_sessions=STEP_SESSIONS)
    return _after_a_step(request, run)


@require_safe
def run(request: Request, run_id: UUID) -> HttpResponse:
    # Once, and for who just asked: an address that did so would restore whenever it is come back to.
    undoing = request.session.pop(_UNDOING, "") == str(run_id)
    return _shown(request, actions.get_cleanup_run(run_id), undoing=undoing)


@require_POST
def restore(request: Request, run_id: UUID) -> HttpResponse:
    """Take back what a run put into the trash; a long list takes several of these."""
    run = actions.restore_cleanup(run_id, actor=actor_of(request), most_sessions=STEP_SESSIONS)
    left = actions.left_in_trash(run)
    if not left:
        tell(request, f"Undone: {run.restored:,} of its sessions are back, as they were.")
    if request.htmx:
        return _shown(request, run, undoing=True)
    if left:
        request.session[_UNDOING] = str(run.pk)
    return redirect("sessions:cleanup-run", run.pk)


def _after_a_step(request: Request, run: CleanupRun) -> HttpResponse:
    if run.finished_at is not None:
        undo = reverse("sessions:cleanup-restore", args=[run.pk]) if run.trashed else ""
        tell(request, f"Cleaned up: {run.trashed:,} moved to the trash, {run.purged:,} purged.", undo=undo)
    return _shown(request, run) if request.htmx else redirect("sessions:cleanup-run", run.pk)


def _shown(request: Request, run: CleanupRun, *, undoing: bool = False) -> HttpResponse:
    """The page of a run. `undoing` says that somebody asked for all of it back, and a step of that was done."""
    left = actions.left_in_trash(run)
    context = {"run": run, "left": left, "undoing": undoing and bool(left)}
    return show(request, "sessions/cleanup_run.html", context, part="run")
