"""Editing a user's preferences, in rows or as one JSON object; nobody's parallel change is overwritten unseen."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from sessions import actions
from sessions.errors import InvalidInput, PreferencesChanged
from sessions.models import Profile
from sessions.user_forms import MAX_ROWS, PreferencesForm, PreferencesRowsForm, PreferencesTextForm

from .page import Request, actor_of, show, tell


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: Request, user_id: str) -> HttpResponse:
    profile = actions.find_user(user_id)
    as_text = request.GET.get("as") == "json" or len(profile.preferences) > MAX_ROWS
    kind: type[PreferencesTextForm | PreferencesRowsForm] = PreferencesTextForm if as_text else PreferencesRowsForm
    form = kind(request.POST or None, before=profile.preferences, shown=profile.preferences)
    disputed: PreferencesChanged | None = None
    if request.method == "POST" and form.is_valid():
        try:
            return _save(request, profile, form)
        except InvalidInput as error:
            form.refuse(error)
        except PreferencesChanged as error:
            disputed = error
            mine = _with_theirs(form, error.present)
            form = kind(None, before=error.present, shown=mine)
    context = {
        "profile": profile,
        "form": form,
        "as_text": as_text,
        "only_text": len(profile.preferences) > MAX_ROWS,
        "disputed": _both(disputed, form) if disputed else [],
    }
    status = 409 if disputed else 400 if form.errors else 200
    return show(request, "sessions/user_preferences.html", context, status=status)


def _save(request: Request, profile: Profile, form: PreferencesForm) -> HttpResponse:
    wanted = form.wanted()
    saved = actions.edit_preferences(profile.pk, before=form.seen(), after=wanted, actor=actor_of(request))
    others = saved.preferences != wanted
    text = "Saved, and what somebody else saved meanwhile was kept." if others else "The preferences were saved."
    tell(request, text, undo=reverse("sessions:user-preferences-undo", args=[saved.pk, saved.revision]))
    return redirect("sessions:user", saved.pk)


def _with_theirs(form: PreferencesForm, present: Mapping[str, Any]) -> dict[str, Any]:
    """What the form wants, with what somebody else changed meanwhile and the form did not touch."""
    return actions.with_changes(present, form.seen(), form.wanted())


def _both(error: PreferencesChanged, form: PreferencesForm) -> list[dict[str, Any]]:
    """What is disputed, as it stands now and as the form has it."""
    mine = form.shown
    return [
        {
            "name": name,
            "stored": name in error.present,
            "theirs": error.present.get(name),
            "kept": name in mine,
            "yours": mine.get(name),
        }
        for name in error.names
    ]


@require_POST
def undo(request: Request, user_id: str, revision: int) -> HttpResponse:
    profile = actions.undo_preferences(user_id, revision=revision, actor=actor_of(request))
    tell(
        request,
        "The preferences are as they were before.",
        undo=reverse("sessions:user-preferences-undo", args=[profile.pk, profile.revision]),
    )
    return redirect("sessions:user", profile.pk)
