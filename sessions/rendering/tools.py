"""What a tool was told, as people read it: commands and edits as such, all else as JSON."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from . import highlight, plain
from .highlight import Budget

MAX_CHARACTERS = 8_000
_MAX_DIFF_LINES = 400
_OLD, _NEW = ("old_string", "old_str", "old_text"), ("new_string", "new_str", "new_text")
EDITED = frozenset({*_OLD, *_NEW, "edits"})


def as_json(value: Any) -> str:
    """A value as indented JSON, a text as itself; embedded files are named by type and size."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return plain.with_data_named(text)


def json_html(text: str, budget: Budget) -> str:
    return highlight.to_html(plain.without_escapes(text), "json", budget)


def edit_html(rest: str, diff: str, budget: Budget) -> str:
    """An edit: what it says besides as JSON, then the difference."""
    told = f"{json_html(rest, budget)}\n" if rest else ""
    return told + highlight.to_html(plain.without_escapes(diff), "diff", budget)


def diff_of(parameters: Any) -> str:
    """The unified diff of an edit that states the old and the new text, "" for anything else or anything large."""
    edits = parameters.get("edits") if isinstance(parameters, dict) else None
    pairs = [_pair(one) for one in edits] if isinstance(edits, list) else [_pair(parameters)]
    if not pairs or not all(pairs):
        return ""
    diff = "\n".join(line for old, new in filter(None, pairs) for line in _diff(old, new))
    return diff if len(diff) <= MAX_CHARACTERS else ""


def _pair(edit: Any) -> tuple[str, str] | None:
    if not isinstance(edit, dict):
        return None
    old, new = (next((edit[name] for name in names if name in edit), None) for names in (_OLD, _NEW))
    if not isinstance(old, str) or not isinstance(new, str) or len(old) + len(new) > MAX_CHARACTERS:
        return None
    return old, new


def _diff(old: str, new: str) -> Iterator[str]:
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > _MAX_DIFF_LINES:
        return iter([*(f"-{line}" for line in before), *(f"+{line}" for line in after)])
    # The names of the files say nothing here.
    return (line for line in difflib.unified_diff(before, after, lineterm="", n=3) if line[:4] not in ("--- ", "+++ "))


def output_html(text: str, budget: Budget) -> str:
    """A tool's output as it stands; a unified diff in colours."""
    shown = plain.without_escapes(plain.with_data_named(text))
    return highlight.to_html(shown, "diff", budget) if is_diff(shown) else plain.to_html(shown)


def is_diff(text: str) -> bool:
    """Whether a text begins like a unified diff."""
    head = text[:2_000].lstrip()
    return head.startswith(("diff --git ", "--- ", "Index: ")) and "\n@@ " in text[:4_000]
