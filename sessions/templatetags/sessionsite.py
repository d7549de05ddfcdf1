"""How values look on a page: times, sizes, states, icons, and texts that strangers wrote."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions import conf
from sessions.models import Interaction, Session
from sessions.records import Face, InteractionKind

register = template.Library()

SUMMARY_CHARACTERS = 140
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNDO = "undo:"
_BRIEF_ID = 18
_RANDOM_ID = re.compile("[0-9a-f-]{32,36}")

_KIND_LABELS = {
    "conversation_turn": "Turn",
    "client_request": "Request",
    "agent_response": "Reply",
    "tool_call": "Tool call",
    "tool_response": "Tool result",
    "error": "Error",
}
_KIND_ICONS = {
    "conversation_turn": "chat",
    "client_request": "user",
    "agent_response": "spark",
    "tool_call": "terminal",
    "tool_response": "terminal",
    "error": "alert",
}
# What tells most about a call, where the call has it.
_TELLING_PARAMETERS = ("command", "pattern", "query", "url", "file_path", "path", "description", "prompt", "name")


# --- icons and states ---------------------------------------------------------------------------------------


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    """An icon of static/icons.svg, in the colour of the text around it; decoration only."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.filter
def state(session: Session) -> str:
    return str(session.state(conf.expires_before()))


@register.filter
def kind_label(interaction: Interaction) -> str:
    return _KIND_LABELS.get(interaction.kind, interaction.kind)


@register.filter
def kind_icon(interaction: Interaction) -> str:
    return _KIND_ICONS.get(interaction.kind, "chat")


@register.filter
def is_tool(interaction: Interaction) -> bool:
    return interaction.kind in (InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE)


@register.filter
def undo_url(message: Message) -> str:
    """The address that takes back what a message tells, "" where there is none."""
    tags = message.extra_tags or ""
    return tags.removeprefix(_UNDO) if tags.startswith(_UNDO) else ""


@register.simple_tag
def doer(name: str) -> SafeString:
    """Who did something: a person by name, a token with its sign, somebody who came by another door with that door."""
    door, _, rest = name.partition(":")
    if rest and door == "token":
        return format_html(
            '<span class="doer">{}<span class="hushed">the token </span><bdi>{}</bdi></span>', icon("key"), rest
        )
    if rest and door in list(Face):
        return format_html("<bdi>{}</bdi> ({})", rest, door)
    return format_html("<bdi>{}</bdi>", name)


# --- times --------------------------------------------------------------------------------------------------


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """A time in words, with the exact one for programs and on hover; the script turns that into the viewer's zone."""
    if moment is None:
        return SafeString("")
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', _iso(moment), _exact(moment), in_words(moment))


@register.simple_tag
def clock(moment: datetime | None) -> SafeString:
    """A day and a time of day; the script turns both into the viewer's zone."""
    if moment is None:
        return SafeString("")
    year = "" if moment.year == timezone.now().year else f" {moment.year}"
    words = f"{moment.day} {moment:%b}{year}, {moment:%H:%M:%S}"
    return format_html('<time datetime="{}" title="{} UTC" data-clock>{}</time>', _iso(moment), _exact(moment), words)


@register.filter
def in_words(moment: datetime) -> str:
    """Such as "5 minutes ago" or "in 3 days"; the date itself beyond 30 days."""
    seconds = (timezone.now() - moment).total_seconds()
    distance = abs(seconds)
    if distance < _MINUTE:
        return "just now" if seconds >= 0 else "in a moment"
    if distance >= 30 * _DAY:
        return f"{moment.day} {moment:%b %Y}"
    if seconds > 0:
        return f"{duration_in_words(distance)} ago"
    # What was set to 30 days a moment ago is 30 days off and not 29.
    return f"in {duration_in_words(distance + _MINUTE)}"


@register.filter
def duration_in_words(seconds: float | None) -> str:
    """The largest whole unit of a duration, such as "2 hours"."""
    if seconds is None:
        return ""
    for size, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' * (count != 1)}"
    return f"{int(seconds)} second{'s' * (int(seconds) != 1)}"


@register.filter
def purged_at(session: Session) -> datetime | None:
    """When a session in the trash is due to be purged."""
    return session.trashed_at + timedelta(days=conf.trash_days()) if session.trashed_at else None


@register.filter
def brief_id(session_id: str) -> str:
    """Enough of an ID to tell it from its neighbours: of one that somebody made up the end too, where they differ."""
    if len(session_id) <= _BRIEF_ID:
        return session_id
    if _RANDOM_ID.fullmatch(session_id):
        return f"{session_id[:12]}…"
    return f"{session_id[:8]}…{session_id[-7:]}"


@register.filter
def milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _exact(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


# --- numbers ------------------------------------------------------------------------------------------------


@register.filter
def grouped(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"


@register.filter
def dollars(microusd: int) -> str:
    return f"${microusd / 1_000_000:,.4f}" if microusd < 1_000_000 else f"${microusd / 1_000_000:,.2f}"


# --- texts --------------------------------------------------------------------------------------------------


@register.filter
def as_json(value: Any) -> str:
    """A value as indented JSON; a text as itself."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def readable(value: Any) -> str:
    """A context's value for people: lists in a row, objects a line each, all else as JSON."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {readable(item)}" for key, item in value.items())
    return as_json(value)


@register.filter
def field_label(name: str) -> str:
    return name.replace("_", " ").capitalize()


@register.filter
def first_line(text: str) -> str:
    """How a text begins, on one line."""
    line = " ".join(text[: SUMMARY_CHARACTERS * 4].split())
    return line if len(line) <= SUMMARY_CHARACTERS else f"{line[:SUMMARY_CHARACTERS]}…"


@register.filter
def call_summary(parameters: Any) -> str:
    """What a tool was asked for, in one line."""
    if not parameters:
        return ""
    if isinstance(parameters, dict):
        for name in _TELLING_PARAMETERS:
            if isinstance(value := parameters.get(name), str) and value:
                return first_line(value)
    return first_line(parameters if isinstance(parameters, str) else json.dumps(parameters, ensure_ascii=False))
