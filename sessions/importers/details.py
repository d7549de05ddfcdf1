"""Reasoning and tool calls that stand as `<details>` among the words of a reply, as Open WebUI writes them."""

import html
import re
from collections.abc import Iterator
from typing import Any

from sessions.records import JSON

from .blocks import decoded

_OPENING = re.compile(r'<details\s+type="([a-z_]+)"([^<>]*)>')
_CLOSING = "</details>"
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_SUMMARY = re.compile(r"\s*<summary>[^<]*</summary>")
_FENCE = re.compile(r"\s*```[^\n]*\n(.*?)\n?```\s*", re.DOTALL)
_KNOWN = frozenset({"reasoning", "tool_calls", "code_interpreter"})


def blocks_of(content: str) -> list[dict[str, Any]]:
    """A reply's words, thoughts, calls and results in their order, as the blocks that other vendors write.

    What is no such element, or is not closed, or is of a type that is not known, stays among the words as it is.
    """
    blocks: list[dict[str, Any]] = []
    at = 0
    for opening in _OPENING.finditer(content):
        if opening.start() < at or opening[1] not in _KNOWN:
            continue
        end = content.find(_CLOSING, opening.end())
        if end < 0:
            break
        blocks += _words(content[at : opening.start()])
        blocks += _element(opening[1], opening[2], content[opening.end() : end])
        at = end + len(_CLOSING)
    return blocks + list(_words(content[at:]))


def _words(said: str) -> Iterator[dict[str, Any]]:
    if said.strip():
        yield {"type": "text", "text": said.strip("\n")}


def _element(kind: str, attributes: str, inside: str) -> Iterator[dict[str, Any]]:
    told = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
    body = html.unescape(_SUMMARY.sub("", inside, count=1)).strip()
    if kind == "reasoning":
        yield {"type": "thinking", "thinking": _unquoted(body)}
    elif kind == "code_interpreter":
        fence = _FENCE.fullmatch(body)
        code: dict[str, JSON] = {"code": fence[1] if fence else body}
        yield {"type": "tool_use", "name": kind, "input": code}
        if "output" in told:
            yield {"type": "tool_result", "content": told["output"]}
    else:
        yield from _call(told, body)


def _call(told: dict[str, str], body: str) -> Iterator[dict[str, Any]]:
    """A call with its result, which older versions only had the text of."""
    if "name" in told:
        yield {"type": "tool_use", "id": told.get("id"), "name": told["name"], "input": decoded(told.get("arguments"))}
    result = decoded(told["result"]) if told.get("result") else body
    if result:
        yield {"type": "tool_result", "tool_use_id": told.get("id"), "content": result}


def _unquoted(body: str) -> str:
    """The thoughts without the signs that make a quotation of them, where every line has one."""
    lines = body.split("\n")
    if not all(line.startswith(">") or not line for line in lines):
        return body
    return "\n".join(line[2:] if line.startswith("> ") else line[1:] for line in lines)
