"""What a message of Claude.ai's export becomes, and which session, parent and time it gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions.records import InteractionKind

from .builders import asides, drafts, interactions, kinds, sessions, texts
from .exports import claude, claude_message, read_json

REQUEST, RESPONSE = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT, TURN = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE, InteractionKind.CONVERSATION_TURN
ROOT = "00000000-0000-4000-8000-000000000000"


def test_a_conversation_is_a_session(tmp_path: Path) -> None:
    export = [claude(claude_message("m1", "human", "hi"), summary="About.", account={"uuid": "a"}, model="opus")]
    (session,) = sessions(read_json(tmp_path, export))
    assert (session.session_id, session.title, session.source) == ("c1", "T", "claude-ai")
    assert session.context_summary == "About."
    assert session.created_at is not None
    assert session.created_at.isoformat() == "2025-01-01T00:00:00+00:00"
    assert session.metadata == {"claude-ai": {"account": {"uuid": "a"}, "model": "opus"}}


def test_senders_are_kinds(tmp_path: Path) -> None:
    messages = [claude_message("m1", "human", "hi"), claude_message("m2", "assistant", "hello")]
    assert kinds(read_json(tmp_path, claude(*messages))) == [REQUEST, RESPONSE]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "said"}], ""),
        ([{"type": "text", "text": "said"}], "said"),
        ([], "said"),
        (None, "said"),
        ([{"type": "text", "text": ""}], "said"),
    ],
)
def test_the_words_stand_in_either_place(tmp_path: Path, content: Any, text: str) -> None:
    message = claude_message("m1", "human") | {"content": content, "text": text}
    assert [one for one in texts(read_json(tmp_path, claude(message))) if one] == ["said"]


def test_thoughts_of_which_only_summaries_are_given_are_those(tmp_path: Path) -> None:
    thoughts = {"type": "thinking", "thinking": "", "summaries": [{"summary": "Weighing."}, {"summary": "Done."}]}
    (draft,) = drafts(read_json(tmp_path, claude(claude_message("m1", "assistant", thoughts, "There."))))
    assert (draft.reasoning, draft.response) == ("Weighing.\n\nDone.", "There.")
    assert "hidden_reasoning" not in draft.metadata


def test_an_answer_is_told_block_by_block(tmp_path: Path) -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "summaries": []},
        "I look.",
        {"type": "tool_use", "name": "web_search", "input": {"query": "x"}},
        {"type": "tool_result", "content": [{"type": "text", "text": "found"}], "is_error": False},
        {"type": "tool_use", "name": "repl", "input": {"code": "1"}},
        {"type": "tool_result", "content": [{"type": "text", "text": "broken"}], "is_error": True},
        "There.",
    ]
    found = drafts(read_json(tmp_path, claude(claude_message("m1", "assistant", *blocks))))
    assert [one.kind for one in found] == [RESPONSE, CALL, RESULT, CALL, RESULT, RESPONSE]
    assert (found[0].reasoning, found[0].response) == ("Hm.", "I look.")
    assert [one.tool_name for one in found[1:5]] == ["web_search", "web_search", "repl", "repl"]
    assert (found[1].tool_parameters, found[2].status, found[4].status) == ({"query": "x"}, "success", "error")
    assert [one.parent_key for one in found[1:]] == [one.idempotency_key for one in found[:-1]]


def test_a_call_without_result_takes_no_other_calls_result(tmp_path: Path) -> None:
    def call(name: str) -> dict[str, Any]:
        return {"type": "tool_use", "name": name, "input": {}}

    result = {"type": "tool_result", "content": []}
    messages = [
        claude_message("m1", "assistant", call("broken off")),
        claude_message("m2", "assistant", call("b"), result),
    ]
    assert [one.tool_name for one in drafts(read_json(tmp_path, claude(*messages)))] == ["broken off", "b", "b"]


def test_attachments_are_noted_and_their_texts_are_turns(tmp_path: Path) -> None:
    attached = {"file_name": "a.rs", "file_type": "text/x-rust", "file_size": 42, "extracted_content": "fn main() {}"}
    message = claude_message("m1", "human", "look", attachments=[attached], files=[{"file_name": "b.png"}])
    request, turn = drafts(read_json(tmp_path, claude(message)))
    assert (request.kind, request.prompt) == (REQUEST, "look")
    assert request.metadata["attachments"] == [
        {"type": "file", "name": "a.rs", "size_bytes": 42},
        {"type": "file", "name": "b.png"},
    ]
    assert (turn.kind, turn.prompt, turn.metadata["role"], turn.metadata["path"]) == (
        TURN,
        "fn main() {}",
        "user",
        "a.rs",
    )


def test_a_file_without_words_is_a_request(tmp_path: Path) -> None:
    (draft,) = drafts(read_json(tmp_path, claude(claude_message("m1", "human", files=[{"file_name": "b.png"}]))))
    assert (draft.kind, draft.prompt) == (REQUEST, "")


def test_messages_without_parents_are_a_chain(tmp_path: Path) -> None:
    messages = [claude_message(f"m{n}", "human", f"{n}") for n in range(3)]
    del messages[1]["parent_message_uuid"]
    messages[2]["parent_message_uuid"] = ROOT
    found = drafts(read_json(tmp_path, claude(*messages)))
    assert [one.parent_key for one in found] == [None, "claude-ai:m0", "claude-ai:m1"]


def test_messages_with_parents_are_a_tree(tmp_path: Path) -> None:
    messages = [
        claude_message("m1", "human", "q", parent=ROOT),
        claude_message("m2", "assistant", "one", parent="m1"),
        claude_message("m3", "assistant", "two", parent="m1"),
        claude_message("m4", "human", "other beginning"),
    ]
    events = read_json(tmp_path, claude(*messages, current_leaf_message_uuid="m2"))
    assert texts(events) == ["other beginning", "q", "two", "one"]
    assert [one.parent_key for one in drafts(events)] == [None, None, "claude-ai:m1", "claude-ai:m1"]
    assert texts(read_json(tmp_path, claude(*messages)))[-1] == "other beginning"


def test_what_is_said_twice_counts_once_and_what_differs_is_kept(tmp_path: Path) -> None:
    one = claude_message("m1", "human", "q")
    events = read_json(tmp_path, claude(one, one, claude_message("m1", "human", "other")))
    assert texts(events) == ["q", "other"]
    assert [aside.reason for aside in asides(events)] == ["a record that stands twice"]
    assert len({draft.idempotency_key for draft in drafts(events)}) == 2


def test_messages_without_id_go_by_their_content(tmp_path: Path) -> None:
    messages = [claude_message(None, "human", text) for text in ("a", "b", "a")]
    first = drafts(read_json(tmp_path, claude(*messages)))
    assert [one.prompt for one in first] == ["a", "b", "a"]
    assert len({one.idempotency_key for one in first}) == 3
    longer = drafts(read_json(tmp_path, claude(*messages, claude_message(None, "human", "c"))))
    assert longer[:3] == first


def test_empty_messages_and_conversations_are_named(tmp_path: Path) -> None:
    empty = claude_message("m2", "assistant", "  ")
    events = read_json(
        tmp_path, [claude(claude_message("m1", "human", "q"), empty), claude(), {"uuid": "x", "name": "N"}]
    )
    assert [(aside.reason, aside.damaged) for aside in asides(events)] == [
        ("a message without content: assistant", False),
        ("a conversation without messages", False),
        ("a conversation without messages", True),
    ]


def test_one_bad_message_costs_no_other(tmp_path: Path) -> None:
    good = json.dumps(claude_message("m1", "human", "q"))
    events = read_json(tmp_path, f'[{{"uuid": "c1", "chat_messages": [{good}, {{"a": NaN}}, 7]}}, 5]'.encode())
    assert texts(events) == ["q"]
    assert [aside.place.rpartition(":")[2] for aside in asides(events)] == [
        "[0].chat_messages[1]",
        "[0].chat_messages[2]",
        "[1]",
    ]


def test_of_a_key_that_stands_twice_the_last_counts(tmp_path: Path) -> None:
    block = '{"type": "tool_use", "name": "x", "input": {"type": "a", "type": "b"}}'
    data = '{"uuid": "c1", "chat_messages": [{"uuid": "m1", "sender": "assistant", "content": [' + block + "]}]}"
    (draft,) = drafts(read_json(tmp_path, data.encode()))
    assert draft.tool_parameters == {"type": "b"}
    assert draft.source_record is not None
    assert block.encode() in draft.source_record


def test_a_longer_version_keeps_all_that_the_shorter_had(tmp_path: Path) -> None:
    messages = [claude_message("m1", "human", "q"), claude_message("m2", "assistant", "a")]
    shorter = interactions(read_json(tmp_path, claude(*messages)))
    longer = interactions(read_json(tmp_path, claude(*messages, claude_message("m3", "human", "more"))))
    assert longer[:2] == shorter


def test_a_message_that_does_not_say_which_it_follows_follows_the_one_before(tmp_path: Path) -> None:
    messages = [claude_message("m1", "human", "q"), claude_message("m2", "assistant", "a", parent="m1")]
    silent = claude_message("m3", "human", "more")
    del silent["parent_message_uuid"]
    events = read_json(tmp_path, claude(*messages, silent))
    assert [draft.parent_key for draft in drafts(events)] == [None, "claude-ai:m1", "claude-ai:m2"]
