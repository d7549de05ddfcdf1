"""Notes, pins and tags: what people fasten to a session.

Each change answers htmx with the part that shows it, and everybody else with the page of the session.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from sessions import actions, mapping
from sessions.errors import InvalidInput, NoteChanged, NotFound
from sessions.mirror import codec
from sessions.models import Interaction, Session
from sessions.records import Note

from .beside import beside
from .page import Request, actor_of, query, show, tell

# Notes that were removed wait in the browser's login for somebody to think better of it.
_REMOVED = "removed_notes"
_MOST_REMOVED = 5


# --- Pins ---


@require_POST
def pin(request: Request, session_id: str, interaction_id: UUID) -> HttpResponse:
    session = actions.pin_interaction(session_id, interaction_id, actor=actor_of(request))
    tell(request, "Pinned.", undo=reverse("sessions:unpin", args=[session.pk, interaction_id]))
    return _pins(request, session, interaction_id)


@require_POST
def unpin(request: Request, session_id: str, interaction_id: UUID) -> HttpResponse:
    session = actions.unpin_interaction(session_id, interaction_id, actor=actor_of(request))
    tell(request, "Unpinned.", undo=reverse("sessions:pin", args=[session.pk, interaction_id]))
    return _pins(request, session, interaction_id)


def _pins(request: Request, session: Session, interaction_id: UUID) -> HttpResponse:
    """The pin as it is now, and with it the list beside the transcript, where there is one."""
    row = Interaction.objects.filter(session=session, pk=interaction_id).only("session_id", "sequence").first()
    if not request.htmx:
        return _to_session(session, f"?at={row.sequence}#i-{row.sequence}" if row else "")
    context = {"session": session, "turn": {"interaction": row}, "has_list": "beside" in request.POST}
    return show(request, "sessions/beside.html", {**context, **beside(session)}, part="pin")


# --- Tags ---


@require_POST
def add_tag(request: Request, session_id: str) -> HttpResponse:
    name = " ".join((request.POST.get("name") or request.GET.get("name", "")).split())
    try:
        session = actions.add_tag(session_id, name, actor=actor_of(request))
    except InvalidInput as error:
        if not request.htmx:
            raise
        return _tags(request, actions.get_session(session_id), problem=str(error), typed=name)
    tell(request, f"Tagged “{name}”.", undo=reverse("sessions:tag-remove", args=[session.pk]) + query(name=name))
    return _tags(request, session)


@require_POST
def remove_tag(request: Request, session_id: str) -> HttpResponse:
    name = request.POST.get("name") or request.GET.get("name", "")
    session = actions.remove_tag(session_id, name, actor=actor_of(request))
    tell(
        request,
        f"The tag “{name}” was removed.",
        undo=reverse("sessions:tag-add", args=[session.pk]) + query(name=name),
    )
    return _tags(request, session)


def _tags(request: Request, session: Session, **typed: str) -> HttpResponse:
    if not request.htmx:
        return _to_session(session)
    tags = [tag.name for tag in session.tags.all()]
    return show(
        request, "sessions/beside.html", {"session": session, "tags": tags, **beside(session), **typed}, part="tags"
    )


# --- Notes ---


@require_POST
def add_note(request: Request, session_id: str) -> HttpResponse:
    text = _text(request)
    try:
        actions.add_note(session_id, text, actor=actor_of(request))
    except InvalidInput as error:
        if not request.htmx:
            raise
        return _notes(request, session_id, problem=str(error), typed=text)
    tell(request, "The note was added.")
    return _notes(request, session_id)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_note(request: Request, session_id: str, note_id: UUID) -> HttpResponse:
    """The note in a form on GET, saved on POST."""
    session = actions.get_session(session_id)
    text, problem, is_changed = _text(request), "", False
    if request.method == "POST":
        try:
            actions.edit_note(session.pk, note_id, text, seen=_seen(request), actor=actor_of(request))
        except InvalidInput as error:
            problem = str(error)
        except NoteChanged as error:
            problem, is_changed = error.message, True
            session = actions.get_session(session.pk)
        else:
            tell(request, "The note was saved.")
            return _notes(request, session.pk)
    return _editor(request, session, note_id, typed=text, problem=problem, is_changed=is_changed)


def _seen(request: Request) -> datetime | None:
    """When the version was written that the form was made from."""
    try:
        seen = datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError:
        return None
    return seen if seen.tzinfo else None


def _editor(
    request: Request, session: Session, note_id: UUID, *, typed: str, problem: str, is_changed: bool
) -> HttpResponse:
    note = next((one for one in mapping.read_notes(session.notes) if one.id == note_id), None)
    if note is None:
        raise NotFound("The session has no such note.", hint="Somebody may have removed it meanwhile.")
    if "shown" in request.GET:
        return _notes(request, session.pk)
    context = {
        "session": session,
        "note": note,
        "typed": typed or note.text,
        "problem": problem,
        "is_changed": is_changed,
        "seen": (note.edited_at or note.written_at).isoformat(),
    }
    status = (409 if is_changed else 400) if problem and not request.htmx else 200
    response = show(request, "sessions/note.html", context, part="editor", status=status)
    if problem and request.htmx:
        # The form alone gives way, not all notes, whose place a note that was saved takes.
        return reswap(retarget(response, f"#edit-{note.id}"), "outerHTML")
    return response


@require_POST
def remove_note(request: Request, session_id: str, note_id: UUID) -> HttpResponse:
    note = actions.remove_note(session_id, note_id, actor=actor_of(request))
    kept = [one for one in request.session.get(_REMOVED, []) if one["id"] != str(note_id)]
    request.session[_REMOVED] = [*kept, codec.to_payload(note)][-_MOST_REMOVED:]
    tell(request, "The note was removed.", undo=reverse("sessions:note-restore", args=[session_id, note_id]))
    return _notes(request, session_id)


@require_POST
def restore_note(request: Request, session_id: str, note_id: UUID) -> HttpResponse:
    for kept in request.session.get(_REMOVED, []):
        if kept["id"] == str(note_id):
            actions.restore_note(session_id, codec.from_payload(Note, kept), actor=actor_of(request))
            tell(request, "The note is back.")
            return _notes(request, session_id)
    raise NotFound("This note cannot be brought back any more.", hint="Write it anew.")


def _notes(request: Request, session_id: str, **typed: Any) -> HttpResponse:
    session = actions.get_session(session_id)
    if not request.htmx:
        return _to_session(session, "#notes")
    return show(request, "sessions/beside.html", {"session": session, **beside(session), **typed}, part="notes")


def _text(request: Request) -> str:
    return request.POST.get("text", "").replace("\r\n", "\n")


def _to_session(session: Session, place: str = "") -> HttpResponse:
    return redirect(reverse("sessions:detail", args=[session.pk]) + place)
