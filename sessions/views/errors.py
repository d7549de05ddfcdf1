"""Domain errors as pages: what happened, what is safe, what to do next."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from sessions import errors


@dataclass(frozen=True, slots=True)
class Meaning:
    """How an error is told. `way_out` names the page to go on with, `way_out_label` what its link says."""

    status: int
    heading: str
    safe: str
    way_out: str = "sessions:list"
    way_out_label: str = "All sessions"


# The first class that fits is taken, so the special stand before the general.
MEANINGS: tuple[tuple[type[errors.SessionsiteError], Meaning], ...] = (
    (
        errors.SessionPurged,
        Meaning(410, "This session was purged", "All other sessions are as they were."),
    ),
    (
        errors.AccountNotFound,
        Meaning(404, "Not found", "Nothing was changed.", "sessions:accounts", "All accounts"),
    ),
    (
        errors.TokenNotFound,
        Meaning(404, "Not found", "Nothing was changed.", "sessions:tokens", "All tokens"),
    ),
    (
        errors.UserNotFound,
        Meaning(404, "No such user", "Nothing was changed, and nothing was made.", "sessions:users", "All users"),
    ),
    (errors.NotFound, Meaning(404, "Not found", "Nothing was changed, and nothing was made.")),
    (errors.InvalidInput, Meaning(400, "That cannot be accepted", "Nothing was changed.")),
    (
        errors.SessionTrashed,
        Meaning(409, "The session lies in the trash", "Nothing was changed.", "sessions:trash", "Open the trash"),
    ),
    (errors.UnmergeRefused, Meaning(409, "This merge cannot be undone", "Every session is as it was.")),
    (errors.MergeRefused, Meaning(409, "These sessions cannot be merged", "Every session is as it was.")),
    (
        errors.UserUnmergeRefused,
        Meaning(409, "This merge cannot be undone", "Both users are as they were.", "sessions:users", "All users"),
    ),
    (
        errors.UserMergeRefused,
        Meaning(409, "These users cannot be merged", "Both users are as they were.", "sessions:users", "All users"),
    ),
    (
        errors.PlanChanged,
        Meaning(409, "The plan is out of date", "Nothing was removed.", "sessions:cleanup", "Make a new plan"),
    ),
    (
        errors.BrakePulled,
        Meaning(409, "The cleanup was stopped", "Nothing was removed.", "sessions:cleanup", "Back to the plan"),
    ),
    (
        errors.AccountRefused,
        Meaning(409, "The account stays as it is", "Nothing was changed.", "sessions:accounts", "All accounts"),
    ),
    (errors.Conflict, Meaning(409, "That does not fit what is stored", "Nothing was changed.")),
    (
        errors.MirrorUnavailable,
        Meaning(
            503,
            "The copy on disk could not be written",
            "The change is in the database, and the copy on disk is brought up to date as soon as it can be "
            "written. Nothing that was acknowledged is lost.",
            "sessions:health",
            "See the store's health",
        ),
    ),
    (
        errors.SignInSlowed,
        Meaning(429, "Too many sign-ins failed", "The account is open as before.", "sessions:sign-in", "Sign in"),
    ),
    (
        errors.UploadTooLarge,
        Meaning(413, "That is too much at once", "Nothing of it was kept.", "sessions:imports", "Imports"),
    ),
    (errors.TokenRefused, Meaning(401, "A token is needed", "Nothing was changed.", "sessions:sign-in", "Sign in")),
    (errors.ScopeMissing, Meaning(403, "The token does not reach so far", "Nothing was changed.")),
    (errors.TooManyRequests, Meaning(429, "Too many requests", "Nothing was changed.")),
)
UNKNOWN = Meaning(500, "Something went wrong", "The change may not have been made.")


def meaning_of(error: errors.SessionsiteError) -> Meaning:
    return next((meaning for kind, meaning in MEANINGS if isinstance(error, kind)), UNKNOWN)


def translated(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view, with every domain error that it raises turned into a page: the one place where that happens."""

    @wraps(view)
    def translating(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except errors.SessionsiteError as error:
            return error_page(request, error)

    return translating


def error_page(request: HttpRequest, error: errors.SessionsiteError) -> HttpResponse:
    meaning = meaning_of(error)
    context = {"error": error, "meaning": meaning, "session_id": getattr(error, "session_id", "")}
    response = render(request, "sessions/error.html", context, status=meaning.status)
    if isinstance(error, errors.MirrorUnavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response
