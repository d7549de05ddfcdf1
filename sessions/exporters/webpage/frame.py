"""What stands around the interactions: the policy and the style, the session's facts, context, notes and figures."""

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

from sessions.records import InteractionKind, SessionRecord
from sessions.rendering.highlight import Budget

from ..formats import Conversation
from . import turns
from .survey import Survey

_STYLE = Path(__file__).with_name("style.css")
_TITLE_CHARACTERS = 300
_COLOURS = 0.2


@cache
def _head() -> tuple[str, str]:
    """The head ahead of the title and behind it. Of all that a page may do, the policy leaves its own style."""
    style = f"\n{_STYLE.read_text()}"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    before = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="Sessionsite">\n'
    )
    return before, f"<style>{style}</style>\n</head>\n<body>\n"


def opening(conversation: Conversation, survey: Survey) -> str:
    """All that comes ahead of the first interaction."""
    header = conversation.header
    before, behind = _head()
    title = _title(header)
    top = "".join([f'<h1 dir="auto">{title}</h1>\n', *_top(conversation, survey)])
    return f'{before}<title>{title}</title>\n{behind}<header class="top">\n{top}</header>\n'


def ending(conversation: Conversation, survey: Survey) -> str:
    """The footer. A page that lacks it was cut off, and it says so."""
    count = survey.figures.interactions
    return (
        f"<footer><p>End of the session: {count:,} interaction{'s' * (count != 1)}. "
        f"Exported from Sessionsite on {turns.moment(conversation.exported_at)}.</p></footer>\n</body>\n</html>\n"
    )


def _title(header: SessionRecord) -> str:
    text = " ".join((header.title or header.session_id).split())
    return escape(text if len(text) <= _TITLE_CHARACTERS else f"{text[:_TITLE_CHARACTERS]}…")


def _top(conversation: Conversation, survey: Survey) -> Iterator[str]:
    header = conversation.header
    yield _list("about", _facts(header))
    if header.tags:
        yield f'<ul class="chips tags">{"".join(f"<li><bdi>{escape(tag)}</bdi></li>" for tag in header.tags)}</ul>\n'
    yield _list("figures", _figures(header, survey))
    yield from _context(header)
    yield from _notes(header)
    yield from _pins(header, survey)
    for merge in conversation.merges:
        if merge.undone_at is None and merge.survivor_id == header.session_id:
            when = turns.moment(merge.merged_at)
            yield f'<p class="aside">Merged with <code>{turns.one_line(merge.absorbed_id)}</code> on {when}.</p>\n'


def _facts(header: SessionRecord) -> Iterator[tuple[str, str]]:
    yield "Session", f"<code>{turns.one_line(header.session_id)}</code>"
    yield "User", f"<bdi>{turns.one_line(header.user_id)}</bdi>"
    if header.source:
        yield "Source", f"<bdi>{turns.one_line(header.source)}</bdi>"
    yield "Started", turns.moment(header.created_at)
    yield "Last activity", turns.moment(header.last_activity_at)
    if header.held_at is not None:
        reason = f" (<bdi>{turns.one_line(header.hold_reason)}</bdi>)" if header.hold_reason else ""
        yield "Held", f"{turns.moment(header.held_at)}{reason}"


def _figures(header: SessionRecord, survey: Survey) -> Iterator[tuple[str, str]]:
    figures = survey.figures
    yield "Interactions", f"{figures.interactions:,}"
    if header.stated_interactions:
        yield "Stated, not handed over", f"{header.stated_interactions:,}"
    if calls := figures.kinds[InteractionKind.TOOL_CALL]:
        yield "Tool calls", f"{calls:,}"
    if figures.errors:
        yield "Errors", f"{figures.errors:,}"
    if figures.input_tokens or figures.output_tokens:
        yield "Tokens", f"{figures.input_tokens:,} in, {figures.output_tokens:,} out"
    if figures.cost_microusd:
        yield "Cost", f"${figures.cost_microusd / 1_000_000:,.4f}"
    if figures.models:
        yield "Models", ", ".join(f"<bdi>{turns.one_line(model)}</bdi>" for model in figures.models)


def _context(header: SessionRecord) -> Iterator[str]:
    """The summary in full; the rest folded."""
    if header.context_summary:
        told = turns.said(header.context_summary, Budget(_COLOURS))
        yield f'<section class="summary"><h2>Summary</h2>\n{told}</section>\n'
    if header.active_topics:
        topics = "".join(f"<li><bdi>{turns.one_line(topic)}</bdi></li>" for topic in header.active_topics)
        yield f'<section><h2>Topics</h2>\n<ul class="chips">{topics}</ul></section>\n'
    for label, value in (
        ("Preferences", header.user_preferences),
        ("Project", header.project_context),
        ("What is known", header.semantic_context),
        ("Metadata", header.metadata),
    ):
        if value:
            yield turns.folded_json(label, dict(value))


def _notes(header: SessionRecord) -> Iterator[str]:
    if header.notes:
        yield '<section class="notes"><h2>Notes</h2>\n'
        for note in header.notes:
            when = turns.moment(note.edited_at or note.written_at)
            if note.edited_by not in ("", note.author):
                when += f", edited by <bdi>{turns.one_line(note.edited_by)}</bdi>"
            told = turns.said(note.text, Budget(_COLOURS), breaks=True)
            yield f'<article class="note"><p class="facts"><bdi>{turns.one_line(note.author)}</bdi> {when}</p>{told}'
            yield "</article>\n"
        yield "</section>\n"


def _pins(header: SessionRecord, survey: Survey) -> Iterator[str]:
    places = [survey.pinned[pk] for pk in header.pins if pk in survey.pinned]
    if places:
        links = ", ".join(f'<a href="#i-{place}">#{place}</a>' for place in places)
        yield f'<p class="aside">Pinned: {links}.</p>\n'


def _list(name: str, pairs: Iterator[tuple[str, str]]) -> str:
    told = "".join(f"<div><dt>{label}</dt><dd>{html}</dd></div>" for label, html in pairs)
    return f'<dl class="{name}">{told}</dl>\n'
