"""LangChain's messages, as dictionaries and serialised, alone and in rows."""

from pathlib import Path
from typing import Any

import pytest

from .builders import drafts, only, read, sessions, write
from .telling import FIXTURES, read_json, told


def message(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "data": {"content": content, "additional_kwargs": {}, "type": kind, "id": None, **more}}


HELLO, HI = message("human", "hello"), message("ai", "hi")


def serialised(name: str, content: Any, **more: Any) -> dict[str, Any]:
    path = ["langchain", "schema", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": {"content": content, **more}}


@pytest.mark.parametrize(
    "messages",
    [
        [HELLO, HI],
        [serialised("HumanMessage", "hello"), serialised("AIMessageChunk", "hi")],
        [{"type": "human", "content": "hello"}, {"type": "ai", "content": "hi"}],
    ],
)
def test_it_reads_messages_in_all_notations_and_containers(tmp_path: Path, messages: list[Any]) -> None:
    expected = [("user", "hello"), ("agent", "hi")]
    assert told(read_json(tmp_path, messages)) == told(read(tmp_path, *messages)) == expected
    assert told(read(tmp_path, {"session_id": "s", "messages": messages})) == expected


def test_it_reads_calls_results_usage_and_model(tmp_path: Path) -> None:
    calling = message(
        "ai", "", tool_calls=[{"name": "ls", "args": {"path": "."}, "id": "c1"}],
        usage_metadata={"input_tokens": 5, "output_tokens": 2}, response_metadata={"model_name": "m"},
    )  # fmt: skip
    failed = message("tool", "gone", tool_call_id="c1", status="error")
    events = read_json(tmp_path, [HELLO, calling, failed])
    _, call, result = drafts(events)
    assert (call.tool_parameters, call.model, call.input_tokens, call.output_tokens) == ({"path": "."}, "m", 5, 2)
    assert (result.tool_name, result.response, result.status) == ("ls", "gone", "error")


def test_it_reads_what_old_versions_kept_beside(tmp_path: Path) -> None:
    call = {"id": "c1", "function": {"name": "ls", "arguments": "{}"}}
    events = read_json(tmp_path, [HELLO, message("ai", "", additional_kwargs={"tool_calls": [call]})])
    assert told(events) == [("user", "hello"), ("call", "ls")]


def test_a_rows_session_keeps_its_name(tmp_path: Path) -> None:
    (session,) = sessions(read(tmp_path, {"session_id": "tau-0", "messages": [HELLO, HI]}))
    assert session.session_id.startswith("langchain-tau-0-")
    assert (session.metadata or {})["original_session_id"] == "tau-0"


def test_it_reads_messages_of_every_type() -> None:
    events = list(only(FIXTURES / "langchain" / "messages_to_dict.edge.json").read())
    assert told(events) == [
        ("turn", "sys"),
        ("user", "What is in this image? 👩‍🚀 日本語"),
        ("agent", "A pixel."),
        ("call", "zoom"),
        ("result", "boom"),
        ("call", "zoom"),
        ("turn", "custom role text"),
        ("result", "42"),
        ("user", ""),
    ]
    found = drafts(events)
    assert (found[2].reasoning, found[2].model, found[4].status) == ("look", "claude-sonnet-4", "error")
    assert (found[5].status, found[5].error_message, found[5].tool_parameters) == ("error", "bad json", '{"x":')
    assert found[6].metadata["role"] == "critic"


def test_messages_of_unknown_types_and_without_their_data_are_kept(tmp_path: Path) -> None:
    odd = [
        {"type": "telepathy", "data": {"content": "hm"}},
        {"data": {"content": "who"}},
        {"type": "human", "data": None},
    ]
    events = read_json(tmp_path, [*[message("human", "q")] * 3, *odd])
    assert told(events)[3:] == [("turn", "hm"), ("turn", "who"), ("user", "")]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "x"}},
    ],
)
def test_thoughts_are_read_as_each_vendor_wraps_them(tmp_path: Path, block: dict[str, Any]) -> None:
    (draft,) = drafts(read_json(tmp_path, [message("ai", [block, {"type": "text", "text": "hi"}])]))
    assert (draft.reasoning, draft.response, draft.metadata) == ("Hm.", "hi", {})


def test_refusals_and_sounds_stand_beside_the_content(tmp_path: Path) -> None:
    refused = message("ai", "", additional_kwargs={"refusal": "No."})
    spoken = message("ai", "", additional_kwargs={"audio": {"id": "sound-1", "transcript": "Ahoy."}})
    events = read_json(tmp_path, [message("human", "q"), refused, spoken])
    assert told(events)[1:] == [("agent", "No."), ("agent", "Ahoy.")]
    assert drafts(events)[-1].metadata["attachments"] == [{"type": "audio", "id": "sound-1"}]


def test_an_object_around_its_messages_is_opened(tmp_path: Path) -> None:
    messages = [serialised("HumanMessage", "hello"), serialised("AIMessage", "hi")]
    prompt = {"lc": 1, "type": "constructor", "id": ["langchain", "ChatPromptValue"], "kwargs": {"messages": messages}}
    assert told(read_json(tmp_path, prompt)) == [("user", "hello"), ("agent", "hi")]


def test_a_type_may_be_the_name_of_its_class(tmp_path: Path) -> None:
    events = read_json(tmp_path, [message("AIMessageChunk", "a"), message("HumanMessage", "q")])
    assert told(events) == [("agent", "a"), ("user", "q")]


def test_a_row_that_begins_with_a_damaged_message_is_read(tmp_path: Path) -> None:
    events = read(tmp_path, {"messages": [message("human", "q")]}, {"messages": [None, message("ai", "a")]})
    assert told(events) == [("user", "q"), ("turn", ""), ("agent", "a")]


def test_the_rows_of_its_database_are_not_taken_for_another_format(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"id": 1, "session_id": "s", "message": message("human", "q")})
    assert only(path).format_name == ""
