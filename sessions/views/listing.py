"""The list of sessions."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import push_url

from sessions import actions
from sessions.errors import InvalidInput

from . import streaming
from .list_forms import BulkForm, FilterForm
from .list_look import COLUMNS, DENSITIES, Look
from .page import Request, query, show
from .recipes import site_of, ways_to_connect

PAGE_SESSIONS = 50
# A change may be committed a little after the moment that it bears.
_OVERLAP = timedelta(seconds=5)


@require_safe
def sessions(request: Request) -> HttpResponse:
    if not request.GET and (view := actions.default_view(request.user)):
        return redirect(f"{reverse('sessions:list')}?{view.query}&view={view.pk}")
    if "display" in request.GET:
        return _remember_display(request)
    form, look, cursor = FilterForm(request.GET), Look.of(request), request.GET.get("cursor", "")
    drawn_at = timezone.now()
    found = actions.list_sessions(form.filters(), order=form.order(), cursor=cursor, limit=PAGE_SESSIONS)
    context = {**_around(request, form, look), **_page(request, form, look, cursor, found), "drawn_at": drawn_at}
    response = show(request, "sessions/list.html", context, part="results")
    if request.htmx:
        # The form sends its empty fields too; the address bar need not show them.
        push_url(response, reverse("sessions:list") + query(**_here(request, form, look), cursor=cursor))
    return response


@require_safe
def changes(request: Request) -> HttpResponse:
    """What changed in a list since it was drawn: its rows, for the script to put in their places."""
    form, look = FilterForm(request.GET), Look.of(request)
    found = actions.changed_since(form.filters(), _moment(request.GET.get("moment", "")) - _OVERLAP)
    context = {
        "changes": found,
        "look": look,
        "links": _links(form, look),
    }
    return show(request, "sessions/parts/changes.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: Request) -> HttpResponse:
    """The sessions of some IDs, or all that fit the filters, as one archive. POST takes more IDs than an address."""
    form = BulkForm(request.POST if request.method == "POST" else request.GET)
    if not form.ids() and not form.is_for_all():
        raise InvalidInput("sessions", "names none.", hint="Select some first.")
    archive = actions.export_archive(form.sessions(), form.format_name())
    name = f"sessions-{timezone.localtime():%Y-%m-%d}.zip"
    return streaming.download(archive, name=name, content_type="application/zip")


def _around(request: Request, form: FilterForm, look: Look) -> dict[str, Any]:
    """What stands around the results; of what is asked of the database, only what is drawn."""
    shown = _shown(request, look)
    return {
        "form": form,
        "known_users": actions.latest_users,
        "known_tags": actions.known_tags,
        "states": [(name, query(**{**form.given(), **shown, "state": name})) for name in actions.STATES],
        "clear_url": query(state="active"),
        "chips": [(chip, query(**_without(request, form, look, chip.name)) or "?state=active") for chip in form.chips],
        "views": actions.views_of(request.user),
        "current_view": request.GET.get("view", ""),
        "view_query": query(**form.given(), **look.given()),
        "look": look,
        "links": _links(form, look),
        "all_columns": COLUMNS.items(),
        "densities": DENSITIES,
    }


def _page(request: Request, form: FilterForm, look: Look, cursor: str, found: actions.SessionPage) -> dict[str, Any]:
    here = _here(request, form, look)
    return {
        "found": found,
        "cursor": cursor,
        "columns": look.columns(form.order(), here),
        "store_is_empty": not found.sessions and not cursor and _store_is_empty(),
        "recipes": lambda: ways_to_connect(site_of(request)),
        "here": query(**here) or "?state=active",
        "given": form.given(),
        "next_page": query(**here, cursor=found.next_cursor) if found.next_cursor else "",
    }


def _links(form: FilterForm, look: Look) -> dict[str, Any]:
    """Where a row leads: beginnings of addresses, since making each anew takes longer than all the rest of a page."""
    base = reverse("sessions:list")
    given = {**form.given(), **(look.given() if look.from_address else {})}
    narrowing = {
        name: f"{base}{query(**{key: value for key, value in given.items() if key != name}) or '?'}&{name}="
        for name in ("user", "tag", "source", "model")
    }
    links = {name: start.replace("?&", "?") for name, start in narrowing.items()}
    return {**links, "base": base, "tells_state": form.state_name in ("all", "held")}


def _here(request: Request, form: FilterForm, look: Look) -> dict[str, str]:
    """The list as it is, as its address holds it, from its first page on."""
    return {**form.given(), **_shown(request, look)}


def _shown(request: Request, look: Look) -> dict[str, str]:
    """Which view this is, and the look where the address chose it."""
    return {**(look.given() if look.from_address else {}), "view": request.GET.get("view", "")}


def _without(request: Request, form: FilterForm, look: Look, name: str) -> dict[str, str]:
    return {key: value for key, value in _here(request, form, look).items() if key != name}


def _remember_display(request: Request) -> HttpResponse:
    form, look = FilterForm(request.GET), Look.chosen(request)
    response = redirect(reverse("sessions:list") + (query(**form.given()) or "?state=active"))
    look.remember(response)
    return response


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("moment", "is no time.") from None
    if moment.tzinfo is None:
        raise InvalidInput("moment", "has no zone.")
    return moment


def _store_is_empty() -> bool:
    return not actions.list_sessions(actions.SessionFilters(state="all"), limit=1).sessions
