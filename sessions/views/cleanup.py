"""Cleanup: the plan on GET, which changes nothing; what expires soon; and what cleanups did."""

from datetime import datetime

from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from sessions import actions, conf
from sessions.errors import InvalidInput
from sessions.forms import PlanForm

from .page import Request, query, show

PAGE_SESSIONS = 50
PAGE_RUNS = 20


@require_safe
def cleanup(request: Request) -> HttpResponse:
    """The page's three views have one address, so that one entry of the navigation leads to all."""
    views = {"expiring": expiring, "history": history}
    return views.get(request.GET.get("view", ""), plan)(request)


def plan(request: Request) -> HttpResponse:
    form = PlanForm(request.GET or None, expire_days=conf.expire_days())
    made = actions.plan_cleanup(**form.rule()) if form.is_usable() else None
    context = {
        "form": form,
        "plan": made,
        "parts": [_part(made, name) for name in ("trash", "purge", "spared")] if made else [],
        "size": actions.plan_size(made) if made else None,
        "expire_days": conf.expire_days(),
        "trash_days": conf.trash_days(),
    }
    return show(request, "sessions/cleanup.html", context, part="plan")


@require_safe
def planned(request: Request) -> HttpResponse:
    """More of what a plan holds; `plan` is its token. Changes nothing."""
    plan = _plan(request)
    part = _part(plan, request.GET.get("part", "trash"), request.GET.get("cursor", ""))
    return show(request, "sessions/cleanup_planned.html", {"plan": plan, "part": part}, part="items")


@require_safe
def size(request: Request) -> HttpResponse:
    """A plan's size to the byte, however long that takes to find out."""
    plan = _plan(request)
    exact = actions.plan_size(plan, measured=None)
    return show(request, "sessions/cleanup_size.html", {"plan": plan, "size": exact}, part="size")


def expiring(request: Request) -> HttpResponse:
    cursor = request.GET.get("cursor", "")
    found = actions.list_expiring(cursor=cursor, limit=PAGE_SESSIONS)
    context = {
        "found": found,
        "cursor": cursor,
        "first_page": query(view="expiring"),
        "next_page": query(view="expiring", cursor=found.next_cursor) if found.next_cursor else "",
        "soon_days": actions.soon().days,
        "expire_days": conf.expire_days(),
    }
    return show(request, "sessions/cleanup_expiring.html", context, part="results")


def history(request: Request) -> HttpResponse:
    runs = actions.cleanup_runs(before=_moment(request), limit=PAGE_RUNS + 1)
    shown = runs[:PAGE_RUNS]
    context = {
        "runs": shown,
        "first_page": query(view="history") if request.GET.get("before") else "",
        "next_page": query(view="history", before=shown[-1].at.isoformat()) if len(runs) > PAGE_RUNS else "",
        "schedule": actions.clockwork().jobs.get(actions.CLEANUP),
        "tonight": actions.plan_tonight(),
    }
    return show(request, "sessions/cleanup_history.html", context, part="results")


def _plan(request: Request) -> actions.CleanupPlan:
    """The plan that was shown before, or where none is named, a new one by the default rule."""
    token = request.GET.get("plan", "")
    return actions.plan_of(token) if token else actions.plan_cleanup()


def _part(plan: actions.CleanupPlan, name: str, cursor: str = "") -> dict[str, object]:
    """A part of a plan as its table needs it."""
    counts = {"trash": plan.trash_count, "purge": plan.purge_count, "spared": plan.spared_count}
    page = actions.planned(plan, name, cursor=cursor, limit=PAGE_SESSIONS)
    more = query(plan=plan.token, part=name, cursor=page.next_cursor) if page.next_cursor else ""
    return {"name": name, "count": counts[name], "items": page.items, "more": more}


def _moment(request: Request) -> datetime | None:
    text = request.GET.get("before", "")
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if text and (found is None or found.tzinfo is None):
        raise InvalidInput("before", "must be a time with its zone.", hint="Start from the first page.")
    return found
