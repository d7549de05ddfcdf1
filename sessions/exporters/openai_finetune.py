"""Rows for fine-tuning at OpenAI, which refuses a file with a member that it does not know, or with other roles.

A row ends with an answer of the assistant. Every call is answered at once by all its results; what only we or others
have words for, the reasoning among it, is left out.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sessions.records import JSON

from .formats import Conversation, Format
from .notes import SYSTEM
from .openai import MESSAGES, tell
from .pieces import ASSISTANT, TOOL, USER, written
from .ways import Step, Ways

MOST_CHARACTERS_OF_ID = 40
MOST_CHARACTERS_OF_NAME = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def stream(conversation: Conversation) -> Iterator[str]:
    """The rows' text, a message at a time; nothing for a way on which the assistant says nothing."""
    ways = Ways(conversation)
    for number in range(len(ways)):
        until = 0
        tools: dict[str, None] = {}
        for place, message in enumerate(_messages(ways.along(number)), 1):
            if message["role"] == ASSISTANT:
                until = place
                tools |= dict.fromkeys(call["function"]["name"] for call in message.get("tool_calls", ()))
        if not until:
            continue
        yield f'{{"{MESSAGES}": ['
        separator = ""
        for message in islice(_messages(ways.along(number)), until):
            yield separator + written(message)
            separator = ", "
        yield "]"
        if tools:
            yield f', "tools": {written(_tools(conversation, list(tools)))}'
        yield "}\n"


def _tools(conversation: Conversation, names: list[str]) -> list[JSON]:
    """What is known of the tools that were called: what the conversation came with, else their names."""
    told = conversation.header.metadata.get("tools")
    known = {one["function"].get("name"): one for one in told if _is_tool(one)} if isinstance(told, list) else {}
    return [
        *known.values(),
        *(_tool(name) for name in names if name not in known),
    ]


def _is_tool(value: JSON) -> bool:
    return isinstance(value, dict) and value.keys() == {"type", "function"} and isinstance(value["function"], dict)


def _tool(name: str) -> dict[str, JSON]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


# --- messages that are accepted ---------------------------------------------------------------------------------


def _messages(steps: Iterator[Step]) -> Iterator[dict[str, Any]]:
    waiting: dict[str, str] = {}
    for said in tell(steps, with_originals=False):
        message = said.message
        if message["role"] == TOOL and message["tool_call_id"] in waiting:
            yield _result(waiting.pop(message["tool_call_id"]), message["content"])
            continue
        yield from (_result(own, "") for own in waiting.values())
        waiting = {}
        if message["role"] == TOOL:
            # A result that comes too late, or that nobody asked for, is still read.
            message = {"role": SYSTEM, "content": message["content"]}
        calls = [_call(call) for call in message.get("tool_calls", ())]
        waiting = {call["id"]: own["id"] for call, own in zip(message.get("tool_calls", ()), calls, strict=True)}
        if content := message["content"]:
            yield {"role": message["role"], "content": content} | ({"tool_calls": calls} if calls else {})
        elif calls:
            yield {"role": ASSISTANT, "tool_calls": calls}
        elif message["role"] == USER and said.note.get("metadata", {}).get("attachments"):
            yield {"role": USER, "content": ""}
    yield from (_result(own, "") for own in waiting.values())


def _result(own: str, said: str) -> dict[str, Any]:
    return {"role": TOOL, "tool_call_id": own, "content": said}


def _is_object(said: str) -> bool:
    try:
        return isinstance(json.loads(said), dict)
    except (ValueError, RecursionError):
        return False


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    given = function["arguments"]
    return {
        "id": call["id"] if len(call["id"]) <= MOST_CHARACTERS_OF_ID else call["id"][-MOST_CHARACTERS_OF_ID:],
        "type": "function",
        "function": {
            "name": _NOT_IN_NAMES.sub("_", function["name"])[:MOST_CHARACTERS_OF_NAME] or TOOL,
            "arguments": given if _is_object(given) else written({"value": given}),
        },
    }


FORMAT = Format(
    name="openai-finetune",
    label="OpenAI fine-tuning",
    media_type="application/x-ndjson",
    ending="jsonl",
    write=stream,
)
