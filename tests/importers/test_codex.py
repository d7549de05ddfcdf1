"""Rollouts of Codex CLI: three generations, each text once, tokens with the answer that they were spent on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessions.records import InteractionKind

from .builders import asides, drafts, only, read, sessions, write
from .telling import FIXTURES, branches, told


def header(session_id: str = "s-0123456789abcdef", **more: Any) -> dict[str, Any]:
    payload = {"id": session_id, "timestamp": "2025-11-01T10:00:00Z", "cwd": "/repo", "cli_version": "0.98.0"}
    return {"timestamp": "2025-11-01T10:00:00Z", "type": "session_meta", "payload": payload | more}


def item(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2025-11-01T10:00:01Z", "type": "response_item", "payload": {"type": kind, **payload}}


def said(role: str, text: str, **more: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": text}], **more)


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2025-11-01T10:00:02Z", "type": "event_msg", "payload": {"type": kind, **payload}}


def tokens(given: int, made: int, total: int) -> dict[str, Any]:
    usage = {"input_tokens": given, "cached_input_tokens": 7, "output_tokens": made}
    return event("token_count", info={"last_token_usage": usage, "total_token_usage": {"total_tokens": total}})


def test_it_reads_the_first_generation_without_envelopes_and_times(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        {"id": "s-0123456789abcdef", "timestamp": "2025-08-01T10:00:00Z", "git": {"branch": "main"}},
        {"record_type": "state"},
        {"type": "message", "id": None, "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "id": "m_1", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
    )
    assert told(events) == [("user", "hello"), ("agent", "Hm."), ("agent", "hi")]
    assert drafts(events)[1].reasoning == "Hm."
    assert {draft.occurred_at for draft in drafts(events)} == {datetime(2025, 8, 1, 10, tzinfo=UTC)}
    assert sessions(events)[0].project_context == {"git_branch": "main"}
    assert [aside.reason for aside in asides(events)] == ["state record"]


@pytest.mark.parametrize("is_event_first", [True, False])
def test_it_tells_once_what_stands_as_item_and_as_event(tmp_path: Path, is_event_first: bool) -> None:
    pairs = [
        (said("user", "hello"), event("user_message", message="hello")),
        (item("reasoning", summary=[{"text": "Hm."}]), event("agent_reasoning", text="Hm.")),
        (said("assistant", "hi"), event("agent_message", message="hi")),
    ]
    records = [record for pair in pairs for record in (reversed(pair) if is_event_first else pair)]
    events = read(tmp_path, header(), *records)
    assert told(events) == [("user", "hello"), ("agent", "Hm."), ("agent", "hi")]
    assert len(asides(events)) == 3


def test_it_keeps_events_that_no_item_repeats(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        header(),
        event("user_message", message="hello"),
        event("agent_message", message="hi"),
        event("agent_message", message="hi"),
        event("error", message="out of credit"),
    )
    assert told(events) == [("user", "hello"), ("agent", "hi"), ("agent", "hi"), ("error", "out of credit")]


def test_an_event_has_the_key_of_the_item_that_may_follow(tmp_path: Path) -> None:
    torn = read(tmp_path, header(), event("agent_message", message="hi"))
    whole = read(tmp_path, header(), event("agent_message", message="hi"), said("assistant", "hi"))
    assert [draft.idempotency_key for draft in drafts(torn)] == [draft.idempotency_key for draft in drafts(whole)]


def test_it_reads_completed_items_of_the_newest_generation(tmp_path: Path) -> None:
    completed = {"type": "AgentMessage", "id": "m_1", "content": [{"type": "Text", "text": "hi"}]}
    run = {"type": "CommandExecution", "id": "c1", "aggregated_output": "a.py", "exit_code": 0}
    events = read(
        tmp_path,
        header(),
        item("function_call", id="fc_1", call_id="c1", name="exec_command", arguments='{"cmd": "ls"}'),
        event("item_completed", item=run),
        item("function_call_output", call_id="c1", output="Process exited with code 2\nOutput:\na.py"),
        event("item_completed", item=completed),
        said("assistant", "hi", id="m_1"),
    )
    call, result, answer = drafts(events)
    assert (call.tool_name, call.tool_parameters) == ("exec_command", {"cmd": "ls"})
    assert (result.tool_name, result.status, result.metadata["exit_code"]) == ("exec_command", "error", 2)
    assert answer.idempotency_key == "codex-cli:m_1"


@pytest.mark.parametrize(
    ("output", "text", "status"),
    [
        ("a.py", "a.py", "success"),
        ('{"output": "a.py", "metadata": {"exit_code": 0, "duration_seconds": 0.5}}', "a.py", "success"),
        ('{"output": "gone", "metadata": {"exit_code": 1}}', "gone", "error"),
        ([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}], "a\nb", "success"),
        ({"content": "no", "success": False}, "no", "error"),
        ('{"answer": 42}', '{"answer": 42}', "success"),
        (None, "", "success"),
    ],
)
def test_it_reads_outputs_in_all_their_shapes(tmp_path: Path, output: Any, text: str, status: str) -> None:
    call = item("function_call", call_id="c1", name="shell", arguments="{}")
    *_, result = drafts(read(tmp_path, header(), call, item("function_call_output", call_id="c1", output=output)))
    assert (result.response, result.status, result.tool_name) == (text, status, "shell")


def test_it_reads_the_other_kinds_of_calls(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        header(),
        item("custom_tool_call", call_id="c1", name="apply_patch", input="*** Begin Patch"),
        item("custom_tool_call_output", call_id="c1", output="Done"),
        item("web_search_call", status="completed", action={"type": "search", "query": "weather"}),
        item("local_shell_call", call_id="c2", action={"command": ["ls"]}),
        item("local_shell_call_output", call_id="c2", output="a.py"),
        item("ghost_snapshot", ghost_commit={"id": "abc"}),
    )
    assert told(events) == [
        ("call", "apply_patch"),
        ("result", "Done"),
        ("call", "web_search"),
        ("call", "local_shell"),
        ("result", "a.py"),
    ]
    assert drafts(events)[0].tool_parameters == "*** Begin Patch"
    assert [aside.reason for aside in asides(events)] == ["item: ghost_snapshot"]


@pytest.mark.parametrize(
    ("kind", "members", "asked", "answered", "status"),
    [
        ("mcp_call", {"arguments": '{"q": 1}', "output": "found"}, {"q": 1}, "found", "success"),
        ("mcp_call", {"arguments": "{}", "output": None, "error": "gone"}, {}, "gone", "error"),
        ("file_search_call", {"queries": ["q"], "results": [{"text": "hit"}]}, ["q"], '[{"text": "hit"}]', "success"),
        ("code_interpreter_call", {"code": "print(1)", "outputs": [{"type": "logs", "logs": "1"}]}, "print(1)",
         '{"type": "logs", "logs": "1"}', "success"),
    ],
)  # fmt: skip
def test_a_call_that_ran_elsewhere_has_its_result_inside(
    tmp_path: Path, kind: str, members: dict[str, Any], asked: Any, answered: str, status: str
) -> None:
    call, result = drafts(read(tmp_path, header(), item(kind, id="c1", name="find", **members)))
    assert (call.tool_parameters, result.tool_name) == (asked, "find")
    assert (result.response, result.status, result.metadata["tool_use_id"]) == (answered, status, "c1")


def test_a_picture_that_was_made_has_its_prompt(tmp_path: Path) -> None:
    (call,) = drafts(read(tmp_path, header(), item("image_generation_call", revised_prompt="a cat", result="QUJDRA==")))
    assert (call.tool_parameters, call.metadata["attachments"][0]["size_bytes"]) == ("a cat", 4)


@pytest.mark.parametrize(
    "text", ["<environment_context>\n</environment_context>", "# AGENTS.md instructions for /repo", "<turn_aborted>x"]
)
def test_it_marks_what_the_program_said_in_the_users_name(tmp_path: Path, text: str) -> None:
    injected, real = drafts(read(tmp_path, header(), said("user", text), said("user", "hello")))
    assert (injected.metadata["is_meta"], real.metadata) == (True, {})


def test_developers_and_base_instructions_are_turns_of_the_system(tmp_path: Path) -> None:
    events = read(tmp_path, header(base_instructions={"text": "Be brief."}), said("developer", "No network."))
    assert told(events) == [("turn", "Be brief."), ("turn", "No network.")]
    assert [draft.metadata["role"] for draft in drafts(events)] == ["system", "system"]


@pytest.mark.parametrize(
    "records",
    [
        [said("assistant", "hi"), tokens(10, 5, 15)],
        [tokens(10, 5, 15), said("assistant", "hi")],
        [said("assistant", "hi"), tokens(10, 5, 15), tokens(10, 5, 15)],
        [event("agent_message", message="hi"), tokens(10, 5, 15), said("assistant", "hi")],
    ],
)
def test_tokens_stand_with_their_answer_and_once(tmp_path: Path, records: list[Any]) -> None:
    *_, answer = drafts(read(tmp_path, header(), said("user", "hello"), *records))
    assert (answer.input_tokens, answer.output_tokens) == (10, 5)
    assert answer.metadata["usage"] == {"cached_input_tokens": 7}


def test_tokens_without_messages_are_kept_for_themselves(tmp_path: Path) -> None:
    (draft,) = drafts(read(tmp_path, header(), tokens(10, 5, 15)))
    assert (draft.kind, draft.input_tokens, draft.response) == (InteractionKind.AGENT_RESPONSE, 10, "")


def test_the_model_is_that_of_the_turn(tmp_path: Path) -> None:
    context = {"timestamp": "2025-11-01T10:00:00Z", "type": "turn_context", "payload": {"model": "gpt-5", "cwd": "/x"}}
    request, answer = drafts(read(tmp_path, header(), said("user", "hello"), context, said("assistant", "hi")))
    assert (request.model, answer.model) == ("", "gpt-5")


def test_a_compaction_tells_what_no_item_has_told(tmp_path: Path) -> None:
    history = [said("user", "hello")["payload"], said("user", "an older request")["payload"]]
    compacted = {"type": "compacted", "payload": {"message": "So far: a greeting.", "replacement_history": history}}
    events = read(tmp_path, header(), said("user", "hello"), compacted)
    assert told(events) == [("user", "hello"), ("turn", "So far: a greeting."), ("user", "an older request")]
    assert drafts(events)[1].metadata["subtype"] == "compact_summary"


def test_turns_that_were_rolled_back_are_a_branch(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        header(),
        said("user", "one"),
        said("assistant", "1"),
        said("user", "two"),
        said("assistant", "2"),
        event("thread_rolled_back", num_turns=1),
        said("user", "three"),
    )
    assert branches(events) == [("two", "three")]


def test_a_fork_repeats_its_origin_in_a_session_of_its_own(tmp_path: Path) -> None:
    origin = header("origin-0123456789ab", timestamp="2025-10-01T10:00:00Z")
    events = read(tmp_path, header(forked_from_id="origin-0123456789ab"), origin, said("user", "hello"))
    assert {session.session_id for session in sessions(events)} == {"s-0123456789abcdef"}
    assert (sessions(events)[-1].metadata or {})["forked_from"] == "origin-0123456789ab"


def test_two_rollouts_in_one_file_are_two_sessions(tmp_path: Path) -> None:
    later = header("later-0123456789ab", timestamp="2025-12-01T10:00:00Z")
    events = read(tmp_path, header(), said("user", "hello"), later, said("user", "bye"))
    assert {session.session_id for session in sessions(events)} == {"s-0123456789abcdef", "later-0123456789ab"}


@pytest.mark.parametrize("time", ["2025-11-01T10:00:01Z", 1761991201000, 1761991201.0, "1761991201"])
def test_it_takes_times_in_all_notations(tmp_path: Path, time: Any) -> None:
    *_, draft = drafts(read(tmp_path, header(), said("user", "hello") | {"timestamp": time}))
    assert draft.occurred_at == datetime(2025, 11, 1, 10, 0, 1, tzinfo=UTC)


def test_it_keeps_records_of_unknown_types(tmp_path: Path) -> None:
    unknown = {"type": "hologram", "payload": {"text": "shimmer"}}
    silent = {"type": "world_state", "payload": {"full": True}}
    events = read(tmp_path, header(), said("user", "hello"), unknown, silent, item("novelty", text="new"))
    assert told(events) == [("user", "hello"), ("turn", "shimmer"), ("turn", "new")]
    assert [aside.reason for aside in asides(events)] == ["world_state"]


def test_it_is_recognised_by_a_header_longer_than_the_head(tmp_path: Path) -> None:
    long = header(base_instructions={"text": "x" * 2**19})
    assert only(write(tmp_path / "rollout", long, said("user", "hello"))).format_name == "codex-cli"


def test_it_reads_rollouts_made_by_others() -> None:
    events = list(only(FIXTURES / "codex-cli" / "jazzyalex__large.jsonl").read())
    assert [one for one in told(events) if one[0] in ("call", "result")] == [
        ("call", "run_shell_command"),
        ("result", '{"stdout": "line1\\nline2\\nline3\\n", "stderr": "", "exitCode": 0}'),
    ]
    assert told(events)[:2] == [("turn", "large"), ("user", "Start")]
    assert len(told(events)) == 17
