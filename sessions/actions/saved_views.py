"""Saved views of the list: a name for filters, an order and columns. Everybody's own; shared ones are for all staff."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from sessions import validation
from sessions.errors import Conflict, NotFound
from sessions.models import SavedView
from sessions.records import Actor

from . import audit

MOST_VIEWS = 50
_MAX_NAME = 80
_MAX_QUERY = 2_000


def views_of(user: User) -> Sequence[SavedView]:
    """The user's own views and all shared ones, by name; 50 at most."""
    return list(SavedView.objects.filter(Q(owner=user) | Q(is_shared=True)).select_related("owner")[:MOST_VIEWS])


def default_view(user: User) -> SavedView | None:
    return SavedView.objects.filter(owner=user, is_default=True).first()


def save_view(
    owner: User, *, name: str, query: str, is_shared: bool = False, is_default: bool = False, actor: Actor
) -> SavedView:
    """Keep a query string under a new name. Raises InvalidInput, and Conflict for a name that the owner uses."""
    view = SavedView(owner=owner, name=_name(name), query=_query(query), is_shared=is_shared)
    with transaction.atomic(durable=True):
        if SavedView.objects.filter(owner=owner).count() >= MOST_VIEWS:
            raise Conflict(f"There are {MOST_VIEWS} saved views already.", hint="Delete one first.")
        _write(view, is_default=is_default)
        audit.record(actor, "view_saved", name=view.name, shared=is_shared)
    return view


def change_view(
    view_id: int, *, owner: User, name: str, query: str | None, is_shared: bool, is_default: bool, actor: Actor
) -> SavedView:
    """Rename, share, make the default; with a query, let the view show that from now on. Only its owner may."""
    with transaction.atomic(durable=True):
        view = _own(view_id, owner)
        view.name, view.is_shared = _name(name), is_shared
        if query is not None:
            view.query = _query(query)
        _write(view, is_default=is_default)
        audit.record(actor, "view_changed", name=view.name, shared=is_shared)
    return view


def delete_view(view_id: int, *, owner: User, actor: Actor) -> SavedView:
    """Raises NotFound for a view that is not the owner's."""
    with transaction.atomic(durable=True):
        view = _own(view_id, owner)
        view.delete()
        audit.record(actor, "view_deleted", name=view.name)
    return view


def _own(view_id: int, owner: User) -> SavedView:
    view = SavedView.objects.select_for_update().filter(pk=view_id, owner=owner).first()
    if view is None:
        raise NotFound("You have no such view.", hint="A shared view is changed by whoever saved it.")
    return view


def _write(view: SavedView, *, is_default: bool) -> None:
    if is_default:
        SavedView.objects.filter(owner=view.owner, is_default=True).exclude(pk=view.pk).update(is_default=False)
    view.is_default = is_default
    view.updated_at = timezone.now()
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Conflict(f"You have a view called “{view.name}” already.", hint="Choose another name.") from error


def _name(name: str) -> str:
    return validation.identifier("name", name.strip(), longest=_MAX_NAME)


def _query(query: str) -> str:
    return validation.text("query", query.removeprefix("?"), longest=_MAX_QUERY)
