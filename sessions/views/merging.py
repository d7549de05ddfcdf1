"""Merging two sessions, with a look at the result first, and taking it back."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from sessions import actions
from sessions.errors import MergeRefused, NotFound
from sessions.forms import MergeForm
from sessions.models import Session

from .page import Request, actor_of, show, tell

CANDIDATES = 20


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: Request, session_id: str) -> HttpResponse:
    """Choose what to merge in, look at what would become of it, and do it."""
    survivor = actions.get_session(session_id)
    form = MergeForm(request.POST if request.method == "POST" else request.GET)
    absorbed = form.absorbed()
    if request.method == "POST" and absorbed:
        done = actions.merge_sessions(survivor.pk, absorbed=absorbed, actor=actor_of(request))
        tell(request, f"Session {absorbed} was merged into this one.", undo=reverse("sessions:unmerge", args=[done.pk]))
        return redirect("sessions:detail", survivor.pk)
    return _choose(request, survivor, form, absorbed)


def _choose(request: Request, survivor: Session, form: MergeForm, absorbed: str) -> HttpResponse:
    preview = None
    try:
        preview = actions.preview_merge(survivor.pk, absorbed) if absorbed else None
    except (MergeRefused, NotFound) as error:
        form.refuse(error)
    context = {"session": survivor, "form": form, "preview": preview, "candidates": _candidates(survivor)}
    return show(request, "sessions/merge.html", context, part="preview")


def _candidates(survivor: Session) -> list[Session]:
    """The user's latest sessions that could be merged in."""
    mine = actions.SessionFilters(user_id=survivor.user_id, state="all")
    found = actions.list_sessions(mine, limit=CANDIDATES * 2).sessions
    fit = [row for row in found if row.pk != survivor.pk and row.trashed_at is None and row.merged_into_id is None]
    return fit[:CANDIDATES]


@require_POST
def unmerge(request: Request, merge_id: UUID) -> HttpResponse:
    undone = actions.unmerge(merge_id, actor=actor_of(request))
    tell(request, f"The merge was undone: session {undone.absorbed_id} stands on its own again.")
    return redirect("sessions:detail", undone.survivor_id)
