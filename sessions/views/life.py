"""Hold, trash, restore and purge: what a button on a session does."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions, conf

from .page import Request, actor_of, query, show, tell

PAGE_SESSIONS = 50


@require_POST
def hold(request: Request, session_id: str) -> HttpResponse:
    session = actions.hold_session(session_id, reason=request.POST.get("reason", ""), actor=actor_of(request))
    tell(request, "Held: no cleanup will take this session.", undo=reverse("sessions:release", args=[session.pk]))
    return redirect("sessions:detail", session.pk)


@require_POST
def release(request: Request, session_id: str) -> HttpResponse:
    session = actions.release_hold(session_id, actor=actor_of(request))
    tell(request, "Released: the session is cleaned up like any other.")
    return redirect("sessions:detail", session.pk)


@require_POST
def trash(request: Request, session_id: str) -> HttpResponse:
    session = actions.trash_session(session_id, reason=request.POST.get("reason", ""), actor=actor_of(request))
    tell(request, f"“{session}” is in the trash.", undo=reverse("sessions:restore", args=[session.pk]))
    return redirect("sessions:list")


@require_POST
def restore(request: Request, session_id: str) -> HttpResponse:
    session = actions.restore_session(session_id, actor=actor_of(request))
    tell(request, "Restored, as it was.")
    return redirect("sessions:detail", session.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def purge(request: Request, session_id: str) -> HttpResponse:
    """Ask on GET, delete for good on POST."""
    if request.method != "POST":
        return show(request, "sessions/purge.html", {"session": actions.get_session(session_id)})
    actions.purge_session(session_id, actor=actor_of(request))
    tell(request, f"Session {session_id} was purged.")
    return redirect("sessions:trash")


@require_safe
def trash_list(request: Request) -> HttpResponse:
    filters = actions.SessionFilters(state="trashed")
    cursor = request.GET.get("cursor", "")
    found = actions.list_sessions(filters, cursor=cursor, limit=PAGE_SESSIONS)
    context = {
        "found": found,
        "cursor": cursor,
        "next_page": query(cursor=found.next_cursor),
        "trash_days": conf.trash_days(),
    }
    return show(request, "sessions/trash.html", context, part="results")
