"""The tools, resources and prompts that the suite calls by name, beside our own and served in the same way.

Their names and texts are the suite's. What needs a stream that the server speaks on of itself is not among them.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
    Tool,
)

from sessions.mcp_server import server as ours
from sessions.mcp_server.desk import desk_of

from .tools import IMAGE, PNG, SCHEMAS, TOOLS, Context, answered, ask, embedded, question, text_content, work

type Handler = Callable[..., Awaitable[Any]]

STATE_KEY = "a key for the suite alone, the same in every process of the server"


def build_server() -> Server[Any]:
    server = ours.build_server()
    server.middleware.append(RequestStateBoundary(RequestStateSecurity(keys=[STATE_KEY]), default_audience=server.name))
    server.get_tool_input_schema = SCHEMAS.get
    for method, params, handler in (
        ("tools/list", PaginatedRequestParams, _list_tools),
        ("tools/call", CallToolRequestParams, _call_tool),
        ("resources/list", PaginatedRequestParams, _list_resources),
        ("resources/templates/list", PaginatedRequestParams, _list_templates),
        ("resources/read", ReadResourceRequestParams, _read_resource),
        ("prompts/list", PaginatedRequestParams, _list_prompts),
        ("prompts/get", GetPromptRequestParams, _get_prompt),
        ("completion/complete", CompleteRequestParams, _complete),
    ):
        known = server.get_request_handler(method)
        assert known is not None
        server.add_request_handler(method, params, _before(known.handler, handler))
    return server


def _before(own: Handler, fixture: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handler(context: Context, params: Any) -> Any:
        return await fixture(context, params, own)

    return handler


# --- Tools --------------------------------------------------------------------------------------------------


async def _list_tools(context: Context, params: Any, own: Handler) -> ListToolsResult:
    tools = [
        Tool(name=name, description="For the suite.", input_schema=dict(SCHEMAS.get(name, {"type": "object"})))
        for name in TOOLS
    ]
    return ListToolsResult(tools=[*(await own(context, params)).tools, *tools])


async def _call_tool(context: Context, params: CallToolRequestParams, own: Handler) -> Any:
    if params.name not in TOOLS:
        return await own(context, params)
    return await desk_of(context).run(lambda: work(context, params))


# --- Resources ----------------------------------------------------------------------------------------------

TEMPLATE = "test://template/{id}/data"
STATIC: Mapping[str, TextResourceContents | BlobResourceContents] = {
    "test://static-text": TextResourceContents(
        uri="test://static-text", mime_type="text/plain", text="This is the content of the static text resource."
    ),
    "test://static-binary": BlobResourceContents(uri="test://static-binary", mime_type="image/png", blob=PNG),
}


async def _list_resources(context: Context, params: Any, own: Handler) -> ListResourcesResult:
    mine = [Resource(uri=uri, name=uri, description="For the suite.") for uri in STATIC]
    return ListResourcesResult(resources=[*(await own(context, params)).resources, *mine])


async def _list_templates(context: Context, params: Any, own: Handler) -> ListResourceTemplatesResult:
    mine = ResourceTemplate(uri_template=TEMPLATE, name="template", description="For the suite.")
    return ListResourceTemplatesResult(resource_templates=[*(await own(context, params)).resource_templates, mine])


async def _read_resource(context: Context, params: ReadResourceRequestParams, own: Handler) -> ReadResourceResult:
    uri = str(params.uri)
    if uri in STATIC:
        return ReadResourceResult(contents=[STATIC[uri]])
    if uri.startswith("test://template/"):
        name = uri.split("/")[3]
        text = json.dumps({"id": name, "templateTest": True, "data": f"Data for ID: {name}"})
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="application/json", text=text)])
    result: ReadResourceResult = await own(context, params)
    return result


# --- Prompts ------------------------------------------------------------------------------------------------

CONTEXT_QUESTION = {"user_context": question("What context should the prompt use?", "context")}


def _argument(name: str) -> PromptArgument:
    return PromptArgument(name=name, description="For the suite.", required=True)


PROMPTS = {
    prompt.name: prompt
    for prompt in (
        Prompt(name="test_simple_prompt", description="For the suite."),
        Prompt(
            name="test_prompt_with_arguments",
            description="For the suite.",
            arguments=[_argument("arg1"), _argument("arg2")],
        ),
        Prompt(
            name="test_prompt_with_embedded_resource",
            description="For the suite.",
            arguments=[_argument("resourceUri")],
        ),
        Prompt(name="test_prompt_with_image", description="For the suite."),
        Prompt(name="test_input_required_result_prompt", description="For the suite."),
    )
}


def _prompt(params: GetPromptRequestParams) -> GetPromptResult | InputRequiredResult:
    given = params.arguments or {}
    match params.name:
        case "test_simple_prompt":
            return _messages(text_content("This is a simple prompt for testing."))
        case "test_prompt_with_arguments":
            return _messages(
                text_content(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
            )
        case "test_prompt_with_embedded_resource":
            if "resourceUri" not in given:
                raise MCPError(INVALID_PARAMS, "resourceUri must be given.")
            resource = embedded(given["resourceUri"], "Embedded resource content for testing.")
            return _messages(resource, text_content("Please process the embedded resource above."))
        case "test_prompt_with_image":
            return _messages(IMAGE, text_content("Please analyze the image above."))
        case _ if answered(params, CONTEXT_QUESTION):
            return _messages(text_content("Use this context."))
        case _:
            return ask(CONTEXT_QUESTION)


def _messages(*content: Any) -> GetPromptResult:
    return GetPromptResult(messages=[PromptMessage(role="user", content=one) for one in content])


async def _list_prompts(context: Context, params: Any, own: Handler) -> ListPromptsResult:
    return ListPromptsResult(prompts=[*(await own(context, params)).prompts, *PROMPTS.values()])


async def _get_prompt(context: Context, params: GetPromptRequestParams, own: Handler) -> Any:
    if params.name not in PROMPTS:
        return await own(context, params)
    return await desk_of(context).run(lambda: _prompt(params))


async def _complete(context: Context, params: CompleteRequestParams, own: Handler) -> Any:
    if getattr(params.ref, "name", "") not in PROMPTS:
        return await own(context, params)
    return CompleteResult(completion=Completion(values=["paris", "park", "party"], total=3, has_more=False))
