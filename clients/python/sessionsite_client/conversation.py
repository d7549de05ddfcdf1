"""A conversation that is being held, and logged as it goes on."""

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self, Unpack, cast
from uuid import uuid4

from .errors import ClientError
from .shapes import Details, InteractionFields

log = logging.getLogger("sessionsite_client")
MOST_ERROR_CHARACTERS = 10_000

current: ContextVar["Conversation | None"] = ContextVar("sessionsite_conversation", default=None)
"""The conversation whose `with` block is being run; `@logged` functions within are logged into it."""


def _with(details: Details, fields: InteractionFields) -> InteractionFields:
    return cast("InteractionFields", {**details, **fields})


def turn_of(prompt: str, response: str, details: Details) -> InteractionFields:
    return _with(details, {"kind": "conversation_turn", "prompt": prompt, "response": response})


def request_of(prompt: str, details: Details) -> InteractionFields:
    return _with(details, {"kind": "client_request", "prompt": prompt})


def response_of(response: str, details: Details) -> InteractionFields:
    return _with(details, {"kind": "agent_response", "response": response})


def call_of(name: str, parameters: Any, details: Details) -> InteractionFields:
    call = _with(details, {"kind": "tool_call", "tool_name": name})
    call.setdefault("idempotency_key", uuid4().hex)
    if parameters is not None:
        call["tool_parameters"] = parameters
    return call


def result_of(call: InteractionFields, result: str) -> InteractionFields:
    return {
        "kind": "tool_response",
        "tool_name": call["tool_name"],
        "response": result,
        "parent_key": call["idempotency_key"],
    }


def error_of(error: BaseException | str, prompt: str, details: Details) -> InteractionFields:
    told = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    message = told[:MOST_ERROR_CHARACTERS]
    return _with(details, {"kind": "error", "prompt": prompt, "error_message": message, "status": "error"})


class Conversation:
    """What is said within a `with` block. An exception that leaves it is logged as an error, and goes on its way."""

    def __init__(self, begin: Callable[[], str], record: Callable[..., Any]) -> None:
        self._begin = begin
        self._record = record
        self._outer: Token[Conversation | None] | None = None
        self.session_id = ""

    def __enter__(self) -> Self:
        self.session_id = self._begin()
        self._outer = current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._outer is not None:
            current.reset(self._outer)
            self._outer = None
        if isinstance(error, Exception):
            try:
                self.error(error)
            except ClientError as failure:
                error.add_note(f"This could not be logged: {failure}")

    def log(self, **fields: Unpack[InteractionFields]) -> None:
        """Any interaction."""
        self._record(self.session_id, **fields)

    def turn(self, prompt: str, response: str = "", **details: Unpack[Details]) -> None:
        """A request and its answer."""
        self.log(**turn_of(prompt, response, details))

    def request(self, prompt: str, **details: Unpack[Details]) -> None:
        """What the client said, where the answer comes by itself."""
        self.log(**request_of(prompt, details))

    def response(self, response: str, **details: Unpack[Details]) -> None:
        """What the agent answered."""
        self.log(**response_of(response, details))

    def tool(self, name: str, parameters: Any = None, result: str = "", **details: Unpack[Details]) -> None:
        """A tool's call and its result."""
        call = call_of(name, parameters, details)
        self.log(**call)
        self.log(**result_of(call, result))

    def error(self, error: BaseException | str, prompt: str = "", **details: Unpack[Details]) -> None:
        """What went wrong."""
        self.log(**error_of(error, prompt, details))


class AsyncConversation:
    """The same, awaited."""

    def __init__(self, begin: Callable[[], Awaitable[str]], record: Callable[..., Awaitable[Any]]) -> None:
        self._begin = begin
        self._record = record
        self.session_id = ""

    async def __aenter__(self) -> Self:
        self.session_id = await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            try:
                await self.error(error)
            except ClientError as failure:
                error.add_note(f"This could not be logged: {failure}")

    async def log(self, **fields: Unpack[InteractionFields]) -> None:
        """Any interaction."""
        await self._record(self.session_id, **fields)

    async def turn(self, prompt: str, response: str = "", **details: Unpack[Details]) -> None:
        """A request and its answer."""
        await self.log(**turn_of(prompt, response, details))

    async def request(self, prompt: str, **details: Unpack[Details]) -> None:
        """What the client said, where the answer comes by itself."""
        await self.log(**request_of(prompt, details))

    async def response(self, response: str, **details: Unpack[Details]) -> None:
        """What the agent answered."""
        await self.log(**response_of(response, details))

    async def tool(self, name: str, parameters: Any = None, result: str = "", **details: Unpack[Details]) -> None:
        """A tool's call and its result."""
        call = call_of(name, parameters, details)
        await self.log(**call)
        await self.log(**result_of(call, result))

    async def error(self, error: BaseException | str, prompt: str = "", **details: Unpack[Details]) -> None:
        """What went wrong."""
        await self.log(**error_of(error, prompt, details))
