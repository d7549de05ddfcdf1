"""One session: its context."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from sessions import actions
from sessions.errors import ContextChanged, InvalidInput
from sessions.models import Session

from .beside import context_field, context_fields
from .context_form import ContextForm
from .page import Request, actor_of, show, tell


@require_http_methods(["GET", "HEAD", "POST"])
def edit_context(request: Request, session_id: str) -> HttpResponse:
    """The context in a form, or with htmx one field of it in its place; saved on POST."""
    session = actions.get_session(session_id)
    only = (request.POST or request.GET).get("field", "")
    form = ContextForm(request.POST or None, session=session, only=only)
    if request.method == "POST" and _save_context(request, session, form):
        return _context_shown(request, session.pk, only)
    if request.htmx and "shown" in request.GET:
        return _context_shown(request, session.pk, only)
    context = {"session": session, "form": form, "only": only, "shown_fields": context_fields(session)}
    status = 200 if request.htmx else 409 if form.theirs else 400 if form.errors else 200
    return show(request, "sessions/context.html", context, part="editor" if only in form.fields else "", status=status)


def _save_context(request: Request, session: Session, form: ContextForm) -> bool:
    """Whether what was typed is saved; if not, the form says why."""
    if not form.is_valid():
        return False
    changes = form.changes()
    try:
        if changes:
            actions.update_context(session.pk, actor=actor_of(request), seen=form.seen_before(), **changes)
    except InvalidInput as error:
        form.refuse(error)
        return False
    except ContextChanged as error:
        form.show_both(error, actions.get_session(session.pk))
        return False
    tell(request, "Saved." if changes else "There was nothing to save.")
    return True


def _context_shown(request: Request, session_id: str, only: str) -> HttpResponse:
    """The field as it is now, in its place; without htmx the whole session."""
    if not request.htmx:
        return redirect("sessions:detail", session_id)
    session = actions.get_session(session_id)
    field = context_field(session, only if only in ContextForm.base_fields and only != "tags" else "title")
    return show(request, "sessions/beside.html", {"session": session, "field": field, "focused": True}, part="field")
