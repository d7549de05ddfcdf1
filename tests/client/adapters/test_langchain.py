"""LangChain's chat history: a real chain with a scripted model, and what else is promised."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from sessionsite_client import AsyncClient, Client
from sessionsite_client.adapters.langchain import SessionsiteChatMessageHistory

from ..running import run

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")


def chain_with(history: Callable[[str], SessionsiteChatMessageHistory], given: list[Any]) -> Any:
    """A chain that remembers, its model scripted; `given` receives what that was asked."""
    model = FakeMessagesListChatModel(responses=[AIMessage("Hello, Ann."), AIMessage("You are Ann.")])
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])

    def look(prompt_value: Any) -> Any:
        given.append(prompt_value.to_messages())
        return prompt_value

    chain = prompt | RunnableLambda(look) | model
    return RunnableWithMessageHistory(chain, history, input_messages_key="question", history_messages_key="history")


def texts(messages: list[BaseMessage]) -> list[Any]:
    return [message.content for message in messages]


def test_it_is_the_memory_of_a_chain(writer: Client, client: Client, name: str) -> None:
    given: list[Any] = []
    chain = chain_with(lambda one: SessionsiteChatMessageHistory(one, writer, user_id="ann"), given)
    config = {"configurable": {"session_id": name}}
    assert chain.invoke({"question": "I am Ann."}, config).content == "Hello, Ann."
    assert chain.invoke({"question": "Who am I?"}, config).content == "You are Ann."
    assert texts(given[-1]) == ["I am Ann.", "Hello, Ann.", "Who am I?"]
    told = list(client.history(f"langchain.{name}"))
    assert [(one.kind, one.prompt or one.response) for one in told] == [
        ("client_request", "I am Ann."),
        ("agent_response", "Hello, Ann."),
        ("client_request", "Who am I?"),
        ("agent_response", "You are Ann."),
    ]
    assert client.get_session(f"langchain.{name}").user_id == "ann"


@pytest.mark.parametrize("is_native", [True, False])
def test_it_is_that_asynchronously_too(
    writer: Client, connect: Callable[..., AsyncClient], name: str, *, is_native: bool
) -> None:
    given: list[Any] = []

    async def talk() -> None:
        async with connect("write") as asynchronous:
            native = asynchronous if is_native else None
            chain = chain_with(lambda one: SessionsiteChatMessageHistory(one, writer, async_client=native), given)
            config = {"configurable": {"session_id": name}}
            await chain.ainvoke({"question": "I am Ann."}, config)
            await chain.ainvoke({"question": "Who am I?"}, config)
            history = SessionsiteChatMessageHistory(name, writer, async_client=native)
            await history.aclear()
            assert await history.aget_messages() == []

    run(talk())
    assert texts(given[-1]) == ["I am Ann.", "Hello, Ann.", "Who am I?"]


def test_it_gives_back_every_kind_of_message(writer: Client, client: Client, name: str) -> None:
    call = ToolCall(name="grep", args={"q": "x"}, id="c1", type="tool_call")
    messages: list[BaseMessage] = [
        SystemMessage("Be brief."),
        HumanMessage([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:,"}}], id="h"),
        AIMessage(
            "",
            tool_calls=[call],
            usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
            response_metadata={"model_name": "m", "at": datetime(2026, 1, 1, tzinfo=UTC)},
        ),
        ToolMessage("found", tool_call_id="c1", name="grep"),
    ]
    history = SessionsiteChatMessageHistory(name, writer)
    history.add_messages(messages)
    found = history.messages
    assert found[:2] == messages[:2]
    assert (found[2].tool_calls, found[2].usage_metadata) == ([call], messages[2].usage_metadata)  # type: ignore[attr-defined]
    assert found[3] == messages[3]
    told = list(client.history(f"langchain.{name}"))
    assert [one.kind for one in told] == ["client_request", "client_request", "tool_call", "tool_response"]
    assert told[1].prompt == "look\n\n[image_url]"
    assert (told[2].tool_name, told[2].model, told[2].input_tokens, told[2].output_tokens) == ("grep", "m", 3, 4)
    assert (told[3].tool_name, told[3].response) == ("grep", "found")


def test_it_clears_and_goes_on(writer: Client, name: str) -> None:
    history = SessionsiteChatMessageHistory(name, writer)
    history.clear()
    history.add_user_message("old")
    history.clear()
    history.add_ai_message("new")
    assert texts(SessionsiteChatMessageHistory(name, writer).messages) == ["new"]


def test_it_gives_the_last_ones_alone(writer: Client, name: str) -> None:
    history = SessionsiteChatMessageHistory(name, writer)
    history.add_messages([HumanMessage(f"{number}") for number in range(300)])
    assert texts(history.last_messages(2)) == ["298", "299"]
    assert len(history.messages) == 300
