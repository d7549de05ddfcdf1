"""LangChain's messages: what they say to people, and they themselves as texts and back."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage, messages_from_dict

from ..shapes import InteractionFields
from .texts import count, plain, readable, said, short


def text_of(message: BaseMessage) -> str:
    """A message as JSON; what is in it that JSON has not becomes a text."""
    return json.dumps({"type": message.type, "data": message.model_dump(mode="json", fallback=str)})


def message_of(text: str) -> BaseMessage:
    return messages_from_dict([json.loads(text)])[0]


def interaction_of(message: BaseMessage) -> InteractionFields:
    """What a message says to people."""
    content = said(message.content)
    if isinstance(message, HumanMessage):
        return {"kind": "client_request", "prompt": content}
    if isinstance(message, AIMessage):
        return _answer(message, content)
    if isinstance(message, ToolMessage):
        status = "error" if message.status == "error" else ""
        told = content or readable(message.content or "")
        return {"kind": "tool_response", "response": told, "tool_name": short(message.name), "status": status}
    return {"kind": "client_request", "prompt": content, "status": short(message.type, longest=64)}


def turn_of(messages: Sequence[BaseMessage]) -> InteractionFields:
    """What several messages together say: the requests, the answers, and the first tool that was called."""
    told = [interaction_of(message) for message in messages]
    if len(told) == 1:
        return told[0]
    fields: InteractionFields = {
        "prompt": readable("\n\n".join(one["prompt"] for one in told if one.get("prompt"))),
        "response": readable("\n\n".join(one["response"] for one in told if one.get("response"))),
    }
    call = next((one for one in told if one["kind"] == "tool_call"), None)
    if call is not None:
        fields["tool_name"], fields["tool_parameters"] = call["tool_name"], call["tool_parameters"]
    fields["model"] = next((one["model"] for one in told if one.get("model")), "")
    names: tuple[Literal["input_tokens", "output_tokens"], ...] = ("input_tokens", "output_tokens")
    for name in names:
        numbers = [number for one in told if isinstance(number := one.get(name), int)]
        if numbers:
            fields[name] = sum(numbers)
    fields["kind"] = "conversation_turn" if fields["prompt"] and fields["response"] else told[-1]["kind"]
    return fields


def _answer(message: AIMessage, content: str) -> InteractionFields:
    fields: InteractionFields = {"kind": "agent_response", "response": content}
    calls = message.tool_calls
    if calls:
        inputs = [call["args"] for call in calls]
        fields["kind"] = "tool_call"
        fields["tool_name"] = short(calls[0]["name"])
        fields["tool_parameters"] = plain(inputs[0] if len(inputs) == 1 else inputs)
    model = message.response_metadata.get("model_name") or message.response_metadata.get("model")
    if model:
        fields["model"] = short(model)
    usage: Any = message.usage_metadata or {}
    if (tokens := count(usage.get("input_tokens"))) is not None:
        fields["input_tokens"] = tokens
    if (tokens := count(usage.get("output_tokens"))) is not None:
        fields["output_tokens"] = tokens
    return fields
