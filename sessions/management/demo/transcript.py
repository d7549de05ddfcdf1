"""A sample conversation as its file tells it.

A file begins with TOML between two lines of `+++`: the fields of `Conversation`. What was said follows, each piece
under a line such as `=== user`, `=== call Bash` or `=== result ms=1840`:

    user, assistant, thinking, system   what somebody said; a thought goes with the answer that follows it
    call NAME                           a tool call, its parameters as TOML
    result, failed                      what the call before it gave
    error                               what went wrong outside of any tool
    turn                                a request and its answer in one, parted by a line `--- answer ---`
    pause 3h                            nobody said anything for so many s, m, h or d

`as=NAME` names a piece and `after=NAME` hangs one below it, which makes a branch; without it a piece follows the one
before. Other `key=value` words become metadata. A line `{{name}}` stands for a text of `generated`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sessions.records import JSON

from . import generated

_FOLDER = Path(__file__).parent / "conversations"
_HEAD = re.compile(r"^=== (user|assistant|thinking|system|call|result|failed|error|turn|pause)\b ?(.*)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"^\{\{(\w+)\}\}$", re.MULTILINE)
_ANSWER = "\n--- answer ---\n"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One interaction. `pause_seconds` is how long nobody spoke before it, beyond what speaking takes."""

    kind: str
    text: str = ""
    answer: str = ""
    reasoning: str = ""
    tool_name: str = ""
    tool_parameters: JSON = None
    execution_time_ms: float | None = None
    pause_seconds: int = 0
    label: str = ""
    after: str = ""
    metadata: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation, who had it, when it ended, and what became of it.

    `held`, `trashed` are the reasons for it, `merged_into` names the conversation that absorbed it. A fork shares
    the first `fork_pieces` pieces with `fork_of`. `look_at` tells a visitor why to open it.
    """

    name: str
    user: str
    source: str
    days_ago: float
    model: str = ""
    title: str | None = None
    tags: Sequence[str] = ()
    context_summary: str | None = None
    active_topics: Sequence[str] = ()
    user_preferences: Mapping[str, JSON] = field(default_factory=dict)
    project_context: Mapping[str, JSON] = field(default_factory=dict)
    semantic_context: Mapping[str, JSON] = field(default_factory=dict)
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    stated_interactions: int | None = None
    held: str = ""
    trashed: str = ""
    merged_into: str = ""
    fork_of: str = ""
    fork_pieces: int = 0
    look_at: str = ""
    pieces: Sequence[Piece] = ()


def conversations() -> list[Conversation]:
    """All of them, in order of name; forks and absorbed ones after those that they point to."""
    found = [_read_file(path) for path in sorted(_FOLDER.glob("*.md"))]
    return sorted(found, key=lambda one: bool(one.fork_of or one.merged_into))


def _read_file(path: Path) -> Conversation:
    try:
        return read(path.stem, path.read_text(encoding="utf-8"))
    except (ValueError, TypeError, KeyError) as error:
        error.add_note(f"in {path.name}")
        raise


def read(name: str, text: str) -> Conversation:
    """A conversation from its file's text. Raises ValueError, TypeError or KeyError where it does not
    keep to the format."""
    _, front, body = text.split("+++\n", 2)
    fields = tomllib.loads(front)
    generator = fields.pop("generated", None)
    pieces = _pieces(generated.TRANSCRIPTS[generator]() if generator else body)
    return Conversation(name=name, pieces=tuple(_with_thoughts(pieces)), **fields)


def _pieces(body: str) -> Iterator[Piece]:
    pause_seconds = 0
    for kind, words, text in _sections(body):
        if kind == "pause":
            pause_seconds += int(words[0][:-1]) * _SECONDS[words[0][-1]]
            continue
        yield _piece(kind, words, text, pause_seconds)
        pause_seconds = 0


def _sections(body: str) -> Iterator[tuple[str, list[str], str]]:
    heads = list(_HEAD.finditer(body))
    ends = [*(head.start() for head in heads), len(body)][1:]
    for head, end in zip(heads, ends, strict=True):
        text = body[head.end() : end].strip("\n")
        yield head[1], head[2].split(), _PLACEHOLDER.sub(lambda found: generated.TEXTS[found[1]](), text)


def _piece(kind: str, words: list[str], text: str, pause_seconds: int) -> Piece:
    given = dict(word.split("=", 1) for word in words if "=" in word)
    label, after, elapsed = given.pop("as", ""), given.pop("after", ""), given.pop("ms", None)
    piece = Piece(
        kind=kind,
        text=text,
        pause_seconds=pause_seconds,
        label=label,
        after=after,
        execution_time_ms=None if elapsed is None else float(elapsed),
        metadata={name: int(value) if value.isdigit() else value for name, value in given.items()},
    )
    if kind == "call":
        return replace(piece, text="", tool_name=words[0], tool_parameters=tomllib.loads(text))
    if kind == "turn":
        asked, _, answer = text.partition(_ANSWER)
        return replace(piece, text=asked, answer=answer)
    return piece


def _with_thoughts(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Thoughts become the reasoning of the answer after them, or an answer of their own without words."""
    thought: Piece | None = None
    for piece in pieces:
        if thought and piece.kind == "assistant":
            yield replace(piece, reasoning=thought.text, pause_seconds=thought.pause_seconds, after=thought.after)
            thought = None
            continue
        if thought:
            yield replace(thought, kind="assistant", text="", reasoning=thought.text)
        thought = piece if piece.kind == "thinking" else None
        if thought is None:
            yield piece
    if thought:
        yield replace(thought, kind="assistant", text="", reasoning=thought.text)
