"""Markdown as people see it: CommonMark with tables and strikethrough, raw HTML shown as text, nothing fetched."""

import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from . import highlight, plain
from .highlight import Budget
from .safety import SCHEMES, clean

MAX_CHARACTERS = 40_000
_MAX_NESTING = 20
# What the parser's time grows with faster than the text does, and how much of it still takes well under 100 ms.
_MOST = {"[": 800, "\n": 2_500, "|": 1_800, "*": 4_000, "_": 4_000, "<": 4_000, "&": 4_000, "`": 4_000, "~": 4_000}
_MOST_CELLS_IN_A_ROW = 60
_IMAGE = re.compile(r"data:image/[\w.+-]+;size=\d+", re.IGNORECASE)
_DIRECTED = (
    "paragraph_open", "heading_open", "bullet_list_open", "ordered_list_open", "blockquote_open",
)  # fmt: skip

type _Rule = Callable[[RendererHTML, Sequence[Token], int, OptionsDict, EnvType], str]


def to_html(text: str, budget: Budget, *, breaks: bool = False) -> str:
    """The text as HTML of our own elements alone; `breaks` keeps line breaks, as people who type mean them.

    What is too long or too intricate to be read as markdown comes as plain text.
    """
    named = plain.with_data_named(text)
    if budget.spent or not is_readable(named):
        return f'<div class="as-is" dir="auto">{plain.to_html(text)}</div>'
    start, before = time.thread_time(), budget.seconds
    html = clean(_parser(breaks).render(named, {"budget": budget}))
    # The time of the code blocks in it was counted already.
    budget.seconds = min(budget.seconds, before - (time.thread_time() - start))
    return html


def is_readable(text: str) -> bool:
    """Whether a text may be parsed: the parser is quick with what people write, not with what attackers do."""
    if len(text) > MAX_CHARACTERS or any(text.count(sign) > most for sign, most in _MOST.items()):
        return False
    return "|" not in text or max(line.count("|") for line in text.split("\n")) <= _MOST_CELLS_IN_A_ROW


@cache
def _parser(breaks: bool) -> MarkdownIt:
    options = {"html": False, "linkify": False, "breaks": breaks, "maxNesting": _MAX_NESTING}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.validateLink = _may_link  # type: ignore[method-assign]
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def _may_link(url: str) -> bool:
    return bool(_IMAGE.fullmatch(url)) or _scheme(url) in SCHEMES


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


# --- what looks otherwise than the parser has it ------------------------------------------------------------


def _block(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """A block whose direction follows its first letters; headings keep their level as a class.

    The page has its own outline, which no message may break.
    """
    token = tokens[index]
    # A block does not look at what has a direction of its own, so of what is nested only the outermost gets one.
    if token.level == 0:
        token.attrSet("dir", "auto")
    if token.type == "heading_open":
        token.attrSet("class", f"level-{token.tag[1:]}")
        token.tag = "h4"
    return renderer.renderToken(tokens, index, options, env)


def _heading_close(*_: object) -> str:
    return "</h4>\n"


def _cell(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    style = str(token.attrs.pop("style", ""))
    if (side := style.removeprefix("text-align:")) in ("center", "right"):
        token.attrSet("class", f"align-{side}")
    token.attrSet("dir", "auto")
    return renderer.renderToken(tokens, index, options, env)


def _table_open(*_: object) -> str:
    return '<div class="table-block" tabindex="0" role="group" aria-label="Table"><table>\n'


def _table_close(*_: object) -> str:
    return "</table></div>\n"


def _code(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    label = (token.info.split() or [""])[0]
    return code_block(token.content, label, env["budget"])


def code_block(code: str, label: str, budget: Budget) -> str:
    """A block of code that scrolls by itself, in colours where its label names a language that is known."""
    known = highlight.language(label)
    name = f"Code, {known}" if known else "Code"
    code = plain.without_escapes(code)
    return (
        f'<div class="code-block"><pre tabindex="0" role="group" aria-label="{name}">'
        f"<code>{highlight.to_html(code, label, budget)}</code></pre></div>\n"
    )


def _image(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """An image is told of and never fetched."""
    token = tokens[index]
    url, alt = str(token.attrGet("src") or ""), token.content.strip()
    note = f"Image: {alt}" if alt else "Image"
    if url.startswith("data:"):
        kind, size = url.removeprefix("data:").split(";size=")
        return f'<span class="image-note">{escape(f"{note} ({kind}, {int(size):,} bytes)")}</span>'
    try:
        host = urlsplit(url).hostname or url
    except ValueError:
        host = url
    told = f'<span class="image-note">{escape(f"{note} (on {host})")}</span>'
    return told if env.get("in_link") else f'<a href="{escape(url)}">{told}</a>'


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    env["in_link"] = True
    opening = renderer.renderToken(tokens, index, options, env)
    # A link around nothing could be neither seen nor named.
    empty = index + 1 < len(tokens) and tokens[index + 1].type == "link_close"
    return opening + escape(str(tokens[index].attrGet("href"))) if empty else opening


def _link_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    env["in_link"] = False
    return renderer.renderToken(tokens, index, options, env)


_RULES: dict[str, _Rule] = {
    **dict.fromkeys(_DIRECTED, _block),
    "heading_close": _heading_close,
    "th_open": _cell,
    "td_open": _cell,
    "table_open": _table_open,
    "table_close": _table_close,
    "fence": _code,
    "code_block": _code,
    "image": _image,
    "link_open": _link_open,
    "link_close": _link_close,
}
