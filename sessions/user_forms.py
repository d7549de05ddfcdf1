"""What people fill in about users and the log of what was done."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from .actions import ActivityFilters
from .errors import InvalidInput, SessionsiteError
from .forms import DayField, JSONObjectField
from .records import JSON, Face

USER_SORTS = {"activity": "Last activity", "name": "Name", "sessions": "Number of sessions"}
MAX_ROWS = 100
_EMPTY_ROWS = 2


class UserFilterForm(forms.Form):
    """What the list of users is narrowed to and sorted by."""

    q = forms.CharField(max_length=255, required=False, label="Name begins with")
    sort = forms.ChoiceField(choices=list(USER_SORTS.items()), required=False, label="Sort by")

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.is_valid()

    @property
    def sort_name(self) -> str:
        return str(self.cleaned_data.get("sort") or "activity")

    def prefix_given(self) -> str:
        return str(self.cleaned_data.get("q", ""))

    def given(self) -> dict[str, str]:
        """What is set, as an address holds it."""
        sort = self.sort_name
        return {"q": self.prefix_given(), "sort": "" if sort == "activity" else sort}


# --- Preferences --------------------------------------------------------------------------------------------


def spelled(value: JSON) -> str:
    """A preference's value as one field shows it: a text as itself where that is clear, all else as JSON."""
    if isinstance(value, str) and value.isprintable():
        try:
            if value and read_value(value) == value:
                return value
        except ValueError:
            pass
    return json.dumps(value, ensure_ascii=False)


def read_value(text: str) -> JSON:
    """The value that a field means. Raises ValueError for what begins as JSON and is none.

    A number is one only in its plain spelling, so that a version such as 3.10 stays the text that it is.
    """
    text = text.strip()
    if text[:1] in ('"', "{", "["):
        return json.loads(text, parse_constant=_refuse)
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value if json.dumps(value) == text else text


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class PreferencesForm(forms.Form):
    """A user's preferences, and as what they stood there when the form was made.

    `before` comes back with the form, so that what somebody else saved meanwhile can be told from what was changed
    here.
    """

    before = JSONObjectField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any, *, before: Mapping[str, JSON], shown: Mapping[str, JSON], initial: Mapping[str, Any]
    ) -> None:
        self.shown = dict(shown)
        super().__init__(data, initial={"before": _compact(before), **initial}, auto_id="preferences-%s")

    def seen(self) -> dict[str, JSON]:
        return dict(self.cleaned_data["before"])

    def wanted(self) -> dict[str, JSON]:
        raise NotImplementedError

    def refuse(self, error: InvalidInput) -> None:
        """Show what an action would not take."""
        self.add_error(None, str(error))


class PreferencesTextForm(PreferencesForm):
    """All preferences as one JSON object."""

    preferences = JSONObjectField(required=False, label="Preferences", help_text="A JSON object.")

    def __init__(self, data: Any, *, before: Mapping[str, JSON], shown: Mapping[str, JSON]) -> None:
        super().__init__(data, before=before, shown=shown, initial={"preferences": shown})

    def wanted(self) -> dict[str, JSON]:
        return dict(self.cleaned_data["preferences"])

    def refuse(self, error: InvalidInput) -> None:
        self.add_error("preferences", str(error))


