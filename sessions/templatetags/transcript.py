"""How the texts of an interaction look in a transcript: read as markdown or as they stand, cut where they are long."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from sessions.models import Interaction
from sessions.records import InteractionKind
from sessions.rendering import markdown, marking, plain, tools
from sessions.rendering.looks import Looks

register = template.Library()

SHOWN_CHARACTERS = 8_000
# Even the page of one interaction has an end; beyond it there is the raw record.
WHOLE_CHARACTERS = 200_000
_BEFORE_A_MATCH = 1_000
_MOST_FILES = 20
_HINT_CHARACTERS = 140


@dataclass(frozen=True, slots=True)
class Passage:
    """What is shown of a text: all of it, its beginning, or the surroundings of what was searched for."""

    text: str
    cut_before: bool
    cut_after: bool


@register.inclusion_tag("sessions/parts/said.html", takes_context=True)
def message(context: template.Context, text: str, interaction: Interaction, style: str = "text") -> dict[str, Any]:
    """What somebody said, read as markdown; people's own line breaks are kept."""
    looks = _looks(context)
    breaks = interaction.kind in (InteractionKind.CLIENT_REQUEST, InteractionKind.CONVERSATION_TURN)

    def read(passage: str) -> str:
        if looks.as_source:
            return _as_is(passage)
        return markdown.to_html(passage, looks.budget, breaks=breaks)

    return _said(context, text, interaction, style, read)


@register.inclusion_tag("sessions/parts/said.html", takes_context=True)
def output(context: template.Context, text: str, interaction: Interaction) -> dict[str, Any]:
    """What a tool said, as it stands."""
    looks = _looks(context)
    name = f"Output of interaction {interaction.sequence}"
    return _said(context, text, interaction, "code", lambda passage: tools.output_html(passage, looks.budget), name)


@register.inclusion_tag("sessions/parts/said.html", takes_context=True)
def problem(context: template.Context, interaction: Interaction) -> dict[str, Any]:
    """What went wrong, as it was reported."""
    return _said(context, interaction.error_message, interaction, "problem", _as_is)


@register.inclusion_tag("sessions/parts/said.html", takes_context=True)
def parameters(context: template.Context, interaction: Interaction) -> dict[str, Any]:
    """What a tool was told: an edit as its difference, all else as JSON."""
    looks, value = _looks(context), interaction.tool_parameters
    diff = "" if looks.as_source else tools.diff_of(value)
    name = f"Parameters of interaction {interaction.sequence}"
    if diff:
        rest = {key: one for key, one in value.items() if key not in tools.EDITED}
        told = tools.as_json(rest) if rest else ""
        return _said(context, diff, interaction, "code", lambda shown: tools.edit_html(told, shown, looks.budget), name)
    text = tools.as_json(value)
    return _said(context, text, interaction, "code", lambda passage: tools.json_html(passage, looks.budget), name)


def _said(
    context: template.Context,
    text: str,
    interaction: Interaction,
    style: str,
    read: Callable[[str], str],
    name: str = "",
) -> dict[str, Any]:
    looks, words = _looks(context), _words(context)
    passage = _passage(text, looks, words)
    html = marking.mark(read(passage.text), words)
    return {
        # Made by the room that escapes and cleans; nothing else may be marked safe.
        "html": mark_safe(html),  # noqa: S308
        "cut_before": passage.cut_before,
        "cut_after": passage.cut_after,
        "characters": len(text),
        "interaction": interaction,
        "number": str(interaction.sequence),
        "style": style,
        "name": name,
        "has_more": (passage.cut_before or passage.cut_after) and not looks.whole,
    }


def _as_is(text: str) -> str:
    return f'<div class="as-is" dir="auto">{plain.to_html(plain.without_escapes(text))}</div>'


def _looks(context: template.Context) -> Looks:
    """How the page shows texts; a page that says nothing gets what most of them want, once for all its texts."""
    if isinstance(looks := context.get("looks"), Looks):
        return looks
    remembered: dict[Any, Any] = context.render_context.dicts[0]
    made: Looks = remembered.setdefault("transcript-looks", Looks())
    return made


def _words(context: template.Context) -> list[str]:
    """What is marked: the words that were searched for, in the interaction that they were found in."""
    turn = context.get("turn")
    return _looks(context).words if turn is not None and turn.is_sought else []


def _passage(text: str, looks: Looks, words: list[str]) -> Passage:
    most = WHOLE_CHARACTERS if looks.whole else SHOWN_CHARACTERS
    if len(text) <= most:
        return Passage(text, cut_before=False, cut_after=False)
    start = 0
    if words and (found := marking.first_place(text, words)) is not None and found > most - _BEFORE_A_MATCH:
        start = found - _BEFORE_A_MATCH
    return Passage(text[start : start + most], cut_before=start > 0, cut_after=start + most < len(text))


@register.filter
@lru_cache(maxsize=64)
def session_url(session_id: str) -> str:
    """The address of a session's page; a transcript needs it some hundred times."""
    return reverse("sessions:detail", args=[session_id])


@register.filter
def first_output_line(text: str) -> str:
    """How a tool's output begins, on one line."""
    line = " ".join(plain.without_escapes(text[: _HINT_CHARACTERS * 4]).split())
    return line if len(line) <= _HINT_CHARACTERS else f"{line[:_HINT_CHARACTERS]}…"


@register.filter
def attachments(interaction: Interaction) -> list[dict[str, Any]]:
    """The files that came with an interaction, by name, type and size. They are told of and never fetched."""
    metadata = interaction.metadata
    files = metadata.get("attachments") if isinstance(metadata, dict) else None
    if not isinstance(files, list):
        return []
    return [_file(one) for one in files[:_MOST_FILES] if isinstance(one, Mapping)]


def _file(stated: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(stated.get("media_type") or stated.get("type") or "")
    size = stated.get("size_bytes")
    return {
        "name": str(stated.get("title") or kind or "file")[:200],
        "kind": kind[:100],
        "is_image": "image" in kind,
        "size_bytes": size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
    }


@register.filter
def agent_id(interaction: Interaction) -> str:
    """The subagent that said this, "" for the conversation's own."""
    metadata = interaction.metadata
    if not isinstance(metadata, dict) or not metadata.get("sidechain"):
        return ""
    return str(metadata.get("agent_id") or "")[:100]


@register.simple_tag
def raw_json(value: Any) -> SafeString:
    """A record as indented JSON in colours."""
    return format_html("{}", mark_safe(tools.json_html(tools.as_json(value)[:WHOLE_CHARACTERS], Looks().budget)))  # noqa: S308
