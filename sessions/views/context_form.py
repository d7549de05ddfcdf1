"""A session's context as a form: all of it, or one field of it in its place beside the transcript."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from sessions import actions
from sessions.actions import ContextChanges
from sessions.errors import ContextChanged, InvalidInput
from sessions.forms import JSONObjectField, LinesField
from sessions.models import Session

OBJECT_HELP = "A JSON object."


class TextField(forms.CharField):
    """Text as it was written: browsers send other line ends than they were given, and blanks may be meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class ContextForm(forms.Form):
    """A session's context, or one field of it.

    Only what was changed is handed on, so that a parallel change of other fields survives. What somebody else changed
    in the same field meanwhile is shown beside what was typed, and `keep-<field>` decides.
    """

    title = TextField(max_length=1000)
    context_summary = TextField(label="Summary", widget=forms.Textarea)
    active_topics = LinesField(required=False, label="Active topics", help_text="One a line.")
    tags = LinesField(required=False, help_text="One a line.")
    user_preferences = JSONObjectField(required=False, label="Preferences", help_text=OBJECT_HELP)
    project_context = JSONObjectField(required=False, label="Project context", help_text=OBJECT_HELP)
    semantic_context = JSONObjectField(required=False, label="Semantic context", help_text=OBJECT_HELP)
    metadata = JSONObjectField(required=False, help_text=OBJECT_HELP)

    def __init__(self, data: Any, *, session: Session, only: str = "") -> None:
        initial: dict[str, Any] = {name: getattr(session, name) for name in self.base_fields if name != "tags"}
        initial["tags"] = [tag.name for tag in session.tags.all()]
        super().__init__(data, initial=initial, auto_id="context-%s")
        if only in self.fields:
            self.fields = {only: self.fields[only]}
            self.fields[only].widget.attrs["autofocus"] = True
        self.seen = actions.fingerprints(session)
        self._seen_before = _read_seen(data) if data is not None else self.seen
        self.theirs: dict[str, Any] = {}

    def seen_text(self) -> str:
        """What the hidden field holds: what the fields said when the page was made."""
        return json.dumps({name: self.seen[name] for name in self.fields})

    def seen_before(self) -> Mapping[str, str]:
        """What the fields said when the form that was sent in was made."""
        return {name: self._seen_before.get(name, self.seen[name]) for name in self.fields}

    def changes(self) -> ContextChanges:
        """The fields that say something else than they did, but for those where the other's version is to stay."""
        seen = self.seen_before()
        return {  # type: ignore[return-value]
            name: value
            for name, value in self.cleaned_data.items()
            if actions.fingerprint(value) != seen[name] and self.data.get(f"keep-{name}") != "theirs"
        }

    def refuse(self, error: InvalidInput) -> None:
        """Show what an action would not take beside the field it is about."""
        self.add_error(error.field if error.field in self.fields else None, str(error))

    def show_both(self, error: ContextChanged, session: Session) -> None:
        """Show what the session says by now beside what was typed."""
        for name in error.fields:
            stands = [tag.name for tag in session.tags.all()] if name == "tags" else getattr(session, name)
            self.theirs[name] = self.fields[name].prepare_value(stands)
            self.add_error(name, "Somebody else changed this meanwhile.")

    def rows(self) -> list[tuple[forms.BoundField, str | None]]:
        """Each field, with what somebody else wrote there meanwhile; None where nobody did."""
        return [(self[name], self.theirs.get(name)) for name in self.fields]


def _read_seen(data: Mapping[str, Any]) -> dict[str, str]:
    try:
        found = json.loads(data.get("seen", ""))
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
