"""Merging sessions, with a look at the result first; what was merged; and taking it back."""

from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions
from sessions.forms import MergeForm

from .merge_board import Board, MergeRecord, Piece
from .page import Request, actor_of, show, tell


@require_http_methods(["GET", "HEAD", "POST"])
def merge_many(request: Request) -> HttpResponse:
    """Choose what to merge, look at what would become of it, and do it."""
    if request.method == "POST":
        return _merge(request, _as_shown(request.POST))
    return _board(request, MergeForm(request.GET))


def _as_shown(sent: QueryDict) -> MergeForm:
    """The form with who the page showed as staying for who stays, where nobody was chosen."""
    shown = sent.copy()
    shown.setdefault("into", shown.get("stays", ""))
    return MergeForm(shown)


def _board(request: Request, form: MergeForm) -> HttpResponse:
    board = Board(form, actions.merge_board(form.session_ids(), survivor_id=form.survivor_id()))
    part = "picks" if request.htmx.target == "picks" else "board"
    return show(request, "sessions/merge.html", {"board": board, "form": form}, part=part)


def _merge(request: Request, form: MergeForm) -> HttpResponse:
    done = actions.merge_sessions(
        form.survivor_id(), absorbed=form.absorbed_ids(), choices=form.choices(), actor=actor_of(request)
    )
    count = len(done.merges)
    text = f"{count} sessions were merged into this one." if count > 1 else "One session was merged into this one."
    tell(request, text, undo=reverse("sessions:unmerge", args=[done.pk]))
    return redirect("sessions:detail", done.survivor_id)


@require_safe
def timeline(request: Request) -> HttpResponse:
    """A piece of a long preview: as part of the page, or as a page of its own."""
    form = _as_shown(request.GET)
    found = actions.merge_timeline(
        form.survivor_id(),
        form.absorbed_ids(),
        after=form.cleaned_data.get("after", ""),
        until=form.cleaned_data.get("until", ""),
    )
    piece = Piece(form, found)
    return show(request, "sessions/merge_timeline.html", {"piece": piece, "form": form}, part="piece")


@require_safe
def merge(request: Request, session_id: str) -> HttpResponse:
    """The way in from a session, which stays unless somebody decides otherwise."""
    survivor = actions.get_session(session_id)
    chosen = QueryDict(mutable=True)
    chosen.setlist("id", [survivor.pk, *request.GET.getlist("with_session")])
    chosen["into"] = survivor.pk
    return _board(request, MergeForm(chosen))


@require_safe
def merged(request: Request, merge_id: UUID) -> HttpResponse:
    """What was merged once, what was decided then, and the way back."""
    return show(request, "sessions/merge_record.html", {"record": MergeRecord(actions.get_merge(merge_id))})


@require_POST
def unmerge(request: Request, merge_id: UUID) -> HttpResponse:
    undone = actions.unmerge(merge_id, actor=actor_of(request))
    names = ", ".join(undone.absorbed_ids)
    told = f"session {names} stands on its own" if len(undone.merges) == 1 else f"sessions {names} stand on their own"
    tell(request, f"The merge was undone: {told} again.")
    return redirect("sessions:detail", undone.survivor_id)
