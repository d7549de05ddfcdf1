"""The trash: what lies there and for how long, taken out or purged, one by one or several at once."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions, conf
from sessions.forms import ChosenForm, PurgeForm, RunForm
from sessions.models import CleanupRun

from .page import Request, actor_of, query, show, tell

PAGE_SESSIONS = 50


@require_safe
def trash_list(request: Request) -> HttpResponse:
    run = _run(request)
    cursor = request.GET.get("cursor", "")
    found = actions.list_trash(trashed_at=run.at if run else None, cursor=cursor, limit=PAGE_SESSIONS)
    of_run = {"run": run.pk} if run else {}
    context = {
        "found": found,
        "run": run,
        "left": actions.left_in_trash(run) if run else 0,
        "cursor": cursor,
        "first_page": query(**of_run),
        "next_page": query(**of_run, cursor=found.next_cursor) if found.next_cursor else "",
        "trash_days": conf.trash_days(),
    }
    return show(request, "sessions/trash.html", context, part="results")


@require_POST
def restore_chosen(request: Request) -> HttpResponse:
    chosen = ChosenForm(request.POST).sessions()
    restored = actions.restore_sessions(chosen, actor=actor_of(request))
    told = f"{_sessions(restored)} restored{', as they were' * (restored > 0)}."
    if not chosen:
        told = "No session was ticked, so none was restored."
    tell(request, told + _passed_over(len(chosen) - restored), done=0 < restored == len(chosen))
    return redirect("sessions:trash")


def _sessions(count: int) -> str:
    return f"{count:,} session{'s' * (count != 1)}" if count else "No session was"


def _passed_over(count: int) -> str:
    return f" {count:,} {'was' if count == 1 else 'were'} not in the trash any more." if count else ""


@require_http_methods(["GET", "HEAD", "POST"])
def purge_chosen(request: Request) -> HttpResponse:
    """Ask on GET, delete for good on POST."""
    chosen = ChosenForm(request.POST if request.method == "POST" else request.GET).sessions()
    trashed = actions.trashed_among(chosen)
    form = PurgeForm(request.POST if request.method == "POST" else None, word=str(len(trashed)))
    if request.method == "POST" and form.is_valid():
        purged = actions.purge_sessions([session.pk for session in trashed], actor=actor_of(request))
        told = f"{_sessions(purged)} purged.{_passed_over(len(chosen) - purged)}"
        tell(request, told, done=0 < purged == len(chosen))
        return redirect("sessions:trash")
    status = 400 if form.errors else 200
    return show(request, "sessions/purge_chosen.html", {"sessions": trashed, "form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def purge(request: Request, session_id: str) -> HttpResponse:
    """Ask on GET, delete for good on POST."""
    form = PurgeForm(request.POST if request.method == "POST" else None, word="purge")
    if request.method == "POST" and form.is_valid():
        actions.purge_session(session_id, actor=actor_of(request))
        tell(request, f"Session {session_id} was purged.")
        return redirect("sessions:trash")
    session = actions.get_session(session_id)
    if session.trashed_at is None:
        tell(request, "It is not in the trash, so nothing was purged.", done=False)
        return redirect("sessions:detail", session.pk)
    context = {"session": session, "form": form}
    return show(request, "sessions/purge.html", context, status=400 if form.errors else 200)


def _run(request: Request) -> CleanupRun | None:
    """The cleanup whose sessions alone are wanted."""
    run_id = RunForm(request.GET).run_id()
    return actions.get_cleanup_run(run_id) if run_id else None
