"""One verb over many sessions: the plan, the steps, what was done, and taking it back."""

from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from sessions import actions
from sessions.errors import InvalidInput
from sessions.models import BulkRun

from .list_forms import BulkForm
from .page import Request, actor_of, query, show, tell

# So few are put into the trash at once, with an undo; of more a look is taken first.
HANDFUL = 5
DONE = {
    "trash": "moved to the trash",
    "restore": "restored",
    "hold": "held",
    "release": "released",
    "tag": "tagged",
    "untag": "untagged",
}
IMPERATIVES = {
    "trash": "Move to the trash",
    "restore": "Restore",
    "hold": "Hold",
    "release": "Release",
    "tag": "Add tags",
    "untag": "Remove tags",
}


@require_POST
def begin(request: Request) -> HttpResponse:
    """What the list's bar was pressed for: done at once where it is small, else planned and shown."""
    form = BulkForm(request.POST)
    if form.verb_name() == "merge":
        return redirect(f"/merge/{_ids(form)}")
    run = actions.plan_bulk(
        form.verb_name(),
        sessions=form.sessions(),
        tags=form.tag_names(),
        chosen_by=form.chosen_by(),
        actor=actor_of(request),
    )
    if form.is_for_all() or (run.verb == "trash" and run.total > HANDFUL):
        return redirect(reverse("sessions:bulk", args=[run.pk]) + query(back=_back(request)))
    actions.start_bulk(run.pk, actor=actor_of(request))
    return _continue(request, run.pk, back=reverse("sessions:list") + _back(request))


@require_safe
def bulk(request: Request, run_id: UUID) -> HttpResponse:
    context = {**_told(actions.get_bulk(run_id)), "back": _back(request)}
    return show(request, "sessions/bulk.html", context, part="run")


@require_POST
def start(request: Request, run_id: UUID) -> HttpResponse:
    actions.start_bulk(run_id, actor=actor_of(request))
    return advance(request, run_id)


@require_POST
def advance(request: Request, run_id: UUID) -> HttpResponse:
    """Some two seconds of work. The page's script, or its button, asks for more."""
    run = actions.advance_bulk(run_id, actor=actor_of(request))
    if request.htmx:
        return show(request, "sessions/bulk.html", _told(run), part="run")
    return redirect("sessions:bulk", run.pk)


@require_POST
def undo(request: Request, run_id: UUID) -> HttpResponse:
    run = actions.undo_bulk(run_id, actor=actor_of(request))
    if run.total > HANDFUL * 10:
        return redirect("sessions:bulk", run.pk)
    return _continue(request, run_id, back=_list_before(request) or reverse("sessions:bulk", args=[run.pk]))


def _continue(request: Request, run_id: UUID, *, back: str) -> HttpResponse:
    """Work, tell what was done, and lead back; to the run's own page where there is more to do or to explain."""
    run = actions.advance_bulk(run_id, actor=actor_of(request))
    if run.phase in (BulkRun.Phase.DOING, BulkRun.Phase.UNDOING) or not (run.done or run.undone):
        return redirect("sessions:bulk", run.pk)
    if run.phase == BulkRun.Phase.DONE:
        tell(request, _words(run), undo=reverse("sessions:bulk-undo", args=[run.pk]))
    else:
        tell(request, f"Taken back: {_sessions(run.undone)}{_rest(run.kept, 'left as they are now')}.")
    return redirect(back)


def _words(run: BulkRun) -> str:
    return f"{_sessions(run.done)} {DONE[run.verb]}{_rest(run.skipped, 'skipped')}."


def _sessions(count: int) -> str:
    return f"{count:,} session{'s' * (count != 1)}"


def _rest(count: int, what: str) -> str:
    return f", {count:,} {what}" if count else ""


def _told(run: BulkRun) -> dict[str, Any]:
    """What the page of a run shows: of a plan what would happen, of the others what did."""
    is_planned = run.phase == BulkRun.Phase.PLANNED
    context: dict[str, Any] = {
        "run": run,
        "imperative": IMPERATIVES[run.verb],
        "done_word": DONE[run.verb],
        "is_working": run.phase in (BulkRun.Phase.DOING, BulkRun.Phase.UNDOING),
        "settled": run.undone + run.kept if run.undone_by else run.done + run.skipped,
        "to_settle": run.done if run.undone_by else run.total,
        "untouched": run.total - run.done - run.skipped,
    }
    if is_planned:
        return {**context, "plan": actions.bulk_plan(run)}
    if context["is_working"]:
        return context
    outcome = "undone" if run.undone_by else "done"
    return {**context, "skips": actions.bulk_skips(run), "items": actions.bulk_items(run, outcome)}


def _ids(form: BulkForm) -> str:
    if form.is_for_all():
        raise InvalidInput("sessions", "must be ticked one by one for a merge.", hint="Nothing was changed.")
    return "?" + urlencode([("id", pk) for pk in form.ids()])


def _list_before(request: Request) -> str:
    """The list with its filters, where the toast on it was pressed; "" anywhere else."""
    there = urlsplit(request.headers.get("Referer", ""))
    listing = reverse("sessions:list")
    return f"{listing}?{there.query or 'state=active'}" if there.path == listing else ""


def _back(request: Request) -> str:
    """The list as it was, whatever else the form may have sent."""
    text = request.POST.get("back") or request.GET.get("back", "")
    return text if text.startswith("?") else "?state=active"
