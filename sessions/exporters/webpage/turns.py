"""An interaction as a part of the page: what was said, what was thought, what a tool was told and what it said."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from sessions.records import InteractionKind, InteractionRecord
from sessions.rendering import markdown, plain, tools
from sessions.rendering.highlight import Budget

from .survey import Fork, Survey

_LABELS = {
    InteractionKind.CONVERSATION_TURN: "Turn",
    InteractionKind.CLIENT_REQUEST: "Request",
    InteractionKind.AGENT_RESPONSE: "Reply",
    InteractionKind.TOOL_CALL: "Tool call",
    InteractionKind.TOOL_RESPONSE: "Tool result",
    InteractionKind.ERROR: "Error",
}
_TYPED = (InteractionKind.CLIENT_REQUEST, InteractionKind.CONVERSATION_TURN)
_HINT_CHARACTERS = 120
_NEIGHBOURS = 4
# What is shorter stays on one sheet of paper.
_SHORT_LINES = 25
_SHORT_CHARACTERS = 2_000
# Seconds that the colours of one interaction's code may take; the rest of its code stays plain.
_COLOURS = 0.2


def turn(record: InteractionRecord, survey: Survey) -> str:
    """One interaction, whole. Nothing in it is cut, and nothing in it can end it."""
    kind = record.kind if record.kind in _LABELS else "other"
    aside = " subagent" if _metadata(record).get("sidechain") else ""
    pinned = " pinned" if record.id in survey.pinned else ""
    body = "".join(_body(record, Budget(_COLOURS)))
    return f'<article class="turn {kind}{aside}{pinned}" id="i-{record.sequence}">\n{_head(record)}{body}</article>\n'


def fork(found: Fork | None) -> str:
    """Ahead of the first interaction of one of several ways: which this is, and where its neighbours are."""
    if found is None:
        return ""
    first = max(0, min(found.number - 1 - _NEIGHBOURS, len(found.starts) - 2 * _NEIGHBOURS - 1))
    shown = found.starts[first : first + 2 * _NEIGHBOURS + 1]
    ways = [_way(number, start, found) for number, start in enumerate(shown, first + 1)]
    # Each of many ways names a few others: all of them each time would grow with the square.
    ways = [*(["…"] * (first > 0)), *ways, *(["…"] * (first + len(shown) < len(found.starts)))]
    return f'<p class="fork">Here the conversation went {len(found.starts):,} ways: {", ".join(ways)}</p>\n'


def stretch(found: tuple[Fork | None, bool]) -> str:
    """The heading of a stretch of another way."""
    where, begins = found
    if where is None:
        return '<h3 class="way">Elsewhere</h3>\n'
    told = f"Way {where.number:,} of {len(where.starts):,}"
    back = "" if where.main is None else f' <a href="#i-{where.main}">to the way that was gone on</a>'
    if begins:
        return f'<h3 class="way">{told}{back}</h3>\n{fork(where)}'
    return f'<h3 class="way">{told}, continued <a href="#i-{where.own}">to its beginning</a>{back}</h3>\n'


def _way(number: int, start: int, here: Fork) -> str:
    if number == here.number:
        return f"<strong>way {number:,}</strong>"
    return f'<a href="#i-{start}" data-place="#{start}">way {number:,}</a>'


def _head(record: InteractionRecord) -> str:
    return f"<header>{''.join(_heading(record))}</header>\n"


def _heading(record: InteractionRecord) -> Iterator[str]:
    metadata = _metadata(record)
    label = _LABELS.get(InteractionKind(record.kind), record.kind) if record.kind in _LABELS else record.kind
    yield f"<h3>{one_line(label)}</h3>"
    if record.tool_name:
        yield f"<code>{one_line(record.tool_name)}</code>"
    if isinstance(role := metadata.get("role"), str) and role:
        yield badge(role)
    if metadata.get("sidechain"):
        yield badge("subagent")
    for origin in list(record.origins)[-1:]:
        yield badge(f"from {origin.session_id}, #{origin.sequence}")
    if record.status and record.status != "success":
        yield badge(record.status)
    yield f'<span class="facts">{" ".join(_facts(record))}</span>'


def _facts(record: InteractionRecord) -> Iterator[str]:
    if record.model:
        yield f"<span>{one_line(record.model)}</span>"
    if record.input_tokens or record.output_tokens:
        yield f"<span>{record.input_tokens or 0:,} → {record.output_tokens or 0:,} tokens</span>"
    if record.execution_time_ms is not None:
        yield f"<span>{record.execution_time_ms / 1000:,.2f} s</span>"
    yield moment(record.occurred_at)
    yield f'<a class="place" href="#i-{record.sequence}">#{record.sequence}</a>'


def _body(record: InteractionRecord, budget: Budget) -> Iterator[str]:
    if record.reasoning:
        yield _folded("Thinking", record.reasoning, said(record.reasoning, budget, style="quiet"))
    if record.prompt:
        yield said(record.prompt, budget, breaks=record.kind in _TYPED)
    if record.tool_parameters is not None:
        yield _parameters(record.tool_parameters, budget)
    if record.response:
        yield _response(record, budget)
    if record.error_message:
        yield f'<div class="problem">{_as_is(record.error_message)}</div>\n'
    if names := list(_files(_metadata(record).get("attachments"))):
        yield f'<ul class="chips">{"".join(f"<li><bdi>{one_line(name)}</bdi></li>" for name in names)}</ul>\n'


def _response(record: InteractionRecord, budget: Budget) -> str:
    if record.kind == InteractionKind.TOOL_RESPONSE:
        return _folded("Result", record.response, _code(tools.output_html(record.response, budget), "Output"))
    reply = said(record.response, budget)
    return f'<h4 class="reply">Reply</h4>\n{reply}' if record.prompt else reply


def _parameters(value: Any, budget: Budget) -> str:
    """What a tool was told: an edit as its difference, all else as JSON."""
    if diff := tools.diff_of(value):
        rest = {key: one for key, one in value.items() if key not in tools.EDITED}
        told = tools.as_json(rest) if rest else ""
        return _folded("Parameters", told or diff, _code(tools.edit_html(told, diff, budget), "Edit"))
    text = tools.as_json(value)
    return _folded("Parameters", text, _code(tools.json_html(text, budget), "Parameters"))


def _files(stated: object) -> Iterator[str]:
    """The names of what came with an interaction. It is told of and never fetched."""
    for one in stated if isinstance(stated, list) else []:
        if isinstance(one, Mapping):
            kind = str(one.get("media_type") or one.get("type") or "")
            yield " · ".join(filter(None, [str(one.get("title") or one.get("name") or "file"), kind]))[:300]


# --- small parts ----------------------------------------------------------------------------------------------


def said(text: str, budget: Budget, *, breaks: bool = False, style: str = "") -> str:
    """What somebody said, read as markdown."""
    return f'<div class="said {style}">{markdown.to_html(text, budget, breaks=breaks)}</div>\n'


def folded_json(label: str, value: Any) -> str:
    text = tools.as_json(value)
    return _folded(label, text, _code(tools.json_html(text, Budget(_COLOURS)), label))


def badge(text: str) -> str:
    return f'<span class="badge"><bdi>{one_line(text)}</bdi></span>'


def moment(value: datetime) -> str:
    utc = value.astimezone(UTC)
    return f'<time datetime="{utc.isoformat(timespec="seconds")}">{utc:%Y-%m-%d %H:%M:%S} UTC</time>'


def one_line(text: str) -> str:
    """A text on one line, escaped for an element or an attribute."""
    return escape(" ".join(plain.without_escapes(text).split()))


def _folded(label: str, text: str, html: str) -> str:
    hint = " ".join(plain.without_escapes(text[: _HINT_CHARACTERS * 4]).split())
    hint = hint if len(hint) <= _HINT_CHARACTERS else f"{hint[:_HINT_CHARACTERS]}…"
    is_short = len(text) < _SHORT_CHARACTERS and text.count("\n") < _SHORT_LINES
    opening = '<details class="short">' if is_short else "<details>"
    summary = f'<summary>{label} <span class="hint" dir="auto">{escape(hint)}</span></summary>'
    return f"{opening}{summary}\n{html}</details>\n"


def _code(html: str, name: str) -> str:
    block = f'<pre tabindex="0" role="group" aria-label="{name}"><code>{html}</code></pre>'
    return f'<div class="code-block">{block}</div>\n'


def _as_is(text: str) -> str:
    return f'<div class="as-is" dir="auto">{plain.to_html(plain.without_escapes(text))}</div>'


def _metadata(record: InteractionRecord) -> Mapping[str, Any]:
    return record.metadata if isinstance(record.metadata, Mapping) else {}
