"""What the list of sessions is asked for, and what is to be done with several of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from sessions import actions
from sessions.actions import LATEST_FIRST, SORTS, STATES, Order, SessionFilters
from sessions.exporters.catalogue import DEFAULT as DEFAULT_FORMAT
from sessions.forms import DayField

DEFAULT_STATE = "active"
SORT_LABELS = {
    "activity": "Last activity",
    "created": "Created",
    "user": "User",
    "interactions": "Interactions",
    "tokens": "Tokens",
    "cost": "Cost",
    "errors": "Errors",
}
_DIRECTIONS = {
    "activity": ("latest first", "oldest first"),
    "created": ("newest first", "oldest first"),
    "user": ("A to Z", "Z to A"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words."""

    name: str
    label: str
    value: str


def _sort_choices() -> Iterator[tuple[str, str]]:
    """Each sort in the direction that is most looked for, and, with a minus, the other way round."""
    for sort in SORTS:
        first, last = _DIRECTIONS.get(sort, ("most first", "least first"))
        yield sort, f"{SORT_LABELS[sort]}, {first}"
        yield f"-{sort}", f"{SORT_LABELS[sort]}, {last}"


def _suggested(list_id: str) -> forms.TextInput:
    return forms.TextInput({"list": list_id, "autocomplete": "off", "spellcheck": "false"})


class FilterForm(forms.Form):
    """What the list is narrowed to and sorted by. A field that makes no sense is told and narrows nothing."""

    state = forms.ChoiceField(choices=[(state, state) for state in STATES], required=False)
    user = forms.CharField(max_length=255, required=False, widget=_suggested("known-users"))
    tag = forms.CharField(max_length=100, required=False, widget=_suggested("known-tags"))
    source = forms.CharField(max_length=64, required=False, widget=forms.Select())
    model = forms.CharField(max_length=255, required=False, widget=forms.Select())
    since = DayField(required=False, label="Active since")
    before = DayField(required=False, label="Active before")
    least = forms.IntegerField(required=False, min_value=0, max_value=10**9, label="Interactions, at least")
    most = forms.IntegerField(required=False, min_value=0, max_value=10**9, label="Interactions, at most")
    errors_only = forms.BooleanField(required=False, label="With errors")
    sort = forms.ChoiceField(choices=[*_sort_choices()], required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="filter-%s")
        # Asked for when they are drawn: the part that htmx fetches does not draw them.
        self.fields["source"].widget.choices = lambda: self._choices("source", "Any source", actions.known_sources())
        self.fields["model"].widget.choices = lambda: self._choices("model", "Any model", actions.known_models())
        self.is_valid()

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        least, most = values.get("least"), values.get("most")
        if least is not None and most is not None and least > most:
            self.add_error("most", "This is less than “at least”.")
        since, before = values.get("since"), values.get("before")
        if since and before and since >= before:
            self.add_error("before", "This is not after “active since”.")
        return values

    @property
    def state_name(self) -> str:
        return str(self.cleaned_data.get("state") or DEFAULT_STATE)

    @property
    def narrows(self) -> bool:
        """Whether anything but the state is asked for."""
        return bool(self.chips)

    @property
    def folded_are_set(self) -> bool:
        """Whether one of the rarer filters is set, or is wrong."""
        return any(self.cleaned_data.get(name) not in ("", None, False) or name in self.errors for name in _FOLDED)

    @property
    def chips(self) -> list[Chip]:
        values = self.given()
        return [
            Chip(name, str(self.fields[name].label or name.capitalize()), "" if name == "errors_only" else values[name])
            for name in self.fields
            if name in values and name not in ("state", "sort")
        ]

    @property
    def unseen(self) -> list[tuple[str, str]]:
        """What is wrong with the fields that nobody fills in by hand."""
        return [(name, str(error)) for name in ("state", "sort") for error in self.errors.get(name, ())]

    def given(self) -> dict[str, str]:
        """The filters and the order that are set, as an address holds them."""
        values = {name: value for name, value in self.cleaned_data.items() if value not in ("", None, False)}
        if values.get("state") == DEFAULT_STATE:
            del values["state"]
        if values.get("sort") == LATEST_FIRST.sort:
            del values["sort"]
        return {name: "on" if value is True else str(value) for name, value in values.items()}

    def filters(self) -> SessionFilters:
        values = self.cleaned_data
        return SessionFilters(
            user_id=values.get("user", ""),
            state=self.state_name,
            source=values.get("source", ""),
            model=values.get("model", ""),
            tag=values.get("tag", ""),
            active_since=_midnight(values.get("since")),
            active_before=_midnight(values.get("before")),
            has_errors=bool(values.get("errors_only")),
            least_interactions=values.get("least"),
            most_interactions=values.get("most"),
        )

    def order(self) -> Order:
        asked_for = str(self.cleaned_data.get("sort") or LATEST_FIRST.sort)
        sort = asked_for.removeprefix("-")
        # Names from their beginning, all else from the largest; with a minus the other way round.
        return Order(sort, (sort == "user") == asked_for.startswith("-"))

    def _choices(self, name: str, none: str, known: list[str]) -> list[tuple[str, str]]:
        asked_for = self.data.get(name, "")
        names = known if not asked_for or asked_for in known else [*known, asked_for]
        return [("", none), *((one, one) for one in names)]


_FOLDED = ("since", "before", "least", "most", "errors_only")


def _midnight(day: date | None) -> datetime | None:
    """The beginning of the viewer's day."""
    return None if day is None else timezone.make_aware(datetime.combine(day, time.min))


class BulkForm(forms.Form):
    """What is to be done with which sessions: those that are ticked, or all that fit the filters sent along."""

    verb = forms.CharField(max_length=32)
    tags = forms.CharField(max_length=1_000, required=False)
    everything = forms.BooleanField(required=False)
    format = forms.CharField(max_length=32, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self._chosen = data.getlist("id")
        self.filter_form = FilterForm(data)
        self.is_valid()

    def verb_name(self) -> str:
        return str(self.cleaned_data.get("verb", ""))

    def tag_names(self) -> list[str]:
        return [name for part in self.cleaned_data.get("tags", "").split(",") if (name := part.strip())]

    def format_name(self) -> str:
        return self.cleaned_data.get("format") or DEFAULT_FORMAT

    def is_for_all(self) -> bool:
        return bool(self.cleaned_data.get("everything"))

    def ids(self) -> list[str]:
        return self._chosen

    def sessions(self) -> list[str] | SessionFilters:
        return self.filter_form.filters() if self.is_for_all() else self._chosen

    def chosen_by(self) -> str:
        """How the sessions were chosen, in words."""
        if not self.is_for_all():
            return ""
        chips = [f"{chip.label.lower()} {chip.value}".strip() for chip in self.filter_form.chips]
        state = self.filter_form.state_name
        return ", ".join(["all sessions" if state == "all" else f"all {state} sessions", *chips])


class ViewForm(forms.Form):
    """A saved view's name, and who it is for."""

    name = forms.CharField(max_length=80)
    query = forms.CharField(max_length=2_000, required=False)
    is_shared = forms.BooleanField(required=False)
    is_default = forms.BooleanField(required=False)

    def values(self) -> Mapping[str, Any]:
        """What an action takes; one that is not valid says so itself."""
        given = self.cleaned_data if self.is_valid() else {**self.cleaned_data, "name": self.data.get("name", "")}
        return {
            "name": given["name"],
            "is_shared": bool(given.get("is_shared")),
            "is_default": bool(given.get("is_default")),
        }

    def query_text(self) -> str:
        return str(self.cleaned_data.get("query", ""))
