"""Hold, release, trash and restore: what a button on a session does."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from sessions import actions
from sessions.errors import AlreadyHeld
from sessions.models import Session

from .page import Request, actor_of, query, show, tell

_RELEASED = "released"


@require_POST
def hold(request: Request, session_id: str) -> HttpResponse:
    reason = request.POST.get("reason", "")
    if "again" in request.GET:
        reason = request.session.get(_RELEASED, {}).get(session_id, "")
    try:
        # Who holds it by this button saw it free; somebody else's reason must not go unseen.
        session = actions.hold_session(session_id, reason=reason, replace=False, actor=actor_of(request))
    except AlreadyHeld as error:
        session = actions.get_session(session_id)
        tell(request, f"{error.message} {error.hint}", done=False)
    else:
        tell(request, "Held: no cleanup will take this session.", undo=reverse("sessions:release", args=[session.pk]))
    return _row(request, session) if request.htmx else _back(request, "sessions:detail", session.pk)


@require_POST
def release(request: Request, session_id: str) -> HttpResponse:
    held = actions.get_session(session_id)
    session = actions.release_hold(session_id, actor=actor_of(request))
    undo = ""
    if held.held_at is not None:
        # In the browser's login: a reason may be longer than an address.
        request.session[_RELEASED] = {session.pk: held.hold_reason}
        undo = reverse("sessions:hold", args=[session.pk]) + query(again=1)
    tell(request, "Released: the session is cleaned up like any other.", undo=undo)
    return _row(request, session) if request.htmx else _back(request, "sessions:detail", session.pk)


@require_POST
def trash(request: Request, session_id: str) -> HttpResponse:
    session = actions.trash_session(session_id, reason=request.POST.get("reason", ""), actor=actor_of(request))
    tell(request, f"“{session}” is in the trash.", undo=reverse("sessions:restore", args=[session.pk]))
    return _gone(request) if request.htmx else _back(request, "sessions:list")


@require_POST
def restore(request: Request, session_id: str) -> HttpResponse:
    session = actions.restore_session(session_id, actor=actor_of(request))
    tell(request, "Restored, as it was.")
    return _gone(request) if request.htmx else _back(request, "sessions:detail", session.pk)


def _row(request: Request, session: Session) -> HttpResponse:
    """The row of the list of what expires soon, which alone asks through htmx, as it is now."""
    return show(request, "sessions/cleanup_expiring.html", {"session": session}, part="row")


def _gone(request: Request) -> HttpResponse:
    """Nothing in a row's place, and the toast that says why."""
    return HttpResponse(render_to_string("sessions/parts/messages.html", {"out_of_band": True}, request))


def _back(request: Request, default: str, *arguments: str) -> HttpResponse:
    """To where the form says it stands, if that is one of our own pages."""
    there = request.POST.get("next", "")
    if there and url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        return redirect(there)
    return redirect(default, *arguments)
