"""What one item of a rollout holds for a reader: pure, knowing neither the file nor the session.

Items are those of the Responses API, as Codex records them, and the events by which it told its own screen of them.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sessions.records import JSON, InteractionKind

from ..blocks import call_part, decoded, result_text
from ..chat import ASSISTANT, TOOL, USER, role_of, turn_part, usage_of
from ..files import describe_file, is_file_type
from ..threads import Part
from ..values import clip, count, mapping, milliseconds, name_of, text

REASONING = "reasoning"
_TEXT_TYPES = frozenset({"input_text", "output_text", "text", "Text", "summary_text", "reasoning_text", ""})


@dataclass(slots=True)
class Reading:
    """What an item gave.

    `said` is who says which text. An event is an echo: it counts only where no item says the same. `usage` are the
    tokens of one answer of the model, (input, output, details), and `total` is the session's count after it.
    `reason` is why the item is set aside if it gives nothing.
    """

    parts: list[Part] = field(default_factory=list)
    reason: str = ""
    is_input: bool = False
    is_echo: bool = False
    said: list[tuple[str, str]] = field(default_factory=list)
    usage: tuple[int | None, int | None, dict[str, JSON]] | None = None
    total: JSON = None


def read_item(item: dict[str, Any]) -> Reading:
    """An item of the conversation itself."""
    kind = text(item.get("type")) or ("message" if "role" in item else "")
    reader = _ITEMS.get(kind)
    if reader:
        return reader(item)
    if kind.endswith(("_call_output", "_output", "tool_result")):
        return Reading([_output(item)], is_input=True)
    if kind.endswith(("_call", "tool_call")):
        return Reading(_hosted_call(item, kind))
    if usage := _usage(item):
        return Reading(reason=f"item: {name_of(kind)}", usage=usage)
    if said := words(item):
        part = turn_part(said, text(item.get("role")))
        part.metadata["record"] = name_of(kind)
        return Reading([part])
    return Reading(reason=f"item: {name_of(kind)}")


# --- messages ---------------------------------------------------------------------------------------------------

_INJECTED = re.compile(
    r"\s*<(environment_context|user_instructions|INSTRUCTIONS|turn_aborted|user_shell_command|skill|skills_instructions"
    r"|permissions instructions|subagent_notification|user_action|collaboration_mode|apps_instructions|personality_spec"
    r"|model_switch|hook_prompt|goal_context)\b"
)
_AGENTS_FILE = re.compile(r"\s*# AGENTS\.md instructions\b")


def _message(item: dict[str, Any]) -> Reading:
    """One part for each text; files go with the first."""
    spelling = text(item.get("role"))
    role = role_of(spelling)
    is_harness = _is_from_harness(item)
    parts, files = [], []
    for block in _blocks(item.get("content")):
        kind = text(block.get("type"))
        said = block.get("text") if kind in _TEXT_TYPES else block.get("refusal")
        if isinstance(said, str):
            parts.append(_text_part(role, spelling, said, is_harness=is_harness))
        elif is_file_type(kind):
            files.append(describe_file(block, kind))
        elif said := words(block):
            parts.append(_text_part(role, spelling, said, is_harness=is_harness))
            parts[-1].metadata["block"] = name_of(kind)
    if not parts:
        parts.append(_text_part(role, spelling, "", is_harness=is_harness))
    if files:
        parts[0].metadata["attachments"] = files
    if phase := text(item.get("phase")):
        parts[0].metadata["phase"] = clip(phase, 60)
    said = [(role, part.prompt or part.response) for part in parts]
    return Reading(parts, is_input=role != ASSISTANT, said=said)


def _text_part(role: str, spelling: str, said: str, *, is_harness: bool) -> Part:
    if role == ASSISTANT:
        return Part(InteractionKind.AGENT_RESPONSE, response=said)
    if role == TOOL:
        return Part(InteractionKind.TOOL_RESPONSE, response=said, status="success")
    if role != USER:
        return turn_part(said, spelling)
    part = Part(InteractionKind.CLIENT_REQUEST, prompt=said)
    if found := _INJECTED.match(said):
        part.metadata |= {"is_meta": True, "markup": found[1]}
    elif is_harness or _AGENTS_FILE.match(said):
        part.metadata["is_meta"] = True
    return part


def _is_from_harness(item: dict[str, Any]) -> bool:
    """Whether the message says of itself that the program wrote it, and not the user."""
    origins = mapping(item.get("internal_chat_message_metadata_passthrough")).get("content_item_metadata")
    return isinstance(origins, list) and any(
        mapping(mapping(origin).get("provenance")).get("type") == "harness" for origin in origins
    )


def _blocks(content: JSON) -> list[dict[str, Any]]:
    listed = content if isinstance(content, list) else [] if content is None else [content]
    return [block if isinstance(block, dict) else {"text": block} for block in listed]


def _reasoning(item: dict[str, Any]) -> Reading:
    blocks = [block for name in ("summary", "content") for block in _blocks(item.get(name))]
    said = [found for block in blocks if (found := text(block.get("text")))]
    part = Part(InteractionKind.AGENT_RESPONSE, reasoning="\n\n".join(said))
    if not said:
        part.metadata["hidden_reasoning"] = True
    return Reading([part], said=[(REASONING, one) for one in said])


# --- tools ------------------------------------------------------------------------------------------------------


def _call(item: dict[str, Any]) -> Reading:
    part = call_part({name: value for name, value in item.items() if name != "id"})
    if isinstance(namespace := item.get("namespace"), str):
        part.metadata["namespace"] = clip(namespace, 255)
    return Reading([part])


_ASKED = ("action", "arguments", "input", "queries", "code", "revised_prompt")
_ANSWERED = ("output", "outputs", "results")


def _hosted_call(item: dict[str, Any], kind: str) -> list[Part]:
    """A call of a tool that runs elsewhere, named by its type; what it was asked stands in `action` or so.

    Its result stands in the same item, if it is told at all.
    """
    given = next((item[name] for name in _ASKED if name in item), None)
    name = text(item.get("name")) or text(mapping(item.get("function")).get("name")) or kind.removesuffix("_call")
    part = Part(InteractionKind.TOOL_CALL, tool_name=name, tool_parameters=decoded(given))
    part.call_id = text(item.get("call_id")) or text(item.get("id"))
    if isinstance(result := item.get("result"), str) and result:
        part.metadata["attachments"] = [describe_file({"type": kind, "data": result})]
    answered = next((item[name] for name in _ANSWERED if item.get(name) is not None), item.get("error"))
    if answered is None:
        return [part]
    told = Part(InteractionKind.TOOL_RESPONSE, tool_name=name, call_id=part.call_id)
    told.response, files = result_text(answered)
    told.status = "error" if item.get("error") or item.get("status") == "failed" else "success"
    if files:
        told.metadata["attachments"] = files
    return [part, told]


_EXIT_CODE = re.compile(r"^Process exited with code (-?\d+)$", re.MULTILINE)
_WALL_TIME = re.compile(r"^Wall time:? (\d+(?:\.\d+)?) seconds$", re.MULTILINE)


def _output(item: dict[str, Any]) -> Part:
    given = next((item[name] for name in ("output", "result", "content", "tools") if item.get(name) is not None), None)
    part = Part(InteractionKind.TOOL_RESPONSE, status="success", tool_name=text(item.get("name")))
    part.call_id = text(item.get("call_id")) or text(item.get("id"))
    wrapped = _wrapped(given)
    part.response, files = result_text(wrapped.get("output", wrapped.get("content")) if wrapped else given)
    if files:
        part.metadata["attachments"] = files
    told = mapping(wrapped.get("metadata")) if wrapped else mapping(given)
    beginning = part.response[:500].partition("\nOutput:")[0]
    code = told.get("exit_code", told.get("exitCode"))
    if found := _EXIT_CODE.search(beginning):
        code = int(found[1])
    if type(code) is int:
        part.metadata["exit_code"] = code
    if code or wrapped.get("success") is False or item.get("status") in ("failed", "error"):
        part.status = "error"
    seconds = milliseconds(told.get("duration_seconds"))
    if seconds is None and (found := _WALL_TIME.search(beginning)):
        seconds = float(found[1])
    part.execution_time_ms = None if seconds is None else seconds * 1000
    return part


def _wrapped(given: JSON) -> dict[str, Any]:
    """Early versions put the output into an object, and that into a string."""
    value = decoded(given) if isinstance(given, str) and given.startswith("{") else given
    is_wrapped = isinstance(value, dict) and (
        (isinstance(value.get("output"), str) and isinstance(value.get("metadata"), dict)) or "success" in value
    )
    return mapping(value) if is_wrapped else {}


# --- what is no message -----------------------------------------------------------------------------------------


def _nothing(item: dict[str, Any]) -> Reading:
    return Reading(reason=f"item: {name_of(item.get('type'))}")


_ITEMS: dict[str, Callable[[dict[str, Any]], Reading]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _call,
    "custom_tool_call": _call,
    "tool_call": _call,
    "ghost_snapshot": _nothing,
}


def read_event(event: dict[str, Any]) -> Reading:
    """What the program told its screen. Most of it repeats an item; errors and notices do not."""
    kind = text(event.get("type"))
    if kind == "token_count":
        info = mapping(event.get("info"))
        usage = _usage(info.get("last_token_usage")) or _usage(info)
        return Reading(reason="event: token_count", usage=usage, total=info.get("total_token_usage"))
    if kind == "turn.completed" and (usage := _usage(event.get("usage"))):
        return Reading(reason=f"event: {kind}", usage=usage)
    if kind in ("error", "stream_error") and (said := text(event.get("message"))):
        part = Part(InteractionKind.ERROR, error_message=said, status="error", metadata={"record": kind})
        return Reading([part])
    return _echo(mapping(event.get("item"))) if kind == "item_completed" else _telling(event, kind)


_SPEAKERS = {
    "user_message": USER,
    "agent_message": ASSISTANT,
    "agent_reasoning": REASONING,
    "agent_reasoning_raw_content": REASONING,
}
_ITEM_SPEAKERS = {"UserMessage": USER, "AgentMessage": ASSISTANT, "Reasoning": REASONING}
# They tell of what the items hold, or of the program's own state.
_OWN_AFFAIRS = frozenset({
    "agent_message_delta", "codex/event/raw_item", "context_compacted", "exec_command_begin", "task_complete",
    "task_started", "thread_settings_applied", "turn.completed", "turn_complete", "turn_started",
})  # fmt: skip


def _telling(event: dict[str, Any], kind: str) -> Reading:
    reason = f"event: {name_of(kind)}"
    if kind in _OWN_AFFAIRS:
        return Reading(reason=reason)
    speaker = _SPEAKERS.get(kind)
    said = text(event.get("message")) or text(event.get("text")) if speaker else words(event)
    if not said:
        return Reading(reason=reason)
    return _heard(speaker, [said], kind, reason)


def _echo(item: dict[str, Any]) -> Reading:
    """An item as an event; what tools did is the output of their call."""
    kind = text(item.get("type"))
    reason = f"event: {name_of(kind)}"
    speaker = _ITEM_SPEAKERS.get(kind)
    if speaker is None and (item.get("call_id") or "aggregated_output" in item or kind.endswith("Call")):
        return Reading(reason=reason)
    blocks = [*_blocks(item.get("content")), *_blocks(item.get("summary_text")), *_blocks(item.get("raw_content"))]
    said = [found for block in blocks if (found := text(block.get("text")))]
    if speaker is None and not said and (found := words(item)):
        said = [found]
    return _heard(speaker, said, kind, reason) if said else Reading(reason=reason)


def _heard(speaker: str | None, said: list[str], kind: str, reason: str) -> Reading:
    parts = []
    for one in said:
        if speaker == REASONING:
            parts.append(Part(InteractionKind.AGENT_RESPONSE, reasoning=one))
        elif speaker:
            parts.append(_text_part(speaker, speaker, one, is_harness=False))
        else:
            parts.append(turn_part(one, ""))
            parts[-1].metadata["record"] = name_of(kind)
    return Reading(parts, reason=reason, is_echo=True, said=[(speaker or "", one) for one in said])


def _usage(value: JSON) -> tuple[int | None, int | None, dict[str, JSON]] | None:
    stated = mapping(value)
    given, made = usage_of(stated)
    if given is None and made is None:
        return None
    names = ("cached_input_tokens", "cache_write_input_tokens", "reasoning_output_tokens")
    return given, made, {name: number for name in names if (number := count(stated.get(name)))}


def read_usage(payload: dict[str, Any]) -> Reading:
    """A record that only counts tokens."""
    return Reading(
        reason="token_usage_record", usage=_usage(payload.get("usage")), total=payload.get("thread_token_usage")
    )


_WORDS = ("message", "text", "content", "delta", "review_output", "explanation", "user_facing_hint", "thread_name")


def words(value: JSON, depth: int = 4) -> str:
    """The text in a string, in text blocks, or in an object around it; the first that there is."""
    if isinstance(value, str) or not depth:
        return text(value)
    if isinstance(value, list):
        return "\n".join(filter(None, (words(item, depth - 1) for item in value)))
    inner = mapping(value)
    found = next(filter(None, (words(inner[name], depth - 1) for name in _WORDS if name in inner)), "")
    return found or (json.dumps(value, ensure_ascii=False) if depth < 4 and "findings" in inner else "")
