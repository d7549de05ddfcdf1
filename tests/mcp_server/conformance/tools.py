"""What the suite's tools answer: contents of every kind, and results that ask the client for something first."""

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolRequestParams,
    CallToolResult,
    EmbeddedResource,
    GetPromptRequestParams,
    ImageContent,
    InputRequiredResult,
    TextContent,
    TextResourceContents,
)

type Context = ServerRequestContext[Any, Any]
type Asked = CallToolRequestParams | GetPromptRequestParams


# --- Contents -----------------------------------------------------------------------------------------------


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + _chunk(b"IEND", b"")
).decode()
WAV = base64.b64encode(
    b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data" + struct.pack("<I", 2) + b"\x80\x80"
).decode()  # fmt: skip
IMAGE = ImageContent(data=PNG, mime_type="image/png")


def text_content(text: str) -> TextContent:
    return TextContent(text=text)


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def _said(*content: Any, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=list(content), is_error=is_error)


# --- Tools --------------------------------------------------------------------------------------------------

PLAIN: Mapping[str, CallToolResult] = {
    "test_simple_text": _said(text_content("This is a simple text response for testing.")),
    "test_image_content": _said(IMAGE),
    "test_audio_content": _said(AudioContent(data=WAV, mime_type="audio/wav")),
    "test_embedded_resource": _said(embedded("test://embedded-resource", "This is an embedded resource content.")),
    "test_multiple_content_types": _said(
        text_content("Multiple content types test:"),
        IMAGE,
        embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ),
    "test_error_handling": _said(text_content("This tool intentionally returns an error for testing"), is_error=True),
    # These tell nothing while they run, which is what the suite wants to see of them.
    "test_logging_tool": _said(text_content("Done.")),
    "test_streaming_elicitation": _said(text_content("Done.")),
    "json_schema_2020_12_tool": _said(text_content("Done.")),
    "test_custom_headers": _said(text_content("Done.")),
}
SCHEMA_2020_12: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
WITH_HEADERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "query": {"type": "string"},
    },
    "required": ["region"],
}
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "json_schema_2020_12_tool": SCHEMA_2020_12,
    "test_custom_headers": WITH_HEADERS,
}


def question(message: str, name: str, kind: str = "string") -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def _sampling(text: str, most: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": {"type": "text", "text": text}}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": most}}


ROOTS = {"method": "roots/list", "params": {}}
NAME = question("What is your name?", "name")
CONFIRM = question("Please confirm", "ok", "boolean")
# By tool: what it asks for in its first round, and whether it sends a state along.
ASKING: Mapping[str, tuple[Mapping[str, Any], bool]] = {
    "test_input_required_result_elicitation": ({"user_name": NAME}, False),
    "test_input_required_result_sampling": (
        {"capital_question": _sampling("What is the capital of France?", 100)},
        False,
    ),
    "test_input_required_result_list_roots": ({"client_roots": ROOTS}, False),
    "test_input_required_result_request_state": ({"confirm": CONFIRM}, True),
    "test_input_required_result_tampered_state": ({"confirm": CONFIRM}, True),
    "test_input_required_result_multiple_inputs": (
        {"user_name": NAME, "greeting": _sampling("Generate a greeting", 50), "client_roots": ROOTS},
        True,
    ),
}
STEPS = (
    {"step1": question("Step 1: What is your name?", "name")},
    {"step2": question("Step 2: What is your favorite color?", "color")},
)


def ask(requests: Mapping[str, Any], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult.model_validate(
        {"inputRequests": dict(requests)} | ({"requestState": state} if state else {})
    )


def answered(params: Asked, names: Mapping[str, Any]) -> bool:
    return all(name in (params.input_responses or {}) for name in names)


def _ask_first(params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    requests, with_state = ASKING[params.name]
    if not answered(params, requests) or (with_state and params.request_state != params.name):
        return ask(requests, params.name if with_state else None)
    return _said(text_content(f"state-ok: {json.dumps(sorted(requests))}"))


def _ask_twice(params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    done = int(params.request_state or 0)
    if params.request_state is not None and answered(params, STEPS[done - 1]):
        if done == len(STEPS):
            return _said(text_content("All steps are done."))
        return ask(STEPS[done], str(done + 1))
    return ask(STEPS[max(0, done - 1)], str(max(1, done)))


def _ask_what_the_client_can(context: Context) -> CallToolResult | InputRequiredResult:
    able = _capabilities(context)
    wanted = {"elicitation": ("name", NAME), "sampling": ("text", _sampling("Say something", 50))}
    return ask(dict(wanted[name] for name in wanted if name in able))


def _need_sampling(context: Context) -> CallToolResult:
    if "sampling" not in _capabilities(context):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "Sampling is needed.", data={"requiredCapabilities": {"sampling": {}}}
        )
    return _said(text_content("The client can sample."))


def _capabilities(context: Context) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = context.meta or {}
    return meta.get(CLIENT_CAPABILITIES_META_KEY) or {}


def work(context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    match params.name:
        case name if name in PLAIN:
            return PLAIN[name]
        case name if name in ASKING:
            return _ask_first(params)
        case "test_input_required_result_multi_round":
            return _ask_twice(params)
        case "test_input_required_result_capabilities":
            return _ask_what_the_client_can(context)
        case _:
            return _need_sampling(context)


TOOLS = (
    *PLAIN,
    *ASKING,
    "test_input_required_result_multi_round",
    "test_input_required_result_capabilities",
    "test_missing_capability",
)
