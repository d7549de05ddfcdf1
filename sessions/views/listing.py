"""The list of sessions."""

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from sessions import actions
from sessions.forms import FilterForm

from .page import Request, query, show

PAGE_SESSIONS = 50


@require_safe
def sessions(request: Request) -> HttpResponse:
    form = FilterForm(request.GET, sources=actions.known_sources())
    cursor = request.GET.get("cursor", "")
    found = actions.list_sessions(form.filters(), cursor=cursor, limit=PAGE_SESSIONS)
    context = {
        "form": form,
        "found": found,
        "cursor": cursor,
        "states": actions.STATES,
        "store_is_empty": not found.sessions and _store_is_empty(),
        "here": query(**form.given()),
        "next_page": query(**form.given(), cursor=found.next_cursor) if found.next_cursor else "",
    }
    response = show(request, "sessions/list.html", context, part="results")
    if request.htmx:
        # The form sends its empty fields too; the address bar need not show them.
        push_url(response, reverse("sessions:list") + query(**form.given(), cursor=cursor))
    return response


def _store_is_empty() -> bool:
    return not actions.list_sessions(actions.SessionFilters(state="all"), limit=1).sessions
