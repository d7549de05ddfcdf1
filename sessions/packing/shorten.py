"""Cutting what is too long, so that it says that it was cut."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sessions.records import JSON

from .forms import to_json, turn_document, turn_text
from .parts import PackedTurn
from .tokens import Tokenizer

_TEXTS = ("prompt", "response", "tool_parameters", "error_message")
# No token of any vocabulary stands for more characters on the average; what is beyond need not be looked at.
CHARACTERS_PER_TOKEN = 8
_ATTEMPTS = 4


def cost_of_text(text: str, tokenizer: Tokenizer) -> int:
    """What a text takes in the form where it takes more."""
    return max(tokenizer.count(text), tokenizer.count(json.dumps(text, ensure_ascii=False)))


def cost_of_turn(turn: PackedTurn, tokenizer: Tokenizer) -> int:
    """What a turn takes in the form where it takes more, with what stands between it and the next."""
    return max(tokenizer.count(to_json(turn_document(turn))), tokenizer.count(turn_text(turn))) + 2


def shorten_text(text: str, tokens: int, tokenizer: Tokenizer, *, hidden: int = 0) -> str:
    """The beginning and the end of a text within so many tokens, with a mark between; "" when not even that fits.

    `hidden` is how many characters the text had behind its end; then only the beginning is kept.
    """
    fits, too_much = 0, min(len(text), max(tokens, 0) * CHARACTERS_PER_TOKEN)
    best = ""
    if not hidden and too_much == len(text) and cost_of_text(text, tokenizer) <= tokens:
        return text
    while fits < too_much:
        kept = (fits + too_much + 1) // 2
        candidate = _cut(text, kept, hidden)
        if cost_of_text(candidate, tokenizer) <= tokens:
            fits, best = kept, candidate
        else:
            too_much = kept - 1
    return best


def _cut(text: str, kept: int, hidden: int) -> str:
    end = 0 if hidden else kept // 3
    missing = len(text) - kept + hidden
    return f"{text[: kept - end]}\n[… {missing:,} characters left out …]\n{text[len(text) - end :]}"


def shorten_turn(turn: PackedTurn, tokens: int, tokenizer: Tokenizer) -> PackedTurn | None:
    """A turn within so many tokens, its longest texts cut; None when nothing of them fits."""
    texts = {name: text for name in _TEXTS if (text := _as_text(getattr(turn, name)))}
    bare = replace(turn, shortened=True, hidden={}, **_emptied(texts))
    room = tokens - cost_of_turn(bare, tokenizer)
    for _ in range(_ATTEMPTS):
        kept = _shares(texts, turn.hidden, room, tokenizer)
        short = replace(bare, **kept)
        excess = cost_of_turn(short, tokenizer) - tokens
        if excess <= 0:
            return short if kept else None
        # The members' names and the headings come with the texts, and what stands between two texts.
        room -= excess
    return None


def _shares(texts: Mapping[str, str], hidden: Mapping[str, int], tokens: int, tokenizer: Tokenizer) -> dict[str, Any]:
    """The texts within so many tokens: those that take less than an equal part stay whole and leave the rest more."""
    kept: dict[str, Any] = {}
    waiting = sorted(texts, key=lambda name: (len(texts[name]), name))
    for place, name in enumerate(waiting):
        share = tokens // (len(waiting) - place)
        if text := shorten_text(texts[name], share, tokenizer, hidden=hidden.get(name, 0)):
            kept[name] = text
            tokens -= cost_of_text(text, tokenizer)
    return kept


def _as_text(value: JSON) -> str:
    return value if isinstance(value, str) else "" if value is None else to_json(value)


def _emptied(texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: None if name == "tool_parameters" else "" for name in texts}


def shorten_members(value: Mapping[str, JSON], tokens: int, tokenizer: Tokenizer) -> tuple[dict[str, JSON], int]:
    """The members of an object that fit, in their order, each whole; and how many were left out."""
    kept: dict[str, JSON] = {}
    for key, item in value.items():
        text = to_json({key: item})
        cost = tokenizer.count(text) + 4 if len(text) <= tokens * CHARACTERS_PER_TOKEN else tokens + 1
        if cost <= tokens:
            kept[key] = item
            tokens -= cost
    return kept, len(value) - len(kept)
