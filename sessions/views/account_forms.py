"""What is filled in about accounts."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField
from django.contrib.auth.models import User

from sessions.actions import Role
from sessions.errors import Conflict, InvalidInput

ROLES = [
    (Role.READER.value, "Reader: looks at everything, changes nothing"),
    (Role.ADMINISTRATOR.value, "Administrator: may do everything"),
]
_MAX_NAME = 150


class SignInForm(AuthenticationForm):
    error_messages = {  # noqa: RUF012  (Django's own is no ClassVar either)
        "invalid_login": "Name and password do not fit together. Both tell capitals from small letters.",
        "inactive": "Name and password do not fit together. Both tell capitals from small letters.",
    }

    @staticmethod
    def name_in(data: Mapping[str, Any]) -> str:
        """The account that a posted form is for, read as the form itself reads it; "" for none that could exist."""
        try:
            return str(UsernameField(max_length=_MAX_NAME, required=False).clean(data.get("username", "")))
        except forms.ValidationError:
            return ""


class OwnPasswordForm(PasswordChangeForm):
    error_messages = {  # noqa: RUF012
        "password_incorrect": "That is not your present password.",
        "password_mismatch": "The new password was not repeated the same.",
    }

    def __init__(self, user: User, data: Any) -> None:
        super().__init__(user, data)
        for name, label in (
            ("old_password", "Present password"),
            ("new_password1", "New password"),
            ("new_password2", "New password again"),
        ):
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = "At least 8 characters, none of the common ones, not your name."
        self.fields["new_password2"].help_text = ""


class PasswordField(forms.CharField):
    """A password that may be left out, which makes a random one."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            strip=False,
            label="Password",
            help_text="Leave it empty for a random one, which is shown once.",
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        )


class ResetPasswordForm(forms.Form):
    password = PasswordField()


class AccountForm(forms.Form):
    name = UsernameField(max_length=_MAX_NAME, label="Name", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(choices=ROLES, initial=Role.READER.value, widget=forms.RadioSelect)
    password = PasswordField()

    def refuse(self, error: InvalidInput | Conflict) -> None:
        """Tell what the action would not take at the field that it is about."""
        field = error.field if isinstance(error, InvalidInput) else "name"
        self.add_error(field if field in self.fields else None, str(error).removeprefix(f"{field}: "))
