"""How an import looks on a page."""

from django import template

from sessions.models import Import

register = template.Library()

_STATES = {
    "waiting": ("Waiting to be looked at", ""),
    "examining": ("Being looked at", ""),
    "ready": ("Waits for your yes", "held"),
    "queued": ("Waiting to be imported", ""),
    "importing": ("Being imported", ""),
    "done": ("Imported", "active"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", ""),
    "undoing": ("Being undone", ""),
    "undone": ("Undone", "expired"),
}
_WAYS = {
    "browser": ("in the browser", "uploaded"),
    "command": ("on the command line", "imported on the command line"),
    "rest": ("over REST", "sent over REST"),
    "python": ("from Python", "imported from Python"),
}
_MOST_NAMES = 2


@register.filter
def files_told(run: Import) -> str:
    """The files by name, the first of many."""
    names = [str(name) for name in run.file_names]
    rest = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES]) or "No file"
    return f"{shown} and {rest:,} more" if rest > 0 else shown


@register.filter
def state_told(run: Import) -> str:
    return _STATES.get(run.state, (run.state, ""))[0]


@register.filter
def state_class(run: Import) -> str:
    return _STATES.get(run.state, (run.state, ""))[1]


@register.filter
def through(face: str) -> str:
    """By which door an import came, in words."""
    return _WAYS.get(face, (face, ""))[0]


@register.filter
def brought(face: str) -> str:
    """How an import came, as a participle."""
    return _WAYS.get(face, ("", "imported"))[1]
