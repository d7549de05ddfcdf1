"""Signing in and out, and one's own account."""

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from sessions import actions
from sessions.errors import SignInSlowed

from . import visitor
from .account_forms import OwnPasswordForm, SignInForm
from .page import Request, actor_of, show, tell


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    template_name = "sessions/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """htmx followed a redirect here because the login ran out: the whole page must come, not a part of it."""
        if getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = visitor.introduced(request)
        self.initial = {"username": name}
        response = super().get(request, *args, **kwargs)
        if name:
            visitor.remember(response, name)
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = SignInForm.name_in(request.POST)
        try:
            self.attempt = actions.begin_sign_in(
                name, address=visitor.address_of(request), mark=visitor.mark_of(request, name)
            )
        except SignInSlowed as slowed:
            return self._wait(name, slowed)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        actions.sign_in_succeeded(self.attempt)
        visitor.remember(response, self.attempt.name)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        actions.sign_in_failed(self.attempt)
        return super().form_invalid(form)

    def _wait(self, name: str, slowed: SignInSlowed) -> HttpResponse:
        form = SignInForm(self.request, initial={"username": name})
        response = self.render_to_response(self.get_context_data(form=form, slowed=slowed), status=429)
        response["Retry-After"] = str(slowed.wait_seconds)
        return response


class SignOut(LogoutView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().dispatch(request, *args, **kwargs)
        # What was read while signed in must not come back with the browser's back button.
        response["Clear-Site-Data"] = '"cache"'
        return response


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in page, which would be a way around the limit, leads to ours."""
    if request.user.is_authenticated:
        # Signed in and sent here all the same: the admin is not for this account.
        raise PermissionDenied
    return redirect(reverse("sessions:sign-in", query=request.GET))


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: Request) -> HttpResponse:
    """One's own account: its role, its browsers, its password."""
    form = OwnPasswordForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        user = actions.change_own_password(
            request.user.pk,
            form.cleaned_data["new_password1"],
            keep_login=request.session.session_key or "",
            actor=actor_of(request),
        )
        update_session_auth_hash(request, user)
        tell(request, "Your password was changed. Every other browser was signed out.")
        return redirect("sessions:account")
    context = {"account": actions.get_account(request.user.pk), "form": form}
    return show(request, "sessions/account.html", context, status=400 if form.errors else 200)


@require_POST
def sign_out_others(request: Request) -> HttpResponse:
    keep = request.session.session_key or ""
    count = actions.sign_out_everywhere(request.user.pk, keep_login=keep, actor=actor_of(request))
    tell(request, f"{count} other browser{'s were' if count != 1 else ' was'} signed out.")
    return redirect("sessions:account")
