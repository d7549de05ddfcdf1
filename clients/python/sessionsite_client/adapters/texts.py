"""What a server takes of values that strangers made: for people to read; the original stands in the source record."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 1_000_000
_MOST_DEPTH = 50
_MOST_INTEGER = 2**63 - 1
_UNFIT = re.compile("[\0\ud800-\udfff]")
_BLANK = re.compile(r"[\x00-\x1f\x7f]+")


def readable(value: Any, *, longest: int = MOST_CHARACTERS) -> str:
    """A text as it is but for what no store could hold; anything else as JSON."""
    if value is None:
        return ""
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    told = _UNFIT.sub("\ufffd", told)
    return told if len(told) <= longest else told[: longest - 1] + "…"


def short(value: Any, *, longest: int = 255) -> str:
    """A name on one line."""
    return readable(_BLANK.sub(" ", readable(value)).strip(), longest=longest)


def plain(value: Any) -> Any:
    """JSON as it is where a store can hold it, else told as a text."""
    if value is None:
        return None
    try:
        fits = _fits(value, _MOST_DEPTH) and len(json.dumps(value)) <= MOST_CHARACTERS
    except (TypeError, ValueError):
        fits = False
    return value if fits else readable(value)


def _fits(value: Any, depth: int) -> bool:
    if depth == 0:
        return False
    if isinstance(value, str):
        return _UNFIT.search(value) is None
    if isinstance(value, dict):
        return all(isinstance(key, str) and _fits(key, depth) and _fits(one, depth - 1) for key, one in value.items())
    if isinstance(value, list):
        return all(_fits(one, depth - 1) for one in value)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return abs(value) <= _MOST_INTEGER
    return isinstance(value, float) and math.isfinite(value)


def count(value: Any) -> int | None:
    """A number of tokens, if it is one."""
    return value if type(value) is int and 0 <= value <= _MOST_INTEGER else None


def digest(*parts: Any) -> str:
    """32 hexadecimal digits that stand for some texts, told apart however they are divided."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode("ascii")).hexdigest()[:32]


def said(content: Any) -> str:
    """What a message's content says: a text, or the texts among its blocks; of an image its kind."""
    if isinstance(content, str):
        return readable(content)
    if not isinstance(content, list):
        return ""
    told = []
    for block in content:
        if isinstance(block, str):
            told.append(block)
        elif isinstance(block, Mapping):
            text = block.get("text") or block.get("refusal")
            kind = str(block.get("type", ""))
            if isinstance(text, str):
                told.append(text)
            elif any(name in kind for name in ("image", "document", "file", "audio", "video")):
                told.append(f"[{kind}]")
    return readable("\n\n".join(told))


# --- names within a session's ID ----------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z0-9-]")
_ESCAPED = re.compile(r"((?:_[0-9a-f]{2})+)")
_HASHED = "x-"


def id_part(text: str, *, longest: int = 48) -> str:
    """A text as a part of a session's ID: `subagents/a` is `subagents_2fa`; what would be too long is hashed."""
    told = "".join(one if _PLAIN.match(one) else "".join(f"_{byte:02x}" for byte in _bytes(one)) for one in text)
    return told if told and len(told) <= longest and not told.startswith(_HASHED) else _HASHED + digest(text)


def text_of_id_part(part: str) -> str | None:
    """The text that it stands for; None for a hashed one, which does not tell."""
    if part.startswith(_HASHED):
        return None
    try:
        return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].replace("_", "")).decode(), part)
    except ValueError:
        return None


def _bytes(character: str) -> bytes:
    return character.encode("utf-8", "surrogatepass")
