"""Code in colours: Pygments' lexers, a few classes of our own, and a limit to the time it may take."""

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType

MAX_CHARACTERS = 16_000
_MAX_LINE = 1_000
_LONG_LINE = re.compile(rf"[^\n]{{{_MAX_LINE}}}")

# Lexers whose worst case was measured, under the names that people give them. The rest could be made to take minutes.
_LEXERS = {
    "bash": ("bash", "sh", "shell", "zsh", "console", "shell-session"),
    "c": ("c", "h"),
    "cpp": ("cpp", "c++", "cc", "hpp"),
    "csharp": ("csharp", "c#", "cs"),
    "css": ("css",),
    "diff": ("diff", "patch"),
    "docker": ("dockerfile", "docker"),
    "elixir": ("elixir", "ex", "exs"),
    "go": ("go", "golang"),
    "graphql": ("graphql",),
    "haskell": ("haskell", "hs"),
    "html": ("html",),
    "java": ("java",),
    "javascript": ("javascript", "js", "mjs"),
    "json": ("json", "json5", "jsonc", "jsonl"),
    "kotlin": ("kotlin", "kt"),
    "lua": ("lua",),
    "nginx": ("nginx",),
    "perl": ("perl", "pl"),
    "php": ("php",),
    "protobuf": ("protobuf", "proto"),
    "python": ("python", "py", "python3", "pycon"),
    "r": ("r",),
    "ruby": ("ruby", "rb"),
    "rust": ("rust", "rs"),
    "scala": ("scala",),
    "scss": ("scss",),
    "sql": ("sql", "postgres", "postgresql", "sqlite", "mysql"),
    "swift": ("swift",),
    "toml": ("toml", "ini", "cfg"),
    "typescript": ("typescript", "ts", "tsx", "jsx"),
    "xml": ("xml", "svg"),
    "yaml": ("yaml", "yml"),
}
_LANGUAGES = {alias: name for name, aliases in _LEXERS.items() for alias in aliases}

# The first that a token belongs to gives its class.
_CLASSES = (
    (Token.Comment, "hl-c"),
    (Token.Keyword.Constant, "hl-n"),
    (Token.Keyword, "hl-k"),
    (Token.Operator.Word, "hl-k"),
    (Token.Literal.String, "hl-s"),
    (Token.Literal.Number, "hl-n"),
    (Token.Name.Function, "hl-f"),
    (Token.Name.Decorator, "hl-f"),
    (Token.Name.Class, "hl-t"),
    (Token.Name.Tag, "hl-k"),
    (Token.Name.Attribute, "hl-f"),
    (Token.Name.Builtin, "hl-t"),
    (Token.Name.Variable, "hl-v"),
    (Token.Generic.Deleted, "hl-d"),
    (Token.Generic.Inserted, "hl-i"),
    (Token.Generic.Subheading, "hl-c"),
    (Token.Generic.Heading, "hl-c"),
)
CLASSES = frozenset(name for _, name in _CLASSES)


@dataclass(slots=True)
class Budget:
    """The processor time that a page may still spend on looks, in seconds; what comes later stays plain."""

    seconds: float = 0.2

    def spend(self, since: float) -> None:
        self.seconds -= time.thread_time() - since

    @property
    def spent(self) -> bool:
        return self.seconds <= 0


def language(name: str) -> str:
    """The language that a code block's label names, "" for one that is not coloured."""
    return _LANGUAGES.get(name.lower(), "")


def to_html(code: str, name: str, budget: Budget) -> str:
    """The code as escaped text with spans of classes; plain where its language is unknown or it would take long."""
    known = language(name)
    if not known or budget.spent or len(code) > MAX_CHARACTERS or _LONG_LINE.search(code):
        return escape(code, quote=False)
    start = time.thread_time()
    html = "".join(_spans(_until(start + budget.seconds, code, _lexer(known))))
    budget.spend(start)
    return html


@lru_cache(maxsize=len(_LEXERS))
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name)


def _until(deadline: float, code: str, lexer: Lexer) -> Iterator[tuple[str, str]]:
    """Classes and their texts; one long text for what is left at the deadline."""
    for position, token, text in lexer.get_tokens_unprocessed(code):
        if time.thread_time() > deadline:
            yield "", code[position:]
            return
        yield _class_of(token), text


@lru_cache(maxsize=1024)
def _class_of(token: _TokenType) -> str:
    # A type of token is a tuple of its ancestors' names, and "in" asks for kinship.
    return next((name for kind, name in _CLASSES if token in kind), "")  # type: ignore[comparison-overlap]


def _spans(tokens: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Neighbours of one class share a span."""
    current, held = "", ""
    for name, text in tokens:
        if name != current and held:
            yield _span(current, held)
            held = ""
        current, held = name, held + text
    if held:
        yield _span(current, held)


def _span(name: str, text: str) -> str:
    return f'<span class="{name}">{escape(text, quote=False)}</span>' if name else escape(text, quote=False)
