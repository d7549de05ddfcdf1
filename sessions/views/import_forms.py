"""What is said about an import: with its files, and once more before it is confirmed."""

from collections.abc import Mapping
from typing import Any

from django import forms

from sessions.errors import InvalidInput, UploadTooLarge


class ImportForm(forms.Form):
    """Whose the sessions are that name nobody, and how all of them are tagged."""

    user = forms.CharField(
        max_length=255,
        required=False,
        label="User",
        help_text="Whose conversations these are, where the files do not say it.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    tags = forms.CharField(
        max_length=1000,
        required=False,
        label="Tags",
        help_text="For all sessions that are new, with commas between them.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Any, *, options: Mapping[str, Any] | None = None) -> None:
        given = options or {}
        initial = {"user": given.get("user_id") or "", "tags": ", ".join(given.get("tags") or ())}
        super().__init__(data, initial=initial, auto_id="import-%s")

    def refuse(self, error: InvalidInput | UploadTooLarge) -> None:
        """Tell what the action would not take at the field that it is about, where it is about one."""
        name = error.field if isinstance(error, InvalidInput) else ""
        field = {"user_id": "user"}.get(name, name)
        self.add_error(field if field in self.fields else None, str(error).removeprefix(f"{name}: "))

    def user_id(self) -> str:
        return str(self.cleaned_data.get("user") or "")

    def tag_names(self) -> list[str]:
        return [name for part in self.cleaned_data.get("tags", "").split(",") if (name := part.strip())]
