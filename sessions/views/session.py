"""One session: its transcript and context, its resume link, and its export."""

from itertools import chain
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions, conf
from sessions.errors import InvalidInput, NotFound
from sessions.forms import ContextForm
from sessions.models import Session

from .page import Request, actor_of, show, tell
from .transcript import window

PAGE_INTERACTIONS = 100


@require_safe
def detail(request: Request, session_id: str) -> HttpResponse:
    session = actions.get_session(session_id)
    if session.pk != session_id:
        return _to_survivor(request, session_id, session)
    context = {
        "session": session,
        "transcript": window(session, request.GET, limit=PAGE_INTERACTIONS),
        "only": request.GET.get("only", "") if request.htmx else "",
        **_surroundings(request, session),
    }
    return show(request, "sessions/detail.html", context, part="interactions")


def _surroundings(request: Request, session: Session) -> dict[str, Any]:
    """What stands beside the transcript; htmx asks for the transcript alone."""
    if request.htmx and not request.htmx.history_restore_request:
        return {}
    return {
        "tags": [tag.name for tag in session.tags.all()],
        "merges": actions.merges_of(session.pk)[:50],
        "resume_url": request.build_absolute_uri(reverse("sessions:resume-link", args=[session.pk])),
        "trash_days": conf.trash_days(),
    }


def _to_survivor(request: Request, asked_for: str, survivor: Session) -> HttpResponse:
    tell(request, f"Session {asked_for} was merged into this one.")
    return redirect("sessions:detail", survivor.pk)


@require_safe
def interaction(request: Request, session_id: str, sequence: int) -> HttpResponse:
    """One interaction with its whole text, however long."""
    session = actions.get_session(session_id)
    shown = window(session, {"after": str(sequence - 1)}, limit=1)
    if not shown.turns or shown.turns[0].interaction.sequence != sequence:
        hint = "A merge, or the undoing of one, may have moved it."
        raise NotFound(f"Session {session.pk!r} has no interaction {sequence}.", hint=hint)
    return show(request, "sessions/interaction.html", {"session": session, "turn": shown.turns[0], "whole": True})


@require_safe
def resume_link(request: Request, session_id: str) -> HttpResponse:
    """Where a resume link leads a person: what the session is, and ways to go on. Changes nothing."""
    session = actions.get_session(session_id)
    context = {
        "session": session,
        "asked_for": session_id,
        "latest": window(session, {"latest": "1"}, limit=3),
        "resume_url": request.build_absolute_uri(reverse("sessions:resume-link", args=[session.pk])),
    }
    return show(request, "sessions/resume.html", context)


@require_POST
def resume(request: Request, session_id: str) -> HttpResponse:
    session = actions.resume_session(session_id, actor=actor_of(request))
    tell(request, "The session is active again. No interaction was added.")
    return redirect("sessions:detail", session.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_context(request: Request, session_id: str) -> HttpResponse:
    session = actions.get_session(session_id)
    form = ContextForm(request.POST or None, session=session)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_context(session.pk, actor=actor_of(request), **form.changes())
        except InvalidInput as error:
            form.refuse(error)
        else:
            tell(request, "The context was saved." if form.has_changed() else "There was nothing to save.")
            return redirect("sessions:detail", session.pk)
    status = 400 if form.errors else 200
    return show(request, "sessions/context.html", {"session": session, "form": form}, status=status)


@require_safe
def export(request: Request, session_id: str) -> HttpResponseBase:
    session = actions.get_session(session_id)
    document = actions.export_session(session.pk)
    # The first piece is made now, so that what is wrong becomes an error page and not half a file.
    start = next(document, "")
    response = StreamingHttpResponse(chain([start], document), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{session.pk}.json"'
    return response
