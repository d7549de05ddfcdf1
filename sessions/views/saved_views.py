"""Saving a view of the list, changing it, deleting it: for readers too, since it is their own."""

from urllib.parse import parse_qsl

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from sessions import actions
from sessions.models import SavedView

from .list_forms import FilterForm, ViewForm
from .page import Request, actor_of, query, tell

_LOOK = ("columns", "density")


@require_POST
def create(request: Request) -> HttpResponse:
    form = ViewForm(request.POST)
    values = form.values()
    view = actions.save_view(request.user, query=_clean(form.query_text()), actor=actor_of(request), **values)
    tell(request, f"The view “{view}” was saved.")
    return _open(view)


@require_POST
def change(request: Request, view_id: int) -> HttpResponse:
    form = ViewForm(request.POST)
    values = form.values()
    wanted = _clean(form.query_text()) if "update" in request.POST else None
    view = actions.change_view(view_id, owner=request.user, query=wanted, actor=actor_of(request), **values)
    tell(request, f"The view “{view}” was changed.")
    return _open(view)


@require_POST
def delete(request: Request, view_id: int) -> HttpResponse:
    view = actions.delete_view(view_id, owner=request.user, actor=actor_of(request))
    tell(request, f"The view “{view}” was deleted. No session was touched.")
    return redirect(f"{reverse('sessions:list')}?state=active")


def _open(view: SavedView) -> HttpResponse:
    return redirect(f"{reverse('sessions:list')}?{view.query}&view={view.pk}".replace("?&", "?"))


def _clean(text: str) -> str:
    """Of a query string, what a list understands."""
    known = {*FilterForm.base_fields, *_LOOK}
    given = {name: value for name, value in parse_qsl(text.removeprefix("?")) if name in known}
    return query(**given).removeprefix("?")
