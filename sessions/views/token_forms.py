"""What is filled in about tokens."""

from typing import Any

from django import forms

from sessions import conf
from sessions.errors import InvalidInput
from sessions.models import MAX_TOKEN_NAME
from sessions.records import Scope

SCOPES = {
    Scope.READ: ("Read", "Sees sessions, searches and exports them. Changes nothing."),
    Scope.WRITE: (
        "Write",
        "What an agent needs: also begins and resumes sessions, logs into them, edits their context and merges them.",
    ),
    Scope.ADMIN: ("Admin", "Also moves sessions to the trash, releases holds and cleans up."),
}
LASTING = (("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "It does not expire"))


class NameForm(forms.Form):
    name = forms.CharField(
        max_length=MAX_TOKEN_NAME,
        label="Name",
        help_text="The log of changes names whoever came with the token by it: the program, or the machine it runs on.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )

    def refuse(self, error: InvalidInput) -> None:
        """Tell what the action would not take at the field that it is about."""
        field = error.field if error.field in self.fields else None
        self.add_error(field, str(error).removeprefix(f"{error.field}: "))


class TokenForm(NameForm):
    scope = forms.ChoiceField(
        choices=[(scope.value, label) for scope, (label, _) in SCOPES.items()],
        initial=Scope.WRITE.value,
        widget=forms.RadioSelect,
        label="Scope",
    )
    user_id = forms.CharField(
        required=False,
        max_length=255,
        label="Only for the user",
        help_text="It then sees and writes this user's sessions alone; all others are as good as unknown to it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "known-users", "placeholder": "Everybody"}),
    )
    days = forms.TypedChoiceField(
        choices=LASTING, required=False, coerce=int, empty_value=None, initial="90", label="Expires after"
    )
    requests_per_minute = forms.IntegerField(
        required=False,
        min_value=1,
        label="Requests per minute",
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        usual = f"{conf.requests_per_minute():,}"
        self.fields["requests_per_minute"].help_text = f"Left empty, it may make {usual}, as every other."
        self.fields["requests_per_minute"].widget.attrs["placeholder"] = usual

    @property
    def scopes(self) -> list[tuple[Any, str]]:
        """Each choice of a scope, with what it allows."""
        return [(choice, SCOPES[Scope(choice.data["value"])][1]) for choice in self["scope"]]
