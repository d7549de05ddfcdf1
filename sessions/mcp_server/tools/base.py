"""What a tool is, and how one is called: arguments checked strictly, results typed, refusals told to whoever asked."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations
from pydantic import BaseModel, ValidationError

from sessions import errors
from sessions.agents.shapes import Outgoing
from sessions.records import Caller, Scope

from ..refusals import as_text, domain_error
from ..schemas import portable_schema

_MOST_MISTAKES = 10


@dataclass(frozen=True, slots=True)
class Answer[R: Outgoing]:
    """What a tool found or did, and the same in a sentence."""

    result: R
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What calling a tool does to the store, as the protocol's hints say it."""

    reads_only: bool = False
    destroys: bool = False
    idempotent: bool = False


READS = Effect(reads_only=True, idempotent=True)
ADDS = Effect()
SETTLES = Effect(idempotent=True)
DESTROYS = Effect(destroys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTool:
    """One tool: the scope that it needs, what it takes and gives, and the function that does it."""

    name: str
    title: str
    scope: Scope
    effect: Effect
    description: str
    arguments: type[BaseModel]
    result: type[Outgoing]
    work: Callable[[Caller, Any], Answer[Any]]

    def told(self) -> Tool:
        """The tool as a list of tools shows it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=portable_schema(self.arguments),
            output_schema=portable_schema(self.result),
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.effect.reads_only,
                destructive_hint=self.effect.destroys,
                idempotent_hint=self.effect.idempotent,
                open_world_hint=False,
            ),
        )

    def call(self, caller: Caller, arguments: Mapping[str, Any]) -> CallToolResult:
        """Do what is asked for. Whatever goes wrong is told as the tool's own error, with what to do next."""
        try:
            wanted = self.arguments.model_validate(arguments)
        except ValidationError as error:
            return self._refused(_mistakes(error))
        try:
            return _success(self.work(caller, wanted))
        except Exception as error:  # noqa: BLE001  (whatever it is, the agent hears of it and may go on)
            return self._refused(domain_error(error, tool=self.name))

    def _refused(self, error: errors.SessionsiteError) -> CallToolResult:
        safe = "" if self.effect.reads_only else "Nothing was stored or changed."
        return CallToolResult(content=[TextContent(text=as_text(error, safe=safe))], is_error=True)


def tool[A: BaseModel, R: Outgoing](
    scope: Scope, effect: Effect, *, title: str
) -> Callable[[Callable[[Caller, A], Answer[R]]], StoreTool]:
    """Make a tool of a function that takes arguments and gives an answer; its docstring is what an agent reads."""

    def make(work: Callable[[Caller, A], Answer[R]]) -> StoreTool:
        hints = get_type_hints(work)
        (result,) = get_args(hints.pop("return"))
        _, arguments = hints.values()
        return StoreTool(
            name=work.__name__,
            title=title,
            scope=scope,
            effect=effect,
            description=inspect.cleandoc(work.__doc__ or ""),
            arguments=arguments,
            result=result,
            work=work,
        )

    return make


# --- What an agent is told ----------------------------------------------------------------------------------


def _success(answer: Answer[Any]) -> CallToolResult:
    """The result as data, and as text for clients that hand on nothing else; empty members are left out."""
    data = answer.result.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    texts = [answer.text, json.dumps(data, ensure_ascii=False, separators=(",", ":"))]
    return CallToolResult(content=[TextContent(text=text) for text in texts], structured_content=data)


def _mistakes(error: ValidationError) -> errors.InvalidInput:
    """What is wrong with some arguments: their names and the rule, never what they held."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{_place(one['loc'])}: {one['msg']}" for one in found[:_MOST_MISTAKES]]
    more = f" and {len(found) - _MOST_MISTAKES} more" if len(found) > _MOST_MISTAKES else ""
    return errors.InvalidInput(
        "arguments", f"{'; '.join(told)}{more}.", hint="Correct them as the tool's input schema says."
    )


def _place(steps: tuple[int | str, ...]) -> str:
    # A member that somebody made up may hold anything; its name goes back as text that every client can show.
    return ".".join(ascii(step)[1:-1][:80] if isinstance(step, str) else str(step) for step in steps) or "arguments"
