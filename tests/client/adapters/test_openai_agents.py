"""OpenAI Agents' Session: a real agent loop with a scripted model, and what else is promised."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, SessionSettings, function_tool
from agents.items import ModelResponse, TResponseStreamEvent
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from sessionsite_client import AsyncClient, Client
from sessionsite_client.adapters.openai_agents import SessionsiteSession

from ..running import run

Connect = Callable[..., AsyncClient]


class Scripted(Model):
    """Says what the script says, and remembers what it was given."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.given: list[Any] = []

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        self.given.append(input)
        return ModelResponse(output=[self.script.pop(0)], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[TResponseStreamEvent]:
        raise NotImplementedError


def says(text: str) -> ResponseOutputMessage:
    content = [ResponseOutputText(text=text, type="output_text", annotations=[])]
    return ResponseOutputMessage(id="m", content=content, role="assistant", status="completed", type="message")  # type: ignore[arg-type]


def calls(name: str, arguments: str) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(call_id=f"call-{name}", name=name, arguments=arguments, type="function_call")


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture
def with_session(connect: Connect, name: str) -> Callable[..., Any]:
    """Runs something with a session of the test's name."""

    def call(use: Callable[[SessionsiteSession], Any], **given: Any) -> Any:
        async def talk() -> Any:
            async with connect("write") as client:
                return await use(SessionsiteSession(name, client, **given))

        return run(talk())

    return call


def item(text: str) -> Any:
    return {"role": "user", "content": text}


def test_it_is_the_memory_of_an_agent(with_session: Any, client: Client, name: str) -> None:
    model = Scripted(calls("add", '{"a": 1, "b": 2}'), says("It is 3."), says("You asked 1 + 2."))
    quiet = RunConfig(tracing_disabled=True)

    def ask(question: str) -> Any:
        agent = Agent(name="Counter", model=model, tools=[add])
        return with_session(lambda session: Runner.run(agent, question, session=session, run_config=quiet))

    assert ask("1 + 2?").final_output == "It is 3."
    # Another run, with a session object that knows nothing yet.
    assert ask("what did I ask?").final_output == "You asked 1 + 2."
    kinds = [one.get("type") or one["role"] for one in model.given[-1]]
    assert kinds == ["user", "function_call", "function_call_output", "message", "user"]
    told = list(client.history(f"openai-agents.{name}"))
    assert [(one.kind, one.prompt or one.response or one.tool_name) for one in told] == [
        ("client_request", "1 + 2?"),
        ("tool_call", "add"),
        ("tool_response", "3"),
        ("agent_response", "It is 3."),
        ("client_request", "what did I ask?"),
        ("agent_response", "You asked 1 + 2."),
    ]
    assert told[1].tool_parameters == {"a": 1, "b": 2}


def test_it_gives_the_last_items_in_their_order(with_session: Any) -> None:
    async def use(session: SessionsiteSession) -> Any:
        assert await session.get_items() == []
        assert await session.pop_item() is None
        await session.clear_session()
        await session.add_items([item(f"{number}") for number in range(450)])
        await session.add_items([])
        return await session.get_items(3), await session.get_items(0), len(await session.get_items())

    assert with_session(use) == ([item("447"), item("448"), item("449")], [], 450)


def test_it_heeds_the_sessions_own_limit(with_session: Any) -> None:
    async def use(session: SessionsiteSession) -> Any:
        await session.add_items([item("a"), item("b")])
        return await session.get_items()

    assert with_session(use, session_settings=SessionSettings(limit=1)) == [item("b")]


def test_it_takes_back_one_after_the_other(with_session: Any) -> None:
    async def use(session: SessionsiteSession) -> Any:
        await session.add_items([item("a"), item("b"), item("c")])
        assert await session.pop_item() == item("c")
        assert await session.pop_item() == item("b")
        await session.add_items([item("d"), item("d")])
        assert await session.pop_item() == item("d")
        return await session.get_items(), await session.get_items(1)

    assert with_session(use) == ([item("a"), item("d")], [item("d")])


def test_it_is_empty_for_the_agent_once_it_is_cleared(with_session: Any, client: Client, name: str) -> None:
    async def use(session: SessionsiteSession) -> Any:
        await session.add_items([item("a"), item("b")])
        await session.pop_item()
        await session.clear_session()
        assert await session.get_items() == []
        assert await session.pop_item() is None
        await session.add_items([item("new")])
        return await session.get_items()

    assert with_session(use) == [item("new")]
    told = [one.prompt or one.response for one in client.history(f"openai-agents.{name}")]
    assert told == ["a", "b", "(The last entry was taken back.)", "(The history was cleared.)", "new"]


def test_it_goes_on_in_a_session_of_any_program(with_session: Any, client: Client, name: str) -> None:
    client.start_session(name, user_id="alice")
    client.log(name, prompt="by hand")

    async def use(session: SessionsiteSession) -> Any:
        await session.add_items([item("by the agent")])
        return await session.get_items()

    assert with_session(use, namespace="") == [item("by the agent")]
    assert [one.prompt for one in client.history(name)] == ["by hand", "by the agent"]


def test_it_begins_the_session_as_it_is_told_to(with_session: Any, client: Client, name: str) -> None:
    with_session(lambda session: session.add_items([item("a")]), user_id="alice", title="Ours", tags=["t"])
    session = client.get_session(f"openai-agents.{name}")
    assert (session.user_id, session.title, session.tags, session.source) == ("alice", "Ours", ["t"], "openai-agents")
