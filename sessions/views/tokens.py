"""The tokens that programs come in with."""

import secrets

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions
from sessions.errors import Conflict, InvalidInput
from sessions.models import Token
from sessions.records import Scope

from .page import Request, actor_of, show, tell
from .recipes import site_of, ways_to_connect
from .token_forms import SCOPES, NameForm, TokenForm

_MADE = "tokens_made"
_MOST_REMEMBERED = 20


@require_safe
def tokens(request: Request) -> HttpResponse:
    return show(request, "sessions/tokens.html", {"tokens": actions.list_tokens()})


@require_safe
def token(request: Request, token_id: int) -> HttpResponse:
    return _one(request, actions.get_token(token_id), NameForm())


def _one(request: Request, token: Token, form: NameForm, *, status: int = 200) -> HttpResponse:
    context = {
        "token": token,
        "allows": SCOPES[Scope(token.scope)][1],
        "form": form,
        "recipes": ways_to_connect(site_of(request)),
    }
    return show(request, "sessions/tokens_one.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: Request) -> HttpResponse:
    form = TokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        _refuse_second(request)
        try:
            made, secret = actions.create_token(
                **{**form.cleaned_data, "scope": Scope(form.cleaned_data["scope"])}, actor=actor_of(request)
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            return _hand_over(request, made, secret)
    context = {"form": form, "users": actions.latest_users(), "once": secrets.token_urlsafe(12)}
    return show(request, "sessions/tokens_new.html", context, status=400 if form.errors else 200)


def _refuse_second(request: Request) -> None:
    """Raise Conflict for a form that was sent before: reloading the page with the secret must not make a second one."""
    once = request.POST.get("once", "")[:64]
    made = request.session.get(_MADE, [])
    if once and once in made:
        raise Conflict(
            "This token was made already.",
            hint="Its secret is not shown again: revoke it and make another, if it is lost.",
        )
    request.session[_MADE] = [*made, once][-_MOST_REMEMBERED:]


def _hand_over(request: Request, token: Token, secret: str) -> HttpResponse:
    """Show a secret, in the answer itself: kept anywhere, even for one redirect, it would be none."""
    context = {"token": token, "secret": secret, "recipes": ways_to_connect(site_of(request), secret)}
    response = show(request, "sessions/tokens_made.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def rename(request: Request, token_id: int) -> HttpResponse:
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            renamed = actions.rename_token(token_id, form.cleaned_data["name"], actor=actor_of(request))
        except InvalidInput as error:
            form.refuse(error)
        else:
            tell(request, f"The token is called {renamed.name} now.")
            return redirect("sessions:token", token_id)
    return _one(request, actions.get_token(token_id), form, status=400)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: Request, token_id: int) -> HttpResponse:
    """What revoking means, and the button that does it."""
    if request.method != "POST":
        return show(request, "sessions/tokens_revoke.html", {"token": actions.get_token(token_id)})
    revoked = actions.revoke_token(token_id, actor=actor_of(request))
    tell(request, f"{revoked.name} was revoked. It opens nothing any more.")
    return redirect("sessions:tokens")
