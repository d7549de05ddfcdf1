"""What people fill in, and how it becomes what an action takes."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from django import forms

from .actions import STATES, ContextChanges, SessionFilters
from .errors import InvalidInput, SessionsiteError
from .models import Session

DEFAULT_STATE = "active"


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class FilterForm(forms.Form):
    """What the list is narrowed to. A field that makes no sense is told and narrows nothing."""

    state = forms.ChoiceField(choices=[(state, state) for state in STATES], required=False, initial=DEFAULT_STATE)
    user = forms.CharField(max_length=255, required=False, label="User")
    source = forms.ChoiceField(required=False, label="Source")
    tag = forms.CharField(max_length=100, required=False, label="Tag")
    since = forms.DateField(required=False, label="Active since", widget=DateInput())
    before = forms.DateField(required=False, label="Active before", widget=DateInput())

    def __init__(self, data: Any, *, sources: Iterable[str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        asked_for = data.get("source", "")
        names = [*sources]
        if asked_for and asked_for not in names:
            names.append(asked_for)
        self.fields["source"].choices = [("", "Any source"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def state_name(self) -> str:
        return str(self.cleaned_data.get("state") or DEFAULT_STATE)

    @property
    def narrows(self) -> bool:
        """Whether anything but the state is asked for."""
        return any(name != "state" for name in self.given())

    def given(self) -> dict[str, str]:
        """The filters that are set, as an address holds them."""
        values = {name: value for name, value in self.cleaned_data.items() if value}
        if values.get("state") == DEFAULT_STATE:
            del values["state"]
        return {name: str(value) for name, value in values.items()}

    def filters(self) -> SessionFilters:
        values = self.cleaned_data
        return SessionFilters(
            user_id=values.get("user", ""),
            state=self.state_name,
            source=values.get("source", ""),
            tag=values.get("tag", ""),
            active_since=_midnight(values.get("since")),
            active_before=_midnight(values.get("before")),
        )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


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


class ContextForm(forms.Form):
    """A session's context. Only what was changed is handed on, so that a parallel change of other fields survives."""

    title = forms.CharField(max_length=1000, required=False)
    context_summary = forms.CharField(required=False, label="Summary", widget=forms.Textarea)
    active_topics = LinesField(required=False, label="Active topics", help_text="One a line.")
    tags = LinesField(required=False, help_text="One a line.")
    user_preferences = JSONObjectField(required=False, label="Preferences", help_text="A JSON object.")
    project_context = JSONObjectField(required=False, label="Project context", help_text="A JSON object.")
    semantic_context = JSONObjectField(required=False, label="Semantic context", help_text="A JSON object.")
    metadata = JSONObjectField(required=False, help_text="A JSON object.")

    def __init__(self, data: Any, *, session: Session) -> None:
        initial: dict[str, Any] = {name: getattr(session, name) for name in self.base_fields if name != "tags"}
        initial["tags"] = [tag.name for tag in session.tags.all()]
        super().__init__(data, initial=initial, auto_id="context-%s")

    def changes(self) -> ContextChanges:
        return {name: self.cleaned_data[name] for name in self.changed_data}  # type: ignore[return-value]

    def refuse(self, error: InvalidInput) -> None:
        """Show what an action would not take beside the field it is about."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class MergeForm(forms.Form):
    """Which session is merged in."""

    with_session = forms.CharField(max_length=200, required=False, label="ID or resume link")

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="merge-%s")
        self.is_valid()

    def absorbed(self) -> str:
        """The ID that was given; of a link, its last part."""
        return str(self.cleaned_data.get("with_session", "")).rstrip("/").rsplit("/", 1)[-1]

    def refuse(self, error: SessionsiteError) -> None:
        self.add_error("with_session", str(error))


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
