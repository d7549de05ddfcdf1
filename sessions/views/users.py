"""The people of the conversations: a list, one of them, and two who are one."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import push_url

from sessions import actions
from sessions.errors import InvalidInput, NotFound, UserMergeRefused
from sessions.records import ANONYMOUS
from sessions.user_forms import UserFilterForm, UserMergeForm, taken

from .page import Request, actor_of, query, show, tell
from .sparkline import bars

PAGE_USERS = 50
_LATEST_SESSIONS = 8
_CANDIDATES = 20
_MERGES = 50


@require_safe
def users(request: Request) -> HttpResponse:
    form = UserFilterForm(request.GET)
    cursor = request.GET.get("cursor", "")
    found = actions.list_users(prefix=form.prefix_given(), sort=form.sort_name, cursor=cursor, limit=PAGE_USERS)
    context = {
        "form": form,
        "found": found,
        "cursor": cursor,
        "anonymous": ANONYMOUS,
        "next_page": query(**form.given(), cursor=found.next_cursor) if found.next_cursor else "",
    }
    response = show(request, "sessions/users.html", context, part="results")
    if request.htmx:
        push_url(response, reverse("sessions:users") + query(**form.given(), cursor=cursor))
    return response


@require_safe
def user(request: Request, user_id: str) -> HttpResponse:
    profile = actions.find_user(user_id)
    if profile.pk != user_id:
        tell(request, f"“{user_id}” was merged into this user.")
        return redirect("sessions:user", profile.pk)
    days = actions.user_days(user_id)
    context = {
        "profile": profile,
        "is_anonymous": user_id == ANONYMOUS,
        "figures": actions.user_figures(user_id),
        "latest": actions.latest_sessions(user_id, limit=_LATEST_SESSIONS),
        "days": days,
        "bars": bars([(day.date, day.interactions) for day in days.days]),
        "usage": actions.user_usage(user_id),
        "also": actions.known_as(user_id),
        "merges": actions.user_merges(user_id)[:_MERGES],
    }
    return show(request, "sessions/user.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: Request, user_id: str) -> HttpResponse:
    """Choose who is merged in, look at what would become of them, and do it."""
    kept = actions.find_user(user_id).pk
    form = UserMergeForm(request.POST if request.method == "POST" else request.GET)
    absorbed = form.absorbed()
    if request.method == "POST" and absorbed:
        done = actions.merge_users(kept, absorbed=absorbed, take=taken(request.POST), actor=actor_of(request))
        undo = reverse("sessions:user-unmerge", args=[done.pk])
        tell(request, f"“{absorbed}” was merged into this user.", undo=undo)
        return redirect("sessions:user", kept)
    return _choose(request, kept, form, absorbed)


def _choose(request: Request, kept: str, form: UserMergeForm, absorbed: str) -> HttpResponse:
    preview = None
    try:
        preview = actions.preview_user_merge(kept, absorbed) if absorbed else None
    except (UserMergeRefused, NotFound, InvalidInput) as error:
        form.refuse(error)
    others = actions.list_users(limit=_CANDIDATES).users
    context = {
        "kept": kept,
        "form": form,
        "preview": preview,
        "candidates": [one for one in others if one.user_id not in (kept, ANONYMOUS)],
    }
    return show(request, "sessions/user_merge.html", context, part="preview")


@require_POST
def unmerge(request: Request, merge_id: UUID) -> HttpResponse:
    undone = actions.unmerge_users(merge_id, actor=actor_of(request))
    tell(request, f"The merge was undone: “{undone.absorbed_id}” stands on its own again.")
    return redirect("sessions:user", undone.kept_id)
