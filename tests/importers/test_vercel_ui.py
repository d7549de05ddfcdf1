"""The AI SDK's messages: parts of version 5, content and invocations of version 4."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .builders import drafts, only, read, sessions
from .telling import FIXTURES, read_json, told


def message(role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"{role}-{len(parts)}", "role": role, "parts": list(parts), **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


HELLO = message("user", text("hello"), metadata={"createdAt": 1715785200000})
CALL = {"toolCallId": "c1", "input": {"path": "."}}


def test_it_reads_chats_as_rows_and_as_documents(tmp_path: Path) -> None:
    answer = message("assistant", {"type": "step-start"}, text("hi"), metadata={"model": "m", "totalTokens": 9})
    expected = [("user", "hello"), ("agent", "hi")]
    assert told(read_json(tmp_path, [HELLO, answer])) == expected
    events = read(tmp_path, {"id": "chat-0123456789abcdef", "messages": [HELLO, answer]})
    assert told(events) == expected
    assert sessions(events)[0].session_id == "chat-0123456789abcdef"
    request, reply = drafts(events)
    assert request.occurred_at == datetime(2024, 5, 15, 15, tzinfo=UTC)
    assert (reply.model, reply.metadata["usage"]) == ("m", {"total": 9})


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "tool-ls", "state": "output-available", "output": "a.py", **CALL},
         [("call", "ls"), ("result", "a.py")]),
        ({"type": "tool-ls", "state": "output-error", "errorText": "no", **CALL}, [("call", "ls"), ("result", "no")]),
        ({"type": "tool-ls", "state": "output-denied", "approval": {"approved": False, "reason": "no"}, **CALL},
         [("call", "ls"), ("result", "no")]),
        ({"type": "tool-ls", "state": "input-available", **CALL}, [("call", "ls")]),
        ({"type": "dynamic-tool", "toolName": "ls", "state": "output-available", "output": {"a": 1}, **CALL},
         [("call", "ls"), ("result", '{"a": 1}')]),
        ({"type": "tool-invocation",
          "toolInvocation": {"toolName": "ls", "toolCallId": "c", "state": "result", "args": {}, "result": "a.py"}},
         [("call", "ls"), ("result", "a.py")]),
        ({"type": "reasoning", "text": "Hm."}, [("agent", "Hm.")]),
        ({"type": "reasoning", "reasoning": "Hm."}, [("agent", "Hm.")]),
        ({"type": "novelty", "text": "new"}, [("agent", "new")]),
        ({"type": "data-weather", "data": {"t": 3}}, [("agent", "")]),
    ],
)  # fmt: skip
def test_it_reads_parts_of_all_types(tmp_path: Path, part: Any, expected: list[tuple[str, str]]) -> None:
    events = read_json(tmp_path, [HELLO, message("assistant", part)])
    assert told(events)[1:] == expected
    if expected[-1] == ("result", "no"):
        assert drafts(events)[-1].status == "error"


def test_thoughts_go_with_the_text_behind_them(tmp_path: Path) -> None:
    *_, answer = drafts(
        read_json(tmp_path, [HELLO, message("assistant", {"type": "reasoning", "text": "Hm."}, text("hi"))])
    )
    assert (answer.response, answer.reasoning) == ("hi", "Hm.")


def test_files_sources_and_data_are_noted(tmp_path: Path) -> None:
    file = {"type": "file", "mediaType": "image/png", "filename": "a.png", "url": "data:image/png;base64,QUJDRA=="}
    source = {"type": "source-url", "sourceId": "s", "url": "https://example.com"}
    asked, answer = drafts(
        read_json(tmp_path, [message("user", text("look"), file), message("assistant", text("x"), source)])
    )
    assert asked.metadata["attachments"] == [
        {"type": "file", "media_type": "image/png", "name": "a.png", "size_bytes": 4}
    ]
    assert answer.metadata["sources"] == [{"sourceId": "s", "url": "https://example.com"}]


def test_what_an_input_was_before_it_was_refused_is_kept(tmp_path: Path) -> None:
    part = {
        "type": "tool-ls",
        "toolCallId": "c",
        "state": "output-error",
        "input": None,
        "rawInput": "{",
        "errorText": "x",
    }
    assert drafts(read_json(tmp_path, [HELLO, message("assistant", part)]))[1].tool_parameters == "{"


def test_the_data_of_a_message_of_version_4_is_noted(tmp_path: Path) -> None:
    sent = {"id": "m2", "role": "data", "content": "", "data": {"t": 3}}
    assert drafts(read_json(tmp_path, [HELLO, sent]))[1].metadata["data"] == [{"t": 3}]


def test_it_reads_version_4_without_parts(tmp_path: Path) -> None:
    invocation = {"state": "result", "toolCallId": "c1", "toolName": "ls", "args": {"path": "."}, "result": ["a.py"]}
    old = {"id": "a", "role": "assistant", "content": "There.", "reasoning": "Hm.", "toolInvocations": [invocation]}
    asked = {"id": "u", "role": "user", "content": "hello", "createdAt": "2024-05-15T15:00:00.000Z"}
    events = read_json(tmp_path, [asked, old])
    assert told(events) == [
        ("user", "hello"), ("call", "ls"), ("result", '["a.py"]'), ("agent", "Hm."), ("agent", "There."),
    ]  # fmt: skip


def test_it_tells_once_what_version_4_has_twice(tmp_path: Path) -> None:
    invocation = {"state": "result", "toolCallId": "c1", "toolName": "ls", "args": {}, "result": "a.py"}
    both = message("assistant", {"type": "tool-invocation", "toolInvocation": invocation}, text("There."))
    events = read_json(tmp_path, [HELLO, both | {"content": "There.", "toolInvocations": [invocation]}])
    assert told(events)[1:] == [("call", "ls"), ("result", "a.py"), ("agent", "There.")]


def test_it_reads_a_chat_that_the_sdk_wrote() -> None:
    events = list(only(FIXTURES / "vercel-ui" / "chat.single.json").read())
    assert [kind for kind, _ in told(events)] == ["user", "agent"] * 5 + ["user"]


def test_a_row_of_messages_without_parts_is_read_among_others(tmp_path: Path) -> None:
    rows = [{"messages": [message("user", text("q"))]}, {"messages": [{"role": "user", "content": "plain"}]}]
    assert told(read(tmp_path, *rows)) == [("user", "q"), ("user", "plain")]
