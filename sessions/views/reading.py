"""Reading a session: its transcript, what is added while it is read, and one interaction of it."""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from sessions import actions
from sessions.models import Session
from sessions.rendering.looks import Looks
from sessions.rendering.marking import words_of

from .finding import find_within
from .page import Request, query, show, tell
from .surroundings import surroundings
from .transcript import Stretch, following, window

PAGE_INTERACTIONS = 60


@require_safe
def detail(request: Request, session_id: str) -> HttpResponse:
    session = actions.get_session(session_id)
    if session.pk != session_id:
        return _to_survivor(request, session_id, session)
    stretch = window(session, request.GET, limit=PAGE_INTERACTIONS)
    context = {
        "session": session,
        "only": request.GET.get("only", "") if request.htmx else "",
        "place": request.GET.get("at", ""),
        **_reading(request, session, stretch),
        **surroundings(request, session),
    }
    if not request.htmx:
        context["found"] = find_within(session, request.GET)
    return show(request, "sessions/detail.html", context, part="interactions")


@require_safe
def live(request: Request, session_id: str) -> HttpResponse:
    """What was added behind the interaction that a reader has seen last; 204 when nothing was, by one query."""
    after, rewritten = _seen(request, "after"), _seen(request, "rewritten")
    now = actions.pulse(session_id)
    if now.is_here and now.rewrite_revision == rewritten and now.last_sequence <= after:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if not request.htmx and not now.is_here:
        # Somebody opened what is a part of a page: the page tells what became of the session.
        return redirect("sessions:detail", session_id)
    if not now.is_here or now.rewrite_revision != rewritten:
        return show(request, "sessions/detail.html", {"session_id": session_id, "is_rewritten": True}, part="live")
    session = actions.get_session(session_id)
    stretch = following(session, after, limit=PAGE_INTERACTIONS)
    # Somebody went back and asked otherwise: what is read is no longer the latest way.
    branched = any(turn.branch for turn in stretch.turns)
    context = {"session": session, "branched": branched, **_reading(request, session, stretch)}
    return show(request, "sessions/detail.html", context, part="live")


@require_safe
def interaction(request: Request, session_id: str, sequence: int) -> HttpResponse:
    """One interaction with its whole text, however long; of it, for htmx, the raw record."""
    session = actions.get_session(session_id)
    actions.get_interaction(session.pk, sequence)
    stretch = window(session, {"after": str(sequence - 1), "through": str(sequence)}, limit=1)
    turn = stretch.turns[0]
    turn.is_sought = "q" in request.GET
    context = {
        **_reading(request, session, stretch),
        "session": session,
        "turn": turn,
        "record": actions.interaction_document(session.pk, sequence),
        "looks": Looks(whole=True, as_source=_wants_source(request), words=words_of(request.GET.get("q", ""))),
        "previous": sequence - 1,
        "following": sequence + 1 if sequence < session.last_sequence else None,
    }
    return show(request, "sessions/interaction.html", context, part="raw")


def _reading(request: Request, session: Session, stretch: Stretch) -> dict[str, Any]:
    """What the turns of a stretch need to be drawn; `kept` is what the links to other stretches carry on."""
    return {
        "transcript": stretch,
        "looks": Looks(as_source=_wants_source(request), words=words_of(request.GET.get("q", ""))),
        "permalinks": request.build_absolute_uri(reverse("sessions:detail", args=[session.pk])),
        "kept": query(through=stretch.through, view=_view(request), q=request.GET.get("q", "")).replace("?", "&", 1),
        "view": _view(request),
        "other_view": _other_view(request),
    }


def _view(request: Request) -> str:
    return "plain" if request.GET.get("view") == "plain" else ""


def _other_view(request: Request) -> str:
    """The same place, as it is read when it is shown as written, and the other way round."""
    place = {name: request.GET.get(name, "") for name in ("at", "on", "after", "before", "latest", "through", "q")}
    return query(**place, view="" if _view(request) else "plain") or "?"


def _wants_source(request: Request) -> bool:
    return _view(request) == "plain"


def _seen(request: Request, name: str) -> int:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


def _to_survivor(request: Request, asked_for: str, survivor: Session) -> HttpResponse:
    tell(request, f"Session {asked_for} was merged into this one.")
    return redirect("sessions:detail", survivor.pk)
