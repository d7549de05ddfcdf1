"""The accounts of administrators and readers."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions
from sessions.actions import Role
from sessions.errors import Conflict, InvalidInput

from .account_forms import AccountForm, ResetPasswordForm
from .page import Request, actor_of, show, tell


@require_safe
def accounts(request: Request) -> HttpResponse:
    return show(request, "sessions/accounts.html", {"accounts": actions.list_accounts(), "form": AccountForm()})


@require_safe
def account(request: Request, account_id: int) -> HttpResponse:
    context = {"account": actions.get_account(account_id), "form": ResetPasswordForm()}
    return show(request, "sessions/accounts_one.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: Request) -> HttpResponse:
    form = AccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made, password = actions.create_account(
                form.cleaned_data["name"],
                role=Role(form.cleaned_data["role"]),
                password=form.cleaned_data["password"],
                actor=actor_of(request),
            )
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            return _hand_over(request, made, password if not form.cleaned_data["password"] else "", "was added")
    return show(request, "sessions/accounts_new.html", {"form": form}, status=400 if form.errors else 200)


@sensitive_post_parameters()
@require_POST
def reset_password(request: Request, account_id: int) -> HttpResponse:
    given = request.POST.get("password", "")
    try:
        password = actions.reset_password(account_id, password=given, actor=actor_of(request))
    except InvalidInput as error:
        form = ResetPasswordForm(request.POST)
        form.add_error("password", str(error).removeprefix("password: "))
        context = {"account": actions.get_account(account_id), "form": form}
        return show(request, "sessions/accounts_one.html", context, status=400)
    return _hand_over(request, actions.get_account(account_id), "" if given else password, "has a new password")


def _hand_over(request: Request, account: actions.Account, password: str, deed: str) -> HttpResponse:
    """Show a random password, in the answer itself: kept anywhere, even for one redirect, it would be no secret."""
    if not password:
        tell(request, f"{account.name} {deed}.")
        return redirect("sessions:account-detail", account.id)
    response = show(
        request, "sessions/accounts_password.html", {"account": account, "password": password, "deed": deed}
    )
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def change_role(request: Request, account_id: int) -> HttpResponse:
    asked_for = request.POST.get("role", "")
    if asked_for not in (Role.ADMINISTRATOR, Role.READER):
        raise InvalidInput("role", f"must be {Role.ADMINISTRATOR} or {Role.READER}.")
    role = Role(asked_for)
    changed = actions.change_role(account_id, role, actor=actor_of(request))
    tell(request, f"{changed.name} is {'an administrator' if role is Role.ADMINISTRATOR else 'a reader'} now.")
    return redirect("sessions:account-detail", account_id)


@require_POST
def deactivate(request: Request, account_id: int) -> HttpResponse:
    changed = actions.deactivate_account(account_id, actor=actor_of(request))
    tell(request, f"{changed.name} was deactivated and signed out everywhere.")
    return redirect("sessions:account-detail", account_id)


@require_POST
def reactivate(request: Request, account_id: int) -> HttpResponse:
    changed = actions.reactivate_account(account_id, actor=actor_of(request))
    tell(request, f"{changed.name} can sign in again.")
    return redirect("sessions:account-detail", account_id)


@require_POST
def sign_out(request: Request, account_id: int) -> HttpResponse:
    count = actions.sign_out_everywhere(account_id, actor=actor_of(request))
    tell(request, f"{count} browser{'s were' if count != 1 else ' was'} signed out.")
    return redirect("sessions:account-detail", account_id)