class PreferencesRowsForm(PreferencesForm):
    """A row for each preference, and two empty ones for new."""

    rows = forms.IntegerField(min_value=0, max_value=MAX_ROWS + _EMPTY_ROWS, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, before: Mapping[str, JSON], shown: Mapping[str, JSON]) -> None:
        pairs = [(name, spelled(value)) for name, value in shown.items()]
        pairs += [("", "")] * _EMPTY_ROWS
        super().__init__(data, before=before, shown=shown, initial={"rows": len(pairs)})
        for number in range(len(pairs) if data is None else _rows_given(data)):
            name, value = pairs[number] if data is None else ("", "")
            self.fields[f"name-{number}"] = forms.CharField(
                initial=name, required=False, max_length=1000, label=f"Name {number + 1}"
            )
            self.fields[f"value-{number}"] = forms.CharField(
                initial=value, required=False, strip=False, label=f"Value {number + 1}"
            )
            self.fields[f"remove-{number}"] = forms.BooleanField(required=False, label=f"Remove {number + 1}")

    def pairs(self) -> list[dict[str, Any]]:
        """The rows for the template: the fields of each."""
        numbers = [name.removeprefix("name-") for name in self.fields if name.startswith("name-")]
        return [{part: self[f"{part}-{number}"] for part in ("name", "value", "remove")} for number in numbers]

    def clean(self) -> dict[str, Any]:
        wanted: dict[str, JSON] = {}
        for number in [name.removeprefix("name-") for name in self.fields if name.startswith("name-")]:
            self._read_row(number, wanted)
        self._wanted = wanted
        return self.cleaned_data

    def _read_row(self, number: str, wanted: dict[str, JSON]) -> None:
        name, value = self.cleaned_data.get(f"name-{number}", ""), self.cleaned_data.get(f"value-{number}", "")
        if self.cleaned_data.get(f"remove-{number}") or not (name or value):
            return
        if not name:
            self.add_error(f"name-{number}", "A value without a name. Give it one, or remove the row.")
        elif name in wanted:
            self.add_error(f"name-{number}", "This name stands in another row already.")
        else:
            try:
                wanted[name] = read_value(value)
            except (ValueError, RecursionError):
                reason = "This begins as JSON and is none. Put a text that begins so into double quotes."
                self.add_error(f"value-{number}", reason)

    def wanted(self) -> dict[str, JSON]:
        return self._wanted


def _rows_given(data: Any) -> int:
    try:
        return min(max(int(data.get("rows", 0)), 0), MAX_ROWS + _EMPTY_ROWS)
    except ValueError:
        return 0


def _compact(value: Mapping[str, JSON]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- Merging ------------------------------------------------------------------------------------------------


class UserMergeForm(forms.Form):
    """Which user is merged in."""

    with_user = forms.CharField(max_length=255, required=False, label="User ID")

    def __init__(self, data: Any) -> None:
        super().__init__(data, auto_id="merge-%s")
        self.is_valid()

    def absorbed(self) -> str:
        return str(self.cleaned_data.get("with_user", ""))

    def refuse(self, error: SessionsiteError) -> None:
        self.add_error("with_user", str(error))


def taken(data: Any, most: int = 10_000) -> list[str]:
    """The preferences for which the absorbed user's value was chosen.

    Each choice names its preference beside it: which have two values may have changed since they were shown.
    """
    chosen = [name for name, value in data.items() if name.startswith("choice-") and value == "absorbed"][:most]
    return [data.get(name.replace("choice-", "conflict-", 1), "") for name in chosen]


# --- The log ------------------------------------------------------------------------------------------------


class ActivityForm(forms.Form):
    """What the log is narrowed to. A field that makes no sense is told and narrows nothing."""

    actor = forms.CharField(max_length=255, required=False, label="Who")
    verb = forms.ChoiceField(required=False, label="What")
    face = forms.ChoiceField(
        choices=[("", "Any door"), *((face.value, face.value) for face in Face)], required=False, label="Through"
    )
    session = forms.CharField(max_length=128, required=False, label="Session ID")
    since = DayField(required=False, label="Since")
    before = DayField(required=False, label="Before")

    def __init__(self, data: Any, *, verbs: Mapping[str, str]) -> None:
        super().__init__(data, auto_id="filter-%s")
        asked_for = data.get("verb", "")
        choices = dict(verbs)
        if asked_for:
            choices.setdefault(asked_for, asked_for)
        self.fields["verb"].choices = [("", "Anything"), *choices.items()]  # type: ignore[attr-defined]
        self.fields["actor"].widget.attrs["list"] = "actors"
        self.is_valid()

    @property
    def narrows(self) -> bool:
        return bool(self.given())

    def given(self) -> dict[str, str]:
        """The filters that are set, as an address holds them."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    def filters(self) -> ActivityFilters:
        values = self.cleaned_data
        return ActivityFilters(
            actor=values.get("actor", ""),
            verb=values.get("verb", ""),
            face=values.get("face", ""),
            session_id=values.get("session", ""),
            since=_midnight(values.get("since")),
            before=_midnight(values.get("before")),
        )


def _midnight(day: date | None) -> datetime | None:
    """When a day begins for the viewer."""
    return None if day is None else datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
