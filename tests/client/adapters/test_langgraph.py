"""LangGraph's checkpointer: the public conformance suite, real graphs, and what else is promised."""

import operator
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage, ToolCall, ToolMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from sessionsite_client import AsyncClient, Client, Interaction, ScopeMissing
from sessionsite_client.adapters.langgraph import SessionsiteSaver
from sessionsite_client.adapters.langgraph.contents import Contents, Renumbered
from sessionsite_client.adapters.langgraph.values import spliced, unspliced
from sessionsite_client.adapters.records import Writer

from ..running import run

Connect = Callable[..., AsyncClient]


def chat() -> StateGraph[Any, Any, Any, Any]:
    """A graph that answers each request with how many messages it has seen."""

    def answer(state: MessagesState) -> Any:
        return {"messages": [AIMessage(f"answer to {len(state['messages'])}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder


def thread(name: str, **more: Any) -> Any:
    return {"configurable": {"thread_id": name, **more}}


def say(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


def texts(messages: list[BaseMessage]) -> list[str]:
    return [str(message.content) for message in messages]


def test_it_conforms_in_full(connect: Connect, name: str) -> None:
    made: list[SessionsiteSaver] = []

    @checkpointer_test(name="SessionsiteSaver")
    async def saver() -> AsyncGenerator[SessionsiteSaver, None]:
        async with connect() as client:
            made.append(SessionsiteSaver(async_client=client, namespace=f"{name}-{len(made)}"))
            yield made[-1]

    report = run(validate(saver))
    failures = {capability: result.failures for capability, result in report.results.items() if result.failures}
    assert failures == {}
    assert report.conformance_level() == "FULL"
    assert {capability: result.tests_passed for capability, result in report.results.items()} == {
        "put": 17,
        "put_writes": 10,
        "get_tuple": 10,
        "list": 16,
        "delete_thread": 5,
        "delete_for_runs": 7,
        "copy_thread": 8,
        "prune": 8,
    }


def test_it_remembers_across_processes(client: Client, name: str) -> None:
    for round_ in range(3):
        # Each time a saver that knows nothing yet.
        graph = chat().compile(checkpointer=SessionsiteSaver(client, user_id="alice"))
        state = graph.invoke(say(f"request {round_}"), thread(name))
    assert texts(state["messages"]) == [
        "request 0", "answer to 1", "request 1", "answer to 3", "request 2", "answer to 5"
    ]  # fmt: skip
    assert client.get_session(f"langgraph.{name}").user_id == "alice"


def test_it_runs_an_agent_with_a_tool_asynchronously(connect: Connect, client: Client, name: str) -> None:
    call = ToolCall(name="add", args={"a": 1, "b": 2}, id="c1")
    script: list[BaseMessage] = [AIMessage("", tool_calls=[call]), AIMessage("It is 3."), AIMessage("Still 3.")]
    model = FakeMessagesListChatModel(responses=script)

    async def think(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def use_tool(state: MessagesState) -> Any:
        (wanted,) = state["messages"][-1].tool_calls  # type: ignore[union-attr]
        told = str(operator.add(*wanted["args"].values()))
        return {"messages": [ToolMessage(told, tool_call_id=wanted["id"], name=wanted["name"])]}

    def what_next(state: MessagesState) -> str:
        return "use_tool" if state["messages"][-1].tool_calls else END  # type: ignore[union-attr]

    builder = StateGraph(MessagesState)
    builder.add_node("think", think)
    builder.add_node("use_tool", use_tool)
    builder.add_edge(START, "think")
    builder.add_conditional_edges("think", what_next)
    builder.add_edge("use_tool", "think")

    async def talk() -> list[str]:
        async with connect() as one, connect() as other:
            for asynchronous, question in ((one, "1 + 2?"), (other, "sure?")):
                graph = builder.compile(checkpointer=SessionsiteSaver(async_client=asynchronous))
                state = await graph.ainvoke(say(question), thread(name))
            return texts(state["messages"])

    assert run(talk()) == ["1 + 2?", "", "3", "It is 3.", "sure?", "Still 3."]
    told = [one for one in client.history(f"langgraph.{name}") if one.prompt or one.response or one.tool_name]
    assert [(one.kind, one.prompt or one.response or one.tool_name) for one in told] == [
        ("client_request", "1 + 2?"),
        ("tool_call", "add"),
        ("tool_response", "3"),
        ("agent_response", "It is 3."),
        ("client_request", "sure?"),
        ("agent_response", "Still 3."),
    ]
    assert told[1].tool_parameters == {"a": 1, "b": 2}


def test_it_waits_for_a_person_and_goes_on(client: Client, name: str) -> None:
    class State(TypedDict):
        answer: str

    def ask(state: State) -> Any:
        return {"answer": interrupt({"question": "go on?"})}

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.compile(checkpointer=SessionsiteSaver(client)).invoke({"answer": ""}, thread(name))
    graph = builder.compile(checkpointer=SessionsiteSaver(client))
    assert graph.get_state(thread(name)).interrupts[0].value == {"question": "go on?"}
    assert graph.invoke(Command(resume="yes"), thread(name)) == {"answer": "yes"}
    told = [one.response for one in client.history(f"langgraph.{name}") if one.status == "interrupt"]
    assert told == ['[{"question": "go on?"}]']


def test_it_logs_what_went_wrong_and_goes_on_from_there(client: Client, name: str) -> None:
    failing = [True]

    class State(TypedDict):
        done: Annotated[list[str], operator.add]

    def fine(state: State) -> Any:
        return {"done": ["fine"]}

    def fragile(state: State) -> Any:
        if failing:
            failing.pop()
            raise ValueError("broken pipe")
        return {"done": ["fragile"]}

    builder = StateGraph(State)
    builder.add_node("fine", fine)
    builder.add_node("fragile", fragile)
    builder.add_edge(START, "fine")
    builder.add_edge("fine", "fragile")
    with pytest.raises(ValueError, match="broken pipe"):
        builder.compile(checkpointer=SessionsiteSaver(client)).invoke({"done": []}, thread(name))
    errors = [one.error_message for one in client.history(f"langgraph.{name}") if one.kind == "error"]
    assert errors == ["ValueError: broken pipe"]
    graph = builder.compile(checkpointer=SessionsiteSaver(client))
    assert graph.invoke(None, thread(name)) == {"done": ["fine", "fragile"]}


def test_it_travels_in_time_and_branches(client: Client, name: str) -> None:
    graph = chat().compile(checkpointer=SessionsiteSaver(client))
    for text in ("a", "b", "c"):
        graph.invoke(say(text), thread(name))
    before_c = next(one for one in graph.get_state_history(thread(name)) if len(one.values["messages"]) == 4)
    branch = graph.invoke(say("C"), before_c.config)
    assert texts(branch["messages"]) == ["a", "answer to 1", "b", "answer to 3", "C", "answer to 5"]
    # Seen anew, both branches are there, each with its own messages.
    fresh = chat().compile(checkpointer=SessionsiteSaver(client))
    ends = {texts(one.values["messages"])[4] for one in fresh.get_state_history(thread(name)) if _is_end(one)}
    assert ends == {"c", "C"}
    assert texts(fresh.get_state(thread(name)).values["messages"]) == texts(branch["messages"])


def _is_end(state: Any) -> bool:
    return len(state.values["messages"]) == 6


def test_it_stores_by_what_came_however_long_the_conversation(client: Client, name: str) -> None:
    sizes: list[int] = []
    send = client.send

    def counted(request: Any) -> Any:
        sizes[-1] += len(request.body or b"")
        return send(request)

    client.send = counted  # type: ignore[method-assign]
    graph = chat().compile(checkpointer=SessionsiteSaver(client))
    for _ in range(40):
        sizes.append(0)
        graph.invoke(say("x" * 500), thread(name))
    assert max(sizes[3:]) < 1.1 * min(sizes[3:])


def test_it_keeps_lists_that_are_changed_in_the_middle(client: Client, name: str) -> None:
    graph = chat().compile(checkpointer=SessionsiteSaver(client))
    for text in ("a", "b", "c"):
        state = graph.invoke(say(text), thread(name))
    messages = state["messages"]
    graph.update_state(thread(name), {"messages": [RemoveMessage(id=messages[2].id or "")]})
    graph.update_state(thread(name), {"messages": [HumanMessage("A", id=messages[0].id)]})
    fresh = chat().compile(checkpointer=SessionsiteSaver(client))
    assert texts(fresh.get_state(thread(name)).values["messages"]) == [
        "A", "answer to 1", "answer to 3", "c", "answer to 5"
    ]  # fmt: skip


ITEMS = st.lists(st.sampled_from([("t", b"a"), ("t", b"b"), ("u", b"a")]), max_size=8)


@given(ITEMS, ITEMS)
def test_it_gives_back_every_list_that_it_spliced(before: Any, after: Any) -> None:
    stored = spliced(after, "v1", before)
    assert unspliced(stored, before if stored.base is not None else []) == after
    assert len(stored.new) <= len(after)


def test_it_does_the_same_as_the_reference(client: Client, name: str) -> None:
    def everything(saver: Any) -> Any:
        graph = chat().compile(checkpointer=saver)
        for text in ("a", "b"):
            graph.invoke(say(text), thread(name, checkpoint_ns=""), durability="sync")
        return [
            (one.metadata["step"], one.metadata["source"], texts(one.values.get("messages", [])), one.next)
            for one in graph.get_state_history(thread(name))
            if one.metadata is not None
        ]

    assert everything(SessionsiteSaver(client)) == everything(InMemorySaver())


def test_it_serves_channels_that_store_their_writes_alone(client: Client, name: str) -> None:
    def together(state: list[str], writes: list[list[str]]) -> list[str]:
        return state + [one for write in writes for one in write]

    class State(TypedDict):
        log: Annotated[list[str], DeltaChannel(together, snapshot_frequency=3)]

    def left(state: State) -> Any:
        return {"log": [f"left {len(state['log'])}"]}

    def right(state: State) -> Any:
        return {"log": [f"right {len(state['log'])}"]}

    def graph(saver: Any) -> Any:
        builder = StateGraph(State)
        builder.add_node("left", left)
        builder.add_node("right", right)
        builder.add_edge(START, "left")
        builder.add_edge(START, "right")
        return builder.compile(checkpointer=saver)

    memory = InMemorySaver()
    for number in range(5):
        expected = graph(memory).invoke({"log": [f"in {number}"]}, thread(name))
        # A saver that knows nothing has to find the writes of all ancestors.
        assert graph(SessionsiteSaver(client)).invoke({"log": [f"in {number}"]}, thread(name)) == expected


def test_it_rebuilds_such_channels_from_what_was_forgotten(client: Client, name: str) -> None:
    def together(state: list[str], writes: list[list[str]]) -> list[str]:
        return state + [one for write in writes for one in write]

    class State(TypedDict):
        log: Annotated[list[str], DeltaChannel(together, snapshot_frequency=1_000)]

    builder = StateGraph(State)
    builder.add_node("note", lambda state: {"log": [f"noted {len(state['log'])}"]})
    builder.add_edge(START, "note")
    saver = SessionsiteSaver(client)
    graph = builder.compile(checkpointer=saver)
    for number in range(3):
        expected = graph.invoke({"log": [f"in {number}"]}, thread(name))
    saver.prune([name])
    assert len(list(saver.list(thread(name)))) == 1
    fresh = builder.compile(checkpointer=SessionsiteSaver(client))
    assert fresh.get_state(thread(name)).values == expected


def test_it_begins_anew_after_a_delete(client: Client, name: str) -> None:
    saver = SessionsiteSaver(client)
    graph = chat().compile(checkpointer=saver)
    graph.invoke(say("old"), thread(name))
    saver.delete_thread(name)
    assert graph.get_state(thread(name)).values == {}
    assert texts(graph.invoke(say("new"), thread(name))["messages"]) == ["new", "answer to 1"]
    assert client.get_session(f"langgraph.{name}").state == "trashed"
    fresh = chat().compile(checkpointer=SessionsiteSaver(client))
    assert texts(fresh.get_state(thread(name)).values["messages"]) == ["new", "answer to 1"]


def test_it_stores_whole_what_another_program_deleted_meanwhile(client: Client, name: str) -> None:
    """The list was to be told by what it has more than one that is gone."""
    deleting = [False]

    def answer(state: MessagesState) -> Any:
        if deleting:
            deleting.pop()
            SessionsiteSaver(client).delete_thread(name)
        return {"messages": [AIMessage("answer")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    graph = builder.compile(checkpointer=SessionsiteSaver(client))
    deleting.clear()
    graph.invoke(say("a"), thread(name))
    deleting.append(True)
    graph.invoke(say("b"), thread(name), durability="sync")
    fresh = builder.compile(checkpointer=SessionsiteSaver(client))
    assert texts(fresh.get_state(thread(name)).values["messages"]) == ["a", "answer", "b", "answer"]


def test_it_says_that_a_token_may_not_delete(writer: Client, name: str) -> None:
    saver = SessionsiteSaver(writer)
    graph = chat().compile(checkpointer=saver)
    graph.invoke(say("kept"), thread(name))
    with pytest.raises(ScopeMissing, match="nothing was deleted"):
        saver.delete_thread(name)
    saver.prune([name])
    assert len(list(saver.list(thread(name)))) == 1
    assert texts(graph.get_state(thread(name)).values["messages"]) == ["kept", "answer to 1"]


def test_it_lists_all_threads_of_its_namespace(client: Client, name: str) -> None:
    saver = SessionsiteSaver(client, namespace=name)
    wanted = {"plain", "with/slash", "üñ", "x" * 300}
    for one in wanted:
        chat().compile(checkpointer=saver).invoke(say("a"), thread(one))
    found = [one.config["configurable"]["thread_id"] for one in saver.list(None)]
    assert set(found) == wanted
    assert len(list(saver.list(None, limit=3))) == 3


def test_it_goes_on_in_a_session_that_was_merged(client: Client, name: str) -> None:
    saver = SessionsiteSaver(client)
    graph = chat().compile(checkpointer=saver)
    for one in (f"{name}-b", f"{name}-a", f"{name}-b"):
        graph.invoke(say(f"to {one}"), thread(one))
    client.merge(f"langgraph.{name}-b", [f"langgraph.{name}-a"])
    for one, count in ((f"{name}-a", 2), (f"{name}-b", 4)):
        # Known to this saver, whose place in it was moved, and to one that reads all.
        for reader in (saver, SessionsiteSaver(client)):
            again = chat().compile(checkpointer=reader)
            assert len(again.get_state(thread(one)).values["messages"]) == count
        graph.invoke(say("more"), thread(one))
        assert len(graph.get_state(thread(one)).values["messages"]) == count + 2


def test_it_goes_on_where_a_merge_was_undone(client: Client, name: str) -> None:
    saver = SessionsiteSaver(client)
    graph = chat().compile(checkpointer=saver)
    for one in (f"{name}-a", f"{name}-b"):
        graph.invoke(say(f"to {one}"), thread(one))
    merge = client.merge(f"langgraph.{name}-b", [f"langgraph.{name}-a"])
    assert len(graph.get_state(thread(f"{name}-b")).values["messages"]) == 2
    client.undo_merge(merge.merge_id)
    assert len(graph.get_state(thread(f"{name}-b")).values["messages"]) == 2
    # Merged again, undone again, and gone on with by another program until there are more than this one knows.
    merge = client.merge(f"langgraph.{name}-b", [f"langgraph.{name}-a"])
    assert len(graph.get_state(thread(f"{name}-b")).values["messages"]) == 2
    client.undo_merge(merge.merge_id)
    other = chat().compile(checkpointer=SessionsiteSaver(client))
    for text in ("c", "d"):
        other.invoke(say(text), thread(f"{name}-b"))
    assert len(graph.get_state(thread(f"{name}-b")).values["messages"]) == 6


def test_it_sees_that_a_merge_moved_interactions() -> None:
    def at(sequence: int, identifier: str) -> Interaction:
        now = datetime.now(UTC)
        told: dict[str, Any] = {"session_id": "s", "kind": "error", "occurred_at": now, "recorded_at": now}
        return Interaction(id=identifier, sequence=sequence, **told)

    for moved in (at(2, "woven in"), at(4, "b")):
        contents = Contents("s", Writer("langgraph", "t"))
        contents.extend([at(1, "a"), at(2, "b")])
        contents.extend([at(2, "b"), at(3, "c")])
        assert (contents.through, contents.count) == (3, 3)
        with pytest.raises(Renumbered):
            contents.extend([moved])


def test_it_copies_a_thread_with_its_lists(client: Client, name: str) -> None:
    saver = SessionsiteSaver(client)
    graph = chat().compile(checkpointer=saver)
    for text in ("a", "b"):
        graph.invoke(say(text), thread(name))
    saver.prune([name])
    saver.copy_thread(name, f"{name}-copy")
    fresh = chat().compile(checkpointer=SessionsiteSaver(client))
    assert texts(fresh.invoke(say("c"), thread(f"{name}-copy"))["messages"])[:5] == [
        "a", "answer to 1", "b", "answer to 3", "c"
    ]  # fmt: skip
    assert len(list(saver.list(thread(name)))) == 1


def test_it_shows_nobody_what_is_encrypted(client: Client, name: str) -> None:
    serde = EncryptedSerializer(_Reversing())
    graph = chat().compile(checkpointer=SessionsiteSaver(client, serde=serde))
    graph.invoke(say("a secret"), thread(name))
    for one in client.history(f"langgraph.{name}", include_source=True):
        assert (one.prompt, one.response) == ("", "")
        assert "secret" not in (one.source_record or "")
    fresh = chat().compile(checkpointer=SessionsiteSaver(client, serde=serde))
    assert texts(fresh.get_state(thread(name)).values["messages"]) == ["a secret", "answer to 1"]


class _Reversing:
    """A cipher, for want of a better one."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "reversing", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return ciphertext[::-1]
