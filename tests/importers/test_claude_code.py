"""What a record becomes, and which session, key, parent and price it gets."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessions.records import ImportEvent, InteractionKind

from .builders import (
    FIXTURES,
    asides,
    drafts,
    events_of,
    interactions,
    kinds,
    line_of,
    only,
    read,
    record,
    said,
    sessions,
    texts,
    write,
)

REQUEST, RESPONSE = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE
TURN, ERROR = InteractionKind.CONVERSATION_TURN, InteractionKind.ERROR


def keys(events: list[ImportEvent]) -> list[str | None]:
    return [draft.idempotency_key for draft in drafts(events)]


def parents(events: list[ImportEvent]) -> list[str | None]:
    return [draft.parent_key for draft in drafts(events)]


def use(tool: str, call_id: str | None = None, **parameters: Any) -> dict[str, Any]:
    block = {"type": "tool_use", "name": tool, "input": parameters}
    return block if call_id is None else block | {"id": call_id}


def result(call_id: str | None, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content} | more


# --- what a record becomes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["hello", said("hello"), {"type": "text", "text": "hello"}, ["hello"]])
def test_a_users_text_is_a_request(tmp_path: Path, content: Any) -> None:
    (draft,) = drafts(read(tmp_path, record("user", "u1", content)))
    assert (draft.kind, draft.prompt, draft.response) == (REQUEST, "hello", "")


def test_each_text_of_a_message_is_a_request(tmp_path: Path) -> None:
    events = read(tmp_path, record("user", "u1", said("one") + said("two")))
    assert texts(events) == ["one", "two"]


def test_an_assistants_text_is_a_response_with_model_and_reasoning(tmp_path: Path) -> None:
    blocks = [{"type": "thinking", "thinking": "Hm."}, {"type": "thinking", "thinking": "Yes."}, *said("Hi")]
    line = record("assistant", "a1", None)
    line["message"] = {"role": "assistant", "id": "m1", "model": "opus", "content": blocks}
    (draft,) = drafts(read(tmp_path, line))
    assert (draft.kind, draft.response, draft.reasoning) == (RESPONSE, "Hi", "Hm.\n\nYes.")
    assert (draft.model, draft.metadata["message_id"]) == ("opus", "m1")


def test_reasoning_before_a_call_stands_for_itself(tmp_path: Path) -> None:
    blocks = [{"type": "thinking", "thinking": "Look."}, use("Bash", "t1", command="ls"), *said("after")]
    events = read(tmp_path, record("assistant", "a1", blocks))
    assert kinds(events) == [RESPONSE, CALL, RESPONSE]
    assert [draft.reasoning for draft in drafts(events)] == ["Look.", "", ""]


def test_hidden_reasoning_is_kept_as_having_been_there(tmp_path: Path) -> None:
    blocks = [{"type": "redacted_thinking", "data": "…"}]
    (draft,) = drafts(read(tmp_path, record("assistant", "a1", blocks)))
    assert (draft.kind, draft.reasoning, draft.metadata) == (RESPONSE, "", {"hidden_reasoning": True})


def test_calls_and_results_find_each_other(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        record("assistant", "a1", [use("Bash", "t1", command="ls")]),
        record("assistant", "a2", [use("Read", "t2", path="a.py")], "a1"),
        record("user", "u1", [result("t1", "a.py")], "a1"),
        record("user", "u2", [result("t2", "gone", is_error=True)], "a2"),
    )
    call, _, fine, failed = drafts(events)
    assert (call.kind, call.tool_name, call.tool_parameters) == (CALL, "Bash", {"command": "ls"})
    assert call.metadata["tool_use_id"] == fine.metadata["tool_use_id"] == "t1"
    assert (fine.kind, fine.tool_name, fine.response, fine.status) == (RESULT, "Bash", "a.py", "success")
    assert (failed.tool_name, failed.response, failed.status) == ("Read", "gone", "error")


def test_a_result_without_id_answers_its_parent(tmp_path: Path) -> None:
    events = read(tmp_path, record("assistant", "a1", [use("Bash")]), record("user", "u1", [result(None)], "a1"))
    assert [draft.tool_name for draft in drafts(events)] == ["Bash", "Bash"]


def test_a_results_texts_are_joined_and_its_pictures_noted(tmp_path: Path) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJDRA=="}}
    line = record("user", "u1", [result("t1", [*said("one"), picture, *said("two")])])
    line["toolUseResult"] = {"durationMs": 12, "agentId": "ag1", "interrupted": True}
    (draft,) = drafts(read(tmp_path, line))
    assert (draft.response, draft.execution_time_ms) == ("one\ntwo", 12.0)
    assert draft.metadata["attachments"] == [{"type": "image", "media_type": "image/png", "size_bytes": 4}]
    assert (draft.metadata["spawned_agent_id"], draft.metadata["interrupted"]) == ("ag1", True)


@pytest.mark.parametrize(
    ("block", "extra", "text"),
    [
        ({}, {"toolUseResult": "from beside"}, "from beside"),
        ({"text": "from the block"}, {}, "from the block"),
        ({"content": {"answer": 42}}, {}, '{"answer": 42}'),
        ({"content": ""}, {"toolUseResult": "not this"}, ""),
    ],
)
def test_a_results_text_is_found_where_it_stands(
    tmp_path: Path, block: dict[str, Any], extra: dict[str, Any], text: str
) -> None:
    line = record("user", "u1", [{"type": "tool_result", "tool_use_id": "t1"} | block], **extra)
    assert [draft.response for draft in drafts(read(tmp_path, line))] == [text]


def test_tools_that_run_at_the_makers_are_calls_and_results_too(tmp_path: Path) -> None:
    blocks = [
        {"type": "server_tool_use", "id": "w1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "w1", "content": [{"type": "web_search_result"}]},
    ]
    events = read(tmp_path, record("assistant", "a1", blocks))
    assert kinds(events) == [CALL, RESULT]
    assert [draft.tool_name for draft in drafts(events)] == ["web_search", "web_search"]


def test_files_are_noted_and_their_content_stays_in_the_source_record(tmp_path: Path) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
    line = record("user", "u1", [picture, *said("look")])
    (draft,) = drafts(read(tmp_path, line))
    assert draft.metadata["attachments"] == [{"type": "image", "media_type": "image/png", "size_bytes": 3}]
    assert draft.source_record == line_of(line)
    (alone,) = drafts(read(tmp_path, record("user", "u2", [picture])))
    assert (alone.kind, alone.prompt) == (REQUEST, "")


def test_an_api_error_is_an_error(tmp_path: Path) -> None:
    line = record("assistant", "a1", said("API Error: 529"), isApiErrorMessage=True, error="overloaded")
    line["message"]["model"] = "<synthetic>"
    (draft,) = drafts(read(tmp_path, line))
    assert (draft.kind, draft.error_message, draft.status, draft.model) == (ERROR, "API Error: 529", "error", "")
    assert draft.metadata == {"synthetic": True, "subtype": "api_error", "code": "overloaded"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ({"message": "plain"}, "plain"),
        ({"status": 529, "error": {"error": {"message": "wrapped"}}}, "wrapped"),
        ("bare", "bare"),
        ({"status": 500}, "API error"),
        (None, "API error"),
    ],
)
def test_a_systems_api_error_is_an_error(tmp_path: Path, error: Any, message: str) -> None:
    (draft,) = drafts(read(tmp_path, record("system", "x1", subtype="api_error", error=error, retryAttempt=2)))
    assert (draft.kind, draft.error_message, draft.metadata["retryAttempt"]) == (ERROR, message, 2.0)


def test_system_texts_and_compact_summaries_are_turns(tmp_path: Path) -> None:
    boundary = record("system", "x1", subtype="compact_boundary", message=None)
    boundary |= {"content": "Conversation compacted", "logicalParentUuid": "u1", "compactMetadata": {"trigger": "auto"}}
    events = read(
        tmp_path,
        record("user", "u1", "hello"),
        boundary,
        record("user", "u2", "This session is continued", "x1", isCompactSummary=True),
    )
    _, compacted, summary = drafts(events)
    assert (compacted.kind, compacted.response) == (TURN, "Conversation compacted")
    assert compacted.metadata["compactMetadata"] == {"trigger": "auto"}
    assert (summary.kind, summary.response) == (TURN, "This session is continued")
    assert summary.metadata == {"role": "system", "subtype": "compact_summary"}
    assert parents(events) == [None, "claude-code:u1", "claude-code:x1"]


def test_what_the_program_says_in_the_users_name_is_marked(tmp_path: Path) -> None:
    meta = record("user", "u1", "Caveat: generated", isMeta=True)
    shell = record("user", "u2", "<bash-stdout>ok</bash-stdout>")
    assert [draft.metadata for draft in drafts(read(tmp_path, meta, shell))] == [
        {"is_meta": True},
        {"markup": "bash-stdout"},
    ]


def test_attachments_with_text_are_turns_and_the_others_named(tmp_path: Path) -> None:
    def attached(uuid: str, **attachment: Any) -> dict[str, Any]:
        return record("attachment", uuid, attachment=attachment, message=None)

    file = {"type": "text", "file": {"filePath": "a.py", "content": "print()"}}
    events = read(
        tmp_path,
        attached("x1", type="queued_command", prompt="also this"),
        attached("x2", type="file", filename="a.py", content=file),
        attached("x3", type="skill_listing", content="- many"),
        attached("x4", type="auto_mode"),
    )
    queued, shown = drafts(events)
    assert (queued.kind, queued.prompt, queued.metadata["role"]) == (TURN, "also this", "user")
    assert (shown.response, shown.metadata["path"], shown.metadata["role"]) == ("print()", "a.py", "system")
    assert [aside.reason for aside in asides(events)] == ["attachment: skill_listing", "attachment: auto_mode"]


def test_the_pictures_that_were_typed_meanwhile_are_noted(tmp_path: Path) -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJDRA=="}}
    prompts = [[*said("look"), picture], [picture]]
    queued = [{"type": "queued_command", "prompt": prompt} for prompt in prompts]
    lines = [record("attachment", f"x{number}", attachment=one) for number, one in enumerate(queued)]
    found = drafts(read(tmp_path, *lines))
    noted = [{"type": "image", "media_type": "image/png", "size_bytes": 4}]
    assert [(one.prompt, one.metadata["attachments"]) for one in found] == [("look", noted), ("", noted)]


def test_documents_and_resources_in_a_result_are_told(tmp_path: Path) -> None:
    resource = {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}
    found = {"type": "search_result", "title": "T", "content": said("found")}
    (draft,) = drafts(read(tmp_path, record("user", "u1", [result("t1", [*said("one"), resource, found])])))
    assert draft.response == "one\ninside\nfound"
    assert [file["type"] for file in draft.metadata["attachments"]] == ["resource", "search_result"]


def test_a_failed_search_at_the_makers_is_an_error(tmp_path: Path) -> None:
    failed = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    block = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": failed}
    (draft,) = drafts(read(tmp_path, record("assistant", "a1", [block])))
    assert draft.status == "error"


def test_unknown_types_are_kept_where_there_is_text_and_named_where_there_is_none(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        record("dream", "x1", said("of sheep")),
        record("nap", "x2", message=None, minutes=5),
        record("assistant", "a1", [{"type": "poem", "text": "Roses"}, {"type": "fallback", "to": "x"}, 7]),
    )
    assert kinds(events) == [TURN, TURN]
    assert texts(events) == ["of sheep", "Roses"]
    assert [draft.metadata.get("record") or draft.metadata["block"] for draft in drafts(events)] == ["dream", "poem"]
    assert [(aside.reason, aside.damaged) for aside in asides(events)] == [
        ("nap", False),
        ("block: fallback", False),
        ("block: not an object", False),
    ]


def test_records_of_the_programs_own_affairs_are_named(tmp_path: Path) -> None:
    operation = {"type": "queue-operation", "operation": "enqueue", "content": "hello", "sessionId": "s1"}
    progress = record("progress", "p1", data={"type": "hook_progress"}, message=None)
    events = read(tmp_path, operation, record("user", "u1", "hello"), progress, record("user", "u2", []))
    assert [aside.reason for aside in asides(events)] == [
        "queue-operation",
        "progress: hook_progress",
        "user: without content",
    ]
    assert asides(events)[0].raw == line_of(operation)


# --- tokens, price, time ----------------------------------------------------------------------------------------


def spending(uuid: str, message_id: str | None, tokens: Any, **more: Any) -> dict[str, Any]:
    line = record("assistant", uuid, said("x"), **more)
    line["message"] |= {"id": message_id, "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]}}
    return line


def tokens(events: list[ImportEvent]) -> list[tuple[int | None, int | None]]:
    return [(draft.input_tokens, draft.output_tokens) for draft in drafts(events)]


def test_a_messages_usage_counts_once_however_many_lines_it_spans(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        spending("a1", "m1", (100, 1), costUSD=0.5),
        record("user", "u1", [result("t1")]),
        spending("a2", "m1", (100, 30), costUSD=0.5),
        spending("a3", "m1", (100, 30)),
        spending("a4", "m2", (5, 6)),
    )
    assert tokens(events) == [(100, 1), (None, None), (None, 29), (None, None), (5, 6)]
    assert [draft.cost_microusd for draft in drafts(events)] == [500_000, None, None, None, None]


def test_the_cache_is_noted_once(tmp_path: Path) -> None:
    line = spending("a1", "m1", (1, 1))
    line["message"]["usage"]["cache_read_input_tokens"] = 900
    other = line | {"uuid": "a2"}
    assert [draft.metadata.get("usage") for draft in drafts(read(tmp_path, line, other))] == [
        {"cache_read_input_tokens": 900},
        None,
    ]


@pytest.mark.parametrize("odd", ["7", -1, 1.5, True, None, 2**70, [], {}])
def test_odd_numbers_are_no_tokens(tmp_path: Path, odd: Any) -> None:
    assert tokens(read(tmp_path, spending("a1", "m1", (odd, odd), costUSD=odd if odd == [] else None))) == [
        (None, None)
    ]


def test_lines_that_only_count_tokens_keep_their_count(tmp_path: Path) -> None:
    events = events_of(FIXTURES / "ccusage__project-alpha.jsonl")
    assert tokens(events) == [(100, 50), (200, 75), (300, 125)]
    assert [draft.cost_microusd for draft in drafts(events)] == [120_000, 340_000, 560_000]


def test_a_record_without_time_happened_after_the_one_before(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        record("user", "u1", "a", timestamp="2025-06-01T12:00:00Z"),
        record("user", "u2", "b", timestamp="10000-01-01T00:00:00Z"),
        record("user", "u3", "c", timestamp=None),
    )
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert [draft.occurred_at for draft in drafts(events)] == [noon] * 3
    assert [draft.metadata for draft in drafts(events)] == [{}, {"unreadable_time": "10000-01-01T00:00:00Z"}, {}]


# --- keys and parents -------------------------------------------------------------------------------------------


def test_keys_come_from_uuid_and_block(tmp_path: Path) -> None:
    blocks = [{"type": "thinking", "thinking": "Hm."}, *said("a"), {"type": "fallback"}, use("Bash", "t1")]
    events = read(tmp_path, record("assistant", "a1", blocks), record("user", "u1", [result("t1")], "a1"))
    assert keys(events) == ["claude-code:a1", "claude-code:a1#3", "claude-code:u1"]
    assert parents(events) == [None, "claude-code:a1", "claude-code:a1#3"]


def test_only_the_first_interaction_of_a_record_bears_its_bytes(tmp_path: Path) -> None:
    line = record("assistant", "a1", said("a") + said("b"))
    assert [draft.source_record for draft in drafts(read(tmp_path, line))] == [line_of(line), None]


def test_a_parent_that_gave_nothing_is_skipped(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        record("user", "u1", "hello"),
        record("attachment", "x1", parent="u1", attachment={"type": "auto_mode"}, message=None),
        record("system", "x2", parent="x1", subtype="turn_duration"),
        record("assistant", "a1", said("hi"), "x2"),
    )
    assert parents(events) == [None, "claude-code:u1"]


def test_a_parent_that_the_file_does_not_show_is_named_by_its_own_key(tmp_path: Path) -> None:
    assert parents(read(tmp_path, record("user", "u1", "hello", "elsewhere"))) == ["claude-code:elsewhere"]


def test_no_record_is_its_own_parent(tmp_path: Path) -> None:
    assert parents(read(tmp_path, record("user", "u1", "hello", "u1"))) == [None]


def test_a_record_that_stands_twice_is_taken_once(tmp_path: Path) -> None:
    line = record("user", "u1", "hello")
    events = read(tmp_path, line, line)
    assert texts(events) == ["hello"]
    assert [aside.reason for aside in asides(events)] == ["a record that stands twice"]


def test_one_uuid_with_two_contents_loses_neither(tmp_path: Path) -> None:
    first, second = record("user", "u1", "one"), record("user", "u1", "two")
    events = read(tmp_path, first, second, second, record("assistant", "a1", said("answer"), "u1"))
    assert texts(events) == ["one", "two", "answer"]
    assert keys(events)[0] == "claude-code:u1"
    assert len(set(keys(events))) == 3
    assert parents(events)[2] == "claude-code:u1"


def test_records_without_uuid_are_told_apart_by_content_and_count(tmp_path: Path) -> None:
    line = {"type": "user", "sessionId": "s1", "message": {"role": "user", "content": "go on"}}
    events = read(tmp_path, line, line)
    assert texts(events) == ["go on", "go on"]
    first, second = keys(events)
    assert second == f"{first}~2"
    assert keys(read(tmp_path, line)) == [first]


def test_keys_fit_their_column_whatever_the_uuid(tmp_path: Path) -> None:
    odd = record("user", "\0 \ud800" + "x" * 5_000, said("a") + said("b"))
    for key in keys(read(tmp_path, odd, odd | {"timestamp": None})):
        assert key
        assert len(key) <= 200
        assert key.isascii()
        assert key.isprintable()


# --- sessions ---------------------------------------------------------------------------------------------------


def test_a_session_is_opened_before_and_amended_after_its_interactions(tmp_path: Path) -> None:
    around = {"cwd": "/p", "gitBranch": "main", "version": "1.0.1"}
    events = read(
        tmp_path,
        record("user", "u1", "hello", timestamp="2025-06-01T12:00:00Z", **around),
        record("user", "u2", "more", timestamp="2025-06-01T11:00:00Z", **around | {"cwd": "/p/sub"}),
        {"type": "ai-title", "aiTitle": "Greetings", "sessionId": "s1"},
    )
    opened, amended = sessions(events)
    assert events[0] is opened
    assert events[-1] is amended
    assert (opened.session_id, opened.source, opened.title) == ("s1", "claude-code", None)
    assert opened.project_context == amended.project_context == {"cwd": "/p", "git_branch": "main"}
    assert opened.metadata == {"claude_code_version": "1.0.1"}
    assert amended.title == "Greetings"
    assert (amended.created_at, amended.last_activity_at) == (
        datetime(2025, 6, 1, 11, tzinfo=UTC),
        datetime(2025, 6, 1, 12, tzinfo=UTC),
    )


def test_a_session_that_taught_nothing_more_is_not_amended(tmp_path: Path) -> None:
    assert len(sessions(read(tmp_path, record("user", "u1", "hello")))) == 1


def titled(kind: str, name: str, title: str) -> dict[str, Any]:
    return {"type": kind, name: title, "sessionId": "s1"}


def test_the_users_own_title_wins_and_the_last_of_a_kind(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        titled("custom-title", "customTitle", "Mine, first"),
        record("user", "u1", "hello"),
        titled("custom-title", "customTitle", "Mine"),
        titled("ai-title", "aiTitle", "Its own"),
        {"type": "summary", "summary": "Summed up", "leafUuid": "u1"},
    )
    amended = sessions(events)[-1]
    assert amended.title == "Mine"
    assert amended.metadata == {"summaries": ["Summed up"]}
    assert not asides(events)


def test_a_summary_names_the_session_of_its_leaf(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        {"type": "summary", "summary": "Of b", "leafUuid": "u2"},
        {"type": "summary", "summary": "Of another file", "leafUuid": "elsewhere"},
        record("user", "u1", "hello", sessionId="a"),
        record("user", "u2", "hello", sessionId="b"),
    )
    assert {draft.session_id: draft.title for draft in sessions(events)} == {"a": None, "b": "Of b"}
    assert [aside.reason for aside in asides(events)] == ["a summary of another file's session"]


def test_a_lone_summary_of_unknown_origin_is_better_than_no_title(tmp_path: Path) -> None:
    events = events_of(FIXTURES / "simonw__sample_session.jsonl")
    assert sessions(events)[-1].title == "Test session for JSONL parsing"


def test_a_title_of_a_session_without_messages_is_set_aside(tmp_path: Path) -> None:
    events = read(tmp_path, titled("ai-title", "aiTitle", "Of nothing"))
    assert [(aside.reason, aside.place.split(":")[-1]) for aside in asides(events)] == [("ai-title", "1")]
    assert not sessions(events)


def test_agent_names_and_tags_become_session_information(tmp_path: Path) -> None:
    events = read(
        tmp_path,
        record("user", "u1", "hello", forkedFrom={"sessionId": "s0", "messageUuid": "u0"}),
        titled("agent-name", "agentName", "Reviewer"),
        titled("tag", "tag", " work\n"),
        titled("tag", "tag", "\0"),
    )
    amended = sessions(events)[-1]
    assert (amended.metadata, amended.tags) == ({"forked_from": "s0", "agent_name": "Reviewer"}, ("work",))


def test_a_file_of_several_sessions_yields_each(tmp_path: Path) -> None:
    line = record("user", "u1", "hello")
    events = read(tmp_path, line, line | {"sessionId": "fork"}, record("user", "u2", "more", "u1"))
    assert [(found.session_id, found.draft.idempotency_key) for found in interactions(events)] == [
        ("s1", "claude-code:u1"),
        ("fork", "claude-code:u1"),
        ("s1", "claude-code:u2"),
    ]


def test_subagents_belong_to_the_session_that_they_serve() -> None:
    events = events_of(FIXTURES / "subagent-layout")
    assert {draft.session_id for draft in sessions(events)} == {"0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"}
    assert texts(events)[0] == "Delegate a repo search to a subagent"
    agents = [draft.metadata for draft in drafts(events) if "agent_id" in draft.metadata]
    assert len(agents) == 4
    assert all(metadata["sidechain"] is True for metadata in agents)
    assert "a subagent's description" in [aside.reason for aside in asides(events)]


def test_an_id_that_is_no_file_name_is_replaced(tmp_path: Path) -> None:
    events = read(tmp_path, record("user", "u1", "hello", sessionId="../../etc"))
    (session,) = sessions(events)
    assert session.session_id.startswith("claude-code-")
    assert session.metadata == {"original_session_id": "../../etc"}
    assert [found.session_id for found in interactions(events)] == [session.session_id]


def without_session(uuid: str | None, text: str, timestamp: str | None = "2025-06-01T12:00:00Z") -> dict[str, Any]:
    return {"type": "user", "uuid": uuid, "timestamp": timestamp, "message": {"role": "user", "content": text}}


def test_a_record_without_session_belongs_to_the_one_nearby(tmp_path: Path) -> None:
    events = read(tmp_path, without_session("u1", "a"), record("user", "u2", "b"), without_session("u3", "c"))
    assert {found.session_id for found in interactions(events)} == {"s1"}


def test_a_file_without_sessions_is_one_named_after_the_file_or_the_first_record(tmp_path: Path) -> None:
    def made(name: str, *values: Any) -> str:
        (session,) = sessions(events_of(write(tmp_path / name, *values)))
        return session.session_id

    uuid = "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"
    assert made(f"{uuid}.jsonl", without_session("u1", "a")) == uuid
    told = [without_session("u1", "a"), without_session("u2", "b")]
    assert made("x.jsonl", *told) == made("y.jsonl", *told, without_session("u3", "c"))
    untold = without_session(None, "a", "")
    assert made("x.jsonl", untold) != made("y.jsonl", untold)


# --- the other container ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
def test_it_reads_records_in_loglines(tmp_path: Path, indent: int | None) -> None:
    lines = [record("user", "u1", "héllo"), record("assistant", "a1", said("hi"), "u1")]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"version": 1, "loglines": lines}, indent=indent))
    source = only(path)
    events = list(source.read())
    assert texts(events) == ["héllo", "hi"]
    assert parents(events) == [None, "claude-code:u1"]
    assert source.records_read == 2
    exact = drafts(events)[0].source_record
    assert exact
    assert exact in path.read_bytes()
    assert json.loads(exact) == lines[0]


def test_damage_in_loglines_costs_nothing_before_it(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text('{"loglines": [\n' + json.dumps(record("user", "u1", "hello")) + ',\n5,\n{"type": "us')
    events = events_of(path)
    assert texts(events) == ["hello"]
    assert [(aside.place.removeprefix(f"{path}"), aside.reason) for aside in asides(events)] == [
        (":3", "not an object"),
        (":4", "not JSON"),
    ]
    assert asides(events)[1].raw == b'{"type": "us'


def test_a_damaged_line_costs_no_neighbour(tmp_path: Path) -> None:
    events = read(tmp_path, record("user", "u1", "a"), b'{"type": "user"', record("user", "u2", "b", "u1"))
    assert texts(events) == ["a", "b"]
    assert [(aside.reason, aside.damaged) for aside in asides(events)] == [("not JSON", True)]


@pytest.mark.parametrize("joined", ["%s\n%s\n", "[%s, %s]", "[\n%s,\n%s]"])
def test_the_records_of_several_logs_in_one_file_are_all_read(tmp_path: Path, joined: str) -> None:
    logs = [{"loglines": [record("user", f"u{n}", said(f"q{n}"), sessionId=f"s{n}")]} for n in (1, 2)]
    path = tmp_path / "logs.json"
    path.write_text(joined % tuple(json.dumps(log, indent=1) for log in logs))
    assert texts(events_of(path)) == ["q1", "q2"]


@pytest.mark.parametrize("log", ['{"loglines": []}', '{"loglines":\n[]}\n'])
def test_a_log_without_records_is_named(tmp_path: Path, log: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(log)
    assert [aside.reason for aside in asides(events_of(path))] == ["a log without records"]


def test_a_record_that_names_itself_as_its_parent_has_none(tmp_path: Path) -> None:
    silent = {"type": "attachment", "uuid": "u1", "parentUuid": "u1", "sessionId": "s1", "attachment": {"type": "x"}}
    events = read(tmp_path, silent | {"parentUuid": "a0"}, record("assistant", "a0", said("hi"), parent="u1"))
    assert parents(events) == [None]


def test_records_are_the_same_whatever_ends_their_lines(tmp_path: Path) -> None:
    data = b"".join(
        line_of(
            {"type": "user", "message": {"role": "user", "content": f"q{n}"}, "isSidechain": False, "timestamp": "x"}
        )
        + b"\n"
        for n in range(3)
    )
    found = []
    for ends in (b"\n", b"\r\n"):
        path = tmp_path / "t.jsonl"
        path.write_bytes(data.replace(b"\n", ends))
        found.append((keys(events_of(path)), [draft.source_record for draft in drafts(events_of(path))]))
    assert found[0] == found[1]
