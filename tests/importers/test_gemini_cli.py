"""Gemini CLI: a document, and a log in which messages are written again, replaced and gone back on."""

import json
from pathlib import Path
from typing import Any

from .builders import asides, drafts, only, read, sessions
from .telling import FIXTURES, branches, read_json, told

HEADER = {"sessionId": "g-0123456789abcdef", "projectHash": "ab", "startTime": "2026-01-01T10:00:00Z", "kind": "main"}


def said(identifier: str, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": identifier, "timestamp": "2026-01-01T10:00:01Z", "type": kind, "content": content, **more}


def call(identifier: str = "t1", **more: Any) -> dict[str, Any]:
    response = {"functionResponse": {"id": identifier, "name": "ls", "response": {"output": "a.py"}}}
    return {"id": identifier, "name": "ls", "args": {"p": "."}, "result": [response], "status": "success", **more}


def test_it_reads_a_document(tmp_path: Path) -> None:
    answer = said(
        "a", "gemini", "hi", model="g3", thoughts=[{"subject": "Greet", "description": "Politely."}],
        tokens={"input": 5, "output": 2, "cached": 1}, toolCalls=[call()],
    )  # fmt: skip
    messages = [said("u", "user", "hello"), answer, said("i", "info", "Cancelled."), said("e", "error", "Broken.")]
    events = read_json(tmp_path, HEADER | {"summary": "A greeting", "messages": messages})
    assert told(events) == [
        ("user", "hello"), ("agent", "hi"), ("call", "ls"), ("result", "a.py"), ("turn", "Cancelled."),
        ("error", "Broken."),
    ]  # fmt: skip
    first = drafts(events)[1]
    assert (first.reasoning, first.model, first.input_tokens) == ("**Greet** Politely.", "g3", 5)
    assert (sessions(events)[-1].title, sessions(events)[-1].session_id) == ("A greeting", "g-0123456789abcdef")


def test_the_last_version_of_a_message_counts(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        HEADER,
        said("u", "user", [{"text": "hello"}]),
        said("a", "gemini", "", tokens={"input": 5, "output": 2}),
        {"$set": {"lastUpdated": "2026-01-01T10:00:09Z"}},
        said("a", "gemini", "hi", tokens={"input": 5, "output": 2}, toolCalls=[call()]),
    )
    assert told(events) == [("user", "hello"), ("agent", "hi"), ("call", "ls"), ("result", "a.py")]


def test_a_shorter_version_of_the_log_has_the_same_keys(tmp_path: Path) -> None:
    lines = [HEADER, said("u", "user", "hello"), said("a", "gemini", "", tokens={"input": 5})]
    shorter = read(tmp_path, *lines)
    longer = read(tmp_path, *lines, said("a", "gemini", "", tokens={"input": 5}, toolCalls=[call()]))
    before = [draft.idempotency_key for draft in drafts(shorter)]
    assert before == [draft.idempotency_key for draft in drafts(longer)][: len(before)]


def test_results_that_are_written_again_are_told_once(tmp_path: Path) -> None:
    again = said("r", "user", [{"functionResponse": {"id": "t1", "name": "ls", "response": {"output": "a.py"}}}])
    alone = said("o", "user", [{"functionResponse": {"id": "t9", "name": "cat", "response": {"error": "gone"}}}])
    events = read(tmp_path, HEADER, said("a", "gemini", "", toolCalls=[call()]), again, alone)
    assert told(events) == [("call", "ls"), ("result", "a.py"), ("result", "gone")]
    assert drafts(events)[-1].status == "error"


def test_resuming_writes_all_messages_anew_and_loses_nothing(tmp_path: Path) -> None:
    first = said("a", "gemini", "hi", model="g3", tokens={"input": 5, "output": 2})
    parts = [{"text": "**Greet** politely", "thought": True}, {"text": "hi"}]
    copies = [
        said("u", "user", [{"text": "hello"}]),
        {**said("a", "gemini", parts), "timestamp": "2026-01-02T00:00:00Z"},
    ]
    events = read(
        tmp_path, HEADER, said("u", "user", "hello"), first, {"$set": {"messages": copies}}, said("b", "user", "more")
    )
    assert told(events) == [("user", "hello"), ("agent", "hi"), ("user", "more")]
    answer = drafts(events)[1]
    assert (answer.model, answer.input_tokens, answer.reasoning) == ("g3", 5, "**Greet** politely")
    assert str(answer.occurred_at).startswith("2026-01-01")


def test_what_was_gone_back_on_is_a_branch(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        HEADER,
        said("u1", "user", "one"),
        said("a1", "gemini", "1"),
        said("u2", "user", "two"),
        {"$rewindTo": "u2"},
        said("u3", "user", "three"),
    )
    assert branches(events) == [("two", "three")]


def test_a_broken_line_costs_no_neighbour(tmp_path: Path) -> None:
    events = read(tmp_path, HEADER, said("u", "user", "hello"), b'{"id": "x"', said("a", "gemini", "hi"))
    assert told(events) == [("user", "hello"), ("agent", "hi")]
    assert [aside.damaged for aside in asides(events)] == [True]


def test_it_notes_files_and_marks_what_the_program_said(tmp_path: Path) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QUJDRA=="}}
    context = said("c", "user", "<session_context>\nLinux</session_context>")
    events = read(tmp_path, HEADER, context, said("u", "user", [{"text": "look"}, picture]))
    assert drafts(events)[0].metadata["is_meta"] is True
    (file,) = drafts(events)[1].metadata["attachments"]
    assert (file["media_type"], file["size_bytes"]) == ("image/png", 4)


def test_a_result_of_several_pieces_is_whole(tmp_path: Path) -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "QUJDRA=="}}
    more = {"functionResponse": {"id": "t1", "name": "ls", "response": {"output": "b.py"}, "parts": [picture]}}
    with_more = call()
    with_more["result"] += [more, {"text": "and a picture"}, picture]
    *_, result = drafts(read(tmp_path, HEADER, said("1", "gemini", "", toolCalls=[with_more])))
    assert result.response == "a.py\nb.py\nand a picture"
    assert [file["media_type"] for file in result.metadata["attachments"]] == ["image/png", "image/png"]


