"""The first page: what is going on, and whether everything is safe."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from sessions import actions, conf
from sessions.analytics.days import interactions_per_day

from .chart import chart
from .page import Request, show
from .recipes import site_of, ways_to_connect
from .vitals import vitals

PERIODS = (7, 30, 90, 365)
DEFAULT_PERIOD = 30


@require_safe
def home(request: Request) -> HttpResponse:
    counts = actions.state_counts()
    if not counts.total:
        first_visit = {"store_is_empty": True, "recipes": ways_to_connect(site_of(request))}
        return show(request, "sessions/home.html", first_visit)
    part_only = request.htmx and not request.htmx.history_restore_request
    context = {"counts": counts, **_activity(_period(request)), **({} if part_only else _surroundings())}
    return show(request, "sessions/home.html", context, part="activity")


def _activity(period: int) -> dict[str, Any]:
    days = interactions_per_day(period, now=timezone.now(), zone=timezone.get_current_timezone())
    return {
        "days": days,
        "chart": chart(days),
        "period": period,
        "periods": PERIODS,
    }


def _surroundings() -> dict[str, Any]:
    return {
        "soon_days": actions.soon().days,
        "expire_days": conf.expire_days(),
        "glance": actions.glance(),
        "vitals": vitals(),
    }


def _period(request: Request) -> int:
    asked_for = request.GET.get("days", "")
    return next((period for period in PERIODS if str(period) == asked_for), DEFAULT_PERIOD)
