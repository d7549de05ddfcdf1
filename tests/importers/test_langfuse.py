"""Langfuse's traces: messages once, though every call repeats those before it."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions.importers.langfuse.notations import messages_in

from .builders import asides, drafts, only, read, sessions, write
from .telling import FIXTURES, branches, read_json, told

SYSTEM = {"role": "system", "content": "Be brief."}
HELLO = {"role": "user", "content": "hello"}
CALLING = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "function": {"name": "ls", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "a.py"}
HI = {"role": "assistant", "content": "hi"}


def observation(number: int, kind: str, given: Any, made: Any, **more: Any) -> dict[str, Any]:
    times = {"startTime": f"2025-06-01T10:00:{number:02}Z", "endTime": f"2025-06-01T10:00:{number + 1:02}Z"}
    return (
        {"id": f"o{number}", "traceId": "t", "type": kind, "name": "step", "input": given, "output": made}
        | times
        | more
    )


def trace(*observations: Any, **more: Any) -> dict[str, Any]:
    told_of_it = {"id": "0123456789abcdef0123", "name": "run", "timestamp": "2025-06-01T10:00:00Z", "userId": "ada"}
    return {"trace": told_of_it | more, "observations": list(observations)}


def test_it_tells_each_message_once(tmp_path: Path) -> None:
    usage = {"model": "m", "usageDetails": {"input": 5, "output": 2, "total": 7}, "costDetails": {"total": 0.25}}
    events = read_json(
        tmp_path,
        trace(
            observation(1, "GENERATION", [SYSTEM, HELLO], CALLING),
            observation(3, "TOOL", {}, "a.py", name="ls"),
            observation(5, "GENERATION", [SYSTEM, HELLO, CALLING, RESULT], HI, **usage),
            observation(0, "SPAN", {"messages": [HELLO]}, "hi"),
        ),
    )
    assert told(events) == [
        ("turn", "Be brief."), ("user", "hello"), ("call", "ls"), ("result", "a.py"), ("agent", "hi"),
    ]  # fmt: skip
    answer = drafts(events)[-1]
    assert (answer.model, answer.input_tokens, answer.output_tokens, answer.cost_microusd) == ("m", 5, 2, 250_000)
    assert answer.execution_time_ms == 1000
    assert {aside.reason for aside in asides(events)} == {
        "observation: TOOL, which repeats", "observation: SPAN, which repeats",
    }  # fmt: skip
    (session,) = sessions(events)
    assert (session.session_id, session.title, session.user_id) == ("0123456789abcdef0123", "run", "ada")


def test_two_answers_to_the_same_are_branches(tmp_path: Path) -> None:
    other = {"role": "assistant", "content": "hey"}
    calls = [observation(1, "GENERATION", [HELLO], HI), observation(3, "GENERATION", [HELLO], other)]
    assert branches(read_json(tmp_path, trace(*calls))) == [("hi", "hey")]


def test_a_call_with_what_is_new_alone_goes_on_where_it_was(tmp_path: Path) -> None:
    calls = [observation(1, "GENERATION", [HELLO], CALLING), observation(3, "GENERATION", [RESULT], HI)]
    found = drafts(read_json(tmp_path, trace(*calls)))
    assert [draft.parent_key for draft in found[1:]] == [draft.idempotency_key for draft in found[:-1]]


def test_a_tools_result_that_no_message_tells_stands_behind_its_call(tmp_path: Path) -> None:
    tool = observation(3, "TOOL", {}, {"file": "a.py", "size": 3}, name="ls")
    call, result = drafts(read_json(tmp_path, trace(observation(1, "GENERATION", [HELLO], CALLING), tool)))[1:]
    assert (result.response, result.parent_key) == ('{"file": "a.py", "size": 3}', call.idempotency_key)
    assert result.execution_time_ms == 1000


def test_tokens_are_kept_of_a_call_whose_answer_is_not_told(tmp_path: Path) -> None:
    silent = observation(1, "GENERATION", [HELLO], None, model="m", usageDetails={"input": 5})
    events = read_json(tmp_path, trace(silent))
    assert [draft.input_tokens for draft in drafts(events)] == [None, 5]


def test_failures_are_errors(tmp_path: Path) -> None:
    failed = observation(1, "GENERATION", [HELLO], None, level="ERROR", statusMessage="out of credit")
    assert told(read_json(tmp_path, trace(failed))) == [("user", "hello"), ("error", "out of credit")]


def test_what_spans_and_the_trace_alone_say_is_told_beside(tmp_path: Path) -> None:
    events = read_json(
        tmp_path,
        trace(
            observation(1, "GENERATION", [HELLO], HI),
            observation(3, "SPAN", None, "a verdict", name="judge"),
            input="please",
            output='"hi"',
        ),
    )
    assert set(told(events)) == {("user", "hello"), ("agent", "hi"), ("turn", "a verdict"), ("user", "please")}
    assert branches(events) == []


@pytest.mark.parametrize(
    "value",
    [
        [HELLO],
        json.dumps([HELLO]),
        json.dumps(json.dumps({"messages": [HELLO]})),
        {"prompt": "hello"},
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
        [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}],
        [[{"type": "human", "content": "hello"}]],
        [{"type": "human", "data": {"content": "hello"}}],
        [{"message": {"role": "user", "content": "hello"}}],
        "user: hello",
        {"messages": ["role='user' content='hello' name=None"]},
        "{'role': 'user', 'content': 'hello'}",
        {"messages": [HELLO, {"role": "tool", "content": {"type": "function", "function": {"name": "ls"}}}]},
    ],
)
def test_it_reads_messages_in_the_notations_of_the_frameworks(tmp_path: Path, value: Any) -> None:
    assert told(read_json(tmp_path, trace(observation(1, "GENERATION", value, HI)))) == [
        ("user", "hello"),
        ("agent", "hi"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        CALLING,
        {"choices": [{"message": CALLING}]},
        [{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "ls", "arguments": {}}]}],
        {"content": {"role": "model", "parts": [{"function_call": {"name": "ls", "args": {}}}]}},
        [{"toolCallId": "c1", "toolName": "ls", "input": "{}"}],
        [{"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}"}],
        {"role": "assistant", "content": "", "additional_kwargs": {"tool_calls": CALLING["tool_calls"]}},
    ],
)
def test_it_reads_calls_in_the_notations_of_the_frameworks(tmp_path: Path, value: Any) -> None:
    assert told(read_json(tmp_path, trace(observation(1, "GENERATION", [HELLO], value))))[1:] == [("call", "ls")]


def test_what_is_in_no_notation_is_none() -> None:
    for value in (None, 7, [], {}, {"a": 1}, [1, 2], "plain words", [HELLO, 7]):
        assert messages_in(value, "user") is None


def test_traces_of_one_session_are_one_session(tmp_path: Path) -> None:
    rows = [trace(observation(1, "GENERATION", [HELLO], HI), sessionId="chat", id=f"trace-{n}") for n in (1, 2)]
    events = read(tmp_path, *rows)
    assert {session.session_id for session in sessions(events)} == {"langfuse-chat"}
    assert {(session.metadata or {})["original_session_id"] for session in sessions(events)} == {"chat"}


def test_it_reads_a_trace_that_holds_its_observations(tmp_path: Path) -> None:
    whole = trace(observation(1, "GENERATION", [HELLO], HI))
    inside = whole["trace"] | {"observations": whole["observations"]}
    assert only(write(tmp_path / "inside", inside)).format_name == "langfuse"
    assert told(read_json(tmp_path, inside)) == [("user", "hello"), ("agent", "hi")]


def test_it_reads_a_trace_made_by_others() -> None:
    events = list(only(FIXTURES / "langfuse" / "langfuse__vercel-aisdk-2025-11-17.trace.json").read())
    assert told(events) == [
        ("user", "What is the weather like today in San Francisco?"),
        ("call", "getWeather"),
        ("result", '{"location": "San Francisco", "temperature": 64}'),
    ]
