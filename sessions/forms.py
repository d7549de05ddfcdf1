"""What people fill in, and how it becomes what an action takes."""

import json
from datetime import date
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from django import forms
from django.http import QueryDict


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DayField(forms.DateField):
    """A day that the store can ask for; while a year is being typed it is no such day yet."""

    widget = DateInput

    def validate(self, value: date | None) -> None:
        super().validate(value)
        # A day less at both ends: it begins elsewhere at another moment.
        if value is not None and not date(1970, 1, 2) <= value < date(8999, 12, 31):
            raise forms.ValidationError("Give a day between 1970 and 8999.")


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else "\n".join(str(item) for item in value or ())

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        return [text for line in lines if (text := str(line).strip())]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(list(initial or ())) != self.to_python(data)


class JSONObjectField(forms.CharField):
    """A JSON object as its text; its keys keep their order."""

    widget = forms.Textarea
    default_error_messages = {"invalid": "This is not a JSON object: %(reason)s"}  # noqa: RUF012  (as Django has it)

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False) if value else ""

    def to_python(self, value: Any) -> dict[str, Any]:  # type: ignore[override]
        if isinstance(value, dict):
            return value
        text = str(value or "").strip()
        try:
            found = json.loads(text) if text else {}
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
            raise forms.ValidationError(self.error_messages["invalid"], "invalid", {"reason": reason}) from None
        if not isinstance(found, dict):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid", {"reason": "it is another value"})
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial or {}) != self.to_python(data))
        except forms.ValidationError:
            return True


class MergeForm(forms.Form):
    """Which sessions are merged, which of them stays, and whose values are kept where they differ.

    `into` says who was chosen to stay, and `stays` who the page showed as staying, chosen or not: a merge goes by it.
    `keep.title` holds the choice for a field, `keep.metadata.<key, quoted>` the one for a key of an object.
    """

    VIEWS = (("woven", "As the result"), ("side", "Side by side"))

    into = forms.CharField(max_length=200, required=False)
    stays = forms.CharField(max_length=200, required=False)
    q = forms.CharField(max_length=200, required=False)
    view = forms.ChoiceField(choices=VIEWS, required=False)
    after = forms.CharField(max_length=400, required=False)
    until = forms.CharField(max_length=400, required=False)
    without = forms.CharField(max_length=200, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="merge-%s")
        self.sent = data
        self.is_valid()

    def session_ids(self) -> list[str]:
        """The IDs that were given, each once; of links, their last parts."""
        given = (value.strip().rstrip("/").rsplit("/", 1)[-1] for value in self.sent.getlist("id"))
        left_out = ("", self.cleaned_data.get("without", ""))
        return [*dict.fromkeys(session_id for session_id in given if session_id not in left_out)][:50]

    def survivor_id(self) -> str:
        into = str(self.cleaned_data.get("into") or "")
        return "" if into == self.cleaned_data.get("without") else into

    def absorbed_ids(self) -> list[str]:
        return [session_id for session_id in self.session_ids() if session_id != self.survivor_id()]

    def choices(self) -> dict[str, Any]:
        """What was decided, as an action takes it."""
        choices: dict[str, Any] = {}
        for name, answer in self.answers().items():
            _, field, *key = name.split(".", 2)
            choices[field] = {**choices.get(field, {}), unquote(key[0]): answer} if key else answer
        return choices

    def answers(self) -> dict[str, str]:
        """What was decided, as it was sent."""
        return {name: str(answer) for name, answer in self.sent.items() if name.startswith("keep.")}


class PlanForm(forms.Form):
    """What a cleanup would take."""

    idle_days = forms.IntegerField(min_value=1, max_value=36_500, label="Idle for at least")
    user = forms.CharField(max_length=255, required=False, label="Only of user")
    purge = forms.BooleanField(required=False, label="Also purge what lay long enough in the trash")

    def __init__(self, data: Any, *, expire_days: int) -> None:
        super().__init__(data, initial={"idle_days": expire_days}, auto_id="plan-%s")

    def is_usable(self) -> bool:
        """Whether there is a rule: the one asked for, or the default when nothing was asked."""
        return not self.is_bound or self.is_valid()

    def rule(self) -> dict[str, Any]:
        if not self.is_bound:
            return {}
        values = self.cleaned_data
        return {"idle_days": values["idle_days"], "user_id": values["user"], "purge": values["purge"]}


class ApplyForm(forms.Form):
    """The plan to be applied, and the number that lets the brake go."""

    plan = forms.CharField(max_length=4000, required=False)
    confirmed = forms.IntegerField(required=False, min_value=0)

    def token(self) -> str:
        return str(self.cleaned_data.get("plan", ""))

    def confirmed_sessions(self) -> int | None:
        value = self.cleaned_data.get("confirmed")
        return None if value is None else int(value)


class ChosenForm(forms.Form):
    """Sessions that were ticked in a list."""

    MOST_SESSIONS = 500

    def sessions(self) -> list[str]:
        """Their IDs, each once, in the order of the list; what cannot be an ID is left out by whoever looks it up."""
        given = self.data.getlist("session") if hasattr(self.data, "getlist") else []
        return list(dict.fromkeys(given))[: self.MOST_SESSIONS]


class PurgeForm(forms.Form):
    """The word that shows that a purge is meant."""

    confirm = forms.CharField(max_length=20, label="To confirm")

    def __init__(self, data: Any, *, word: str) -> None:
        super().__init__(data, auto_id="purge-%s")
        self.word = word
        self.fields["confirm"].widget.attrs.update({"autocomplete": "off", "placeholder": word})

    def clean_confirm(self) -> str:
        said = str(self.cleaned_data["confirm"]).strip().lower()
        if said != self.word:
            raise forms.ValidationError(f"Type {self.word} to go on. Nothing was purged.")
        return said


class RunForm(forms.Form):
    """Which cleanup a list is narrowed to."""

    run = forms.UUIDField(required=False)

    def run_id(self) -> UUID | None:
        return self.cleaned_data.get("run") if self.is_valid() else None
