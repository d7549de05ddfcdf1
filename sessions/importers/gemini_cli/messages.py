"""What one message of a session holds for a reader: pure, knowing neither the file nor the session."""

import json
from typing import Any

from sessions.records import JSON, InteractionKind

from ..blocks import decoded, result_text
from ..chat import turn_part
from ..files import describe_file, is_file_type
from ..threads import Part
from ..values import count, mapping, name_of, parse_time, text


def read_message(record: dict[str, Any], answered: set[str]) -> list[Part]:
    """A message's parts. `answered` are the calls whose results were given: they are written up to three times."""
    kind = text(record.get("type"))
    if kind in ("gemini", "model"):
        return _read_answer(record, answered)
    content = _content_of(record)
    parts = [_spoken(kind, said, number) for number, said in enumerate(_texts(content))]
    results = _results(content, answered)
    if not parts and not results and not _holds_results(content):
        parts = [_spoken(kind, "", 0)]
    parts += results
    if files := _files(content):
        parts = parts or [_spoken(kind, "", 0)]
        parts[0].metadata["attachments"] = files
    return parts


def _spoken(kind: str, said: str, number: int) -> Part:
    name = f"text{number}" if number else ""
    if kind == "user":
        part = Part(InteractionKind.CLIENT_REQUEST, name=name, prompt=said)
        if said.lstrip().startswith("<session_context>"):
            part.metadata |= {"is_meta": True, "markup": "session_context"}
        return part
    if kind == "error":
        return Part(InteractionKind.ERROR, name=name, error_message=said, status="error")
    part = turn_part(said, "")
    part.name = name
    part.metadata["record"] = name_of(kind)
    return part


def _read_answer(record: dict[str, Any], answered: set[str]) -> list[Part]:
    """Text and thoughts, then each call with its result. Without text it is there for its thoughts and tokens."""
    content = _content_of(record)
    model, tokens = text(record.get("model")), mapping(record.get("tokens"))
    parts = [
        Part(InteractionKind.AGENT_RESPONSE, name=f"text{number}" if number else "", response=said, model=model)
        for number, said in enumerate(_texts(content))
    ]
    thoughts = _thoughts(record.get("thoughts")) or "\n\n".join(_texts(content, are_thoughts=True))
    calls = _calls(record, content, answered, model)
    if not parts and (thoughts or tokens or not calls):
        parts = [Part(InteractionKind.AGENT_RESPONSE, model=model)]
    if parts:
        parts[0].reasoning = thoughts
        parts[0].input_tokens, parts[0].output_tokens = count(tokens.get("input")), count(tokens.get("output"))
        rest = {name: number for name in ("cached", "thoughts", "tool", "total") if (number := count(tokens.get(name)))}
        if rest:
            parts[0].metadata["usage"] = rest
    parts += calls + _results(content, answered)
    if files := _files(content):
        parts[0].metadata["attachments"] = files
    return parts


def _calls(record: dict[str, Any], content: JSON, answered: set[str], model: str) -> list[Part]:
    listed = record.get("toolCalls")
    calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
    known = {text(call.get("id")) for call in calls}
    inside = [mapping(block["functionCall"]) for block in _blocks(content) if "functionCall" in block]
    parts: list[Part] = []
    for number, call in enumerate([*calls, *(call for call in inside if text(call.get("id")) not in known)]):
        call_id = text(call.get("id"))
        own = call_id or f"{text(record.get('id'))}:{number}"
        part = Part(InteractionKind.TOOL_CALL, name=f"call:{own}", tool_name=text(call.get("name")), model=model)
        part.tool_parameters, part.call_id = decoded(call.get("args")), own
        parts.append(part)
        if (result := _result_of(call, own)) and own not in answered:
            answered.add(own)
            parts.append(result)
    return parts


def _result_of(call: dict[str, Any], call_id: str) -> Part | None:
    given = call.get("result")
    responses = [mapping(block["functionResponse"]) for block in _blocks(given) if "functionResponse" in block]
    if responses:
        part = _whole_result(_blocks(given), responses, call_id)
    elif given is None and call.get("resultDisplay") is None:
        return None
    else:
        said, _ = result_text(given if given is not None else call.get("resultDisplay"))
        part = Part(InteractionKind.TOOL_RESPONSE, name=f"result:{call_id}", response=said, call_id=call_id)
        part.status = "success"
    if call.get("status") in ("error", "cancelled"):
        part.status = "error"
    part.occurred_at = parse_time(call.get("timestamp"))
    return part


def _whole_result(blocks: list[dict[str, Any]], responses: list[dict[str, Any]], call_id: str) -> Part:
    """A result of several pieces: what was answered, and the texts and files that were put behind it."""
    part = _result(responses[0], call_id)
    others = [_result(one, call_id) for one in responses[1:]]
    said = [part.response, *(one.response for one in others), *_texts(blocks)]
    part.response = "\n".join(filter(None, said))
    found = [*_attached(part), *(file for one in others for file in _attached(one)), *_files(blocks)]
    if found:
        part.metadata["attachments"] = found
    if any(one.status == "error" for one in others):
        part.status = "error"
    return part


def _attached(part: Part) -> list[JSON]:
    files = part.metadata.get("attachments")
    return files if isinstance(files, list) else []


def _results(content: JSON, answered: set[str]) -> list[Part]:
    """Results that stand in a message of their own, unless they stood with their call."""
    parts = []
    for block in _blocks(content):
        response = mapping(block.get("functionResponse"))
        call_id = text(response.get("id"))
        if response and (not call_id or call_id not in answered):
            answered.add(call_id)
            parts.append(_result(response, call_id))
    return parts


def _result(response: dict[str, Any], call_id: str) -> Part:
    given = mapping(response.get("response"))
    said, files = result_text(response.get("response"))
    part = Part(InteractionKind.TOOL_RESPONSE, name=f"result:{call_id}", response=said, call_id=call_id)
    part.tool_name = text(response.get("name"))
    part.status = "error" if "error" in given and "output" not in given else "success"
    files += _files(response.get("parts"))
    if files:
        part.metadata["attachments"] = files
    return part


def _content_of(record: dict[str, Any]) -> JSON:
    content = record.get("content")
    return record.get("parts") if content in (None, "") and "parts" in record else content


def _blocks(content: JSON) -> list[dict[str, Any]]:
    listed = content if isinstance(content, list) else [content]
    return [block if isinstance(block, dict) else {"text": block} for block in listed if block is not None]


def _texts(content: JSON, *, are_thoughts: bool = False) -> list[str]:
    found = []
    for block in _blocks(content):
        is_thought = block.get("thought") is True
        said = block.get("text")
        if not isinstance(said, str) and not _is_known(block):
            said = json.dumps(block, ensure_ascii=False)
        if is_thought is are_thoughts and isinstance(said, str) and said:
            found.append(said)
    return found


def _is_known(block: dict[str, Any]) -> bool:
    return "functionCall" in block or "functionResponse" in block or any(is_file_type(name) for name in block)


def _holds_results(content: JSON) -> bool:
    return any("functionResponse" in block for block in _blocks(content))


def _files(content: JSON) -> list[JSON]:
    return [describe_file(block, name) for block in _blocks(content) for name in block if is_file_type(name)]


def _thoughts(thoughts: JSON) -> str:
    """Each thought as its subject and description."""
    said = []
    for thought in thoughts if isinstance(thoughts, list) else []:
        subject, described = text(mapping(thought).get("subject")), text(mapping(thought).get("description"))
        both = f"**{subject}** {described}".strip() if subject else described
        said.append(both or text(thought))
    return "\n\n".join(filter(None, said))