def test_it_reads_sessions_made_by_others() -> None:
    events = list(only(FIXTURES / "gemini-cli" / "agent-sessions__large.json").read())
    assert [kind for kind, _ in told(events)] == [
        "user", "agent", "call", "result", "call", "result", "turn", "agent", "user", "agent",
    ]  # fmt: skip
    events = list(only(FIXTURES / "gemini-cli" / "agentsview__tool_calls.json").read())
    assert told(events) == [("user", "Read this file"), ("agent", "Let me read it."), ("call", "read_file")]


def test_each_of_several_documents_is_a_session(tmp_path: Path) -> None:
    documents = [
        {"sessionId": f"session-{n}", "projectHash": "p", "messages": [said("m1", "user", f"q{n}")]} for n in (1, 2)
    ]
    for events in (read_json(tmp_path, documents), read(tmp_path, *documents)):
        assert told(events) == [("user", "q1"), ("user", "q2")]
        assert {session.session_id for session in sessions(events)} == {"session-1", "session-2"}


def test_one_call_twice_in_a_message_loses_neither(tmp_path: Path) -> None:
    header = {"sessionId": "s" * 20, "projectHash": "p", "startTime": "2025-01-01T00:00:00Z"}
    events = read(tmp_path, header, said("m1", "gemini", "", toolCalls=[call("t1"), call("t1", args={"other": 1})]))
    found = [draft.idempotency_key for draft in drafts(events)]
    assert len(set(found)) == len(found)


def test_the_list_of_what_was_typed_is_not_taken_for_another_format(tmp_path: Path) -> None:
    typed = {"sessionId": "s", "messageId": 0, "type": "user", "message": "hi", "timestamp": "2025-01-01T00:00:00Z"}
    path = tmp_path / "logs.json"
    path.write_text(json.dumps([typed]))
    assert only(path).format_name == ""
