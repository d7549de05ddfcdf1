"""What a message of LibreChat's export becomes, and which session, parent and time it gets."""

from pathlib import Path
from typing import Any

import pytest

from sessions.records import InteractionKind

from .builders import asides, drafts, kinds, sessions, texts
from .exports import libre, libre_message, read_json

REQUEST, RESPONSE = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT, ERROR = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE, InteractionKind.ERROR
ROOT = "00000000-0000-0000-0000-000000000000"


def test_a_conversation_is_a_session(tmp_path: Path) -> None:
    export = libre(libre_message("m1", ROOT, "hi", user=True), options={"model": "gpt"}, recursive=False)
    (session,) = sessions(read_json(tmp_path, export))
    assert (session.session_id, session.title, session.source) == ("c1", "T", "librechat")
    assert session.metadata == {"librechat": {"endpoint": "openAI", "options": {"model": "gpt"}, "recursive": False}}


def test_messages_are_requests_and_answers(tmp_path: Path) -> None:
    answer = libre_message("m2", "m1", "hello", model="gpt", tokenCount=7, sender="GPT", unfinished=True)
    request, said = drafts(read_json(tmp_path, libre(libre_message("m1", ROOT, "hi", user=True, tokenCount=3), answer)))
    assert (request.kind, said.kind, said.parent_key) == (REQUEST, RESPONSE, "librechat:m1")
    assert (said.model, said.output_tokens, request.metadata["token_count"]) == ("gpt", 7, 3)
    assert said.metadata == {"sender": "GPT", "unfinished": True}


def test_an_error_is_one(tmp_path: Path) -> None:
    (draft,) = drafts(read_json(tmp_path, libre(libre_message("m1", ROOT, "no key", error=True))))
    assert (draft.kind, draft.error_message, draft.status) == (ERROR, "no key", "error")


def test_the_parts_of_an_answer_are_told_in_order(tmp_path: Path) -> None:
    call = {"id": "t1", "name": "search", "args": '{"q": "x"}', "output": "found", "type": "tool_call"}
    content = [
        {"type": "think", "think": "Hm."},
        {"type": "text", "text": {"value": "I look."}},
        {"type": "tool_call", "tool_call": call},
        {"type": "tool_call", "tool_call": {"id": "t2", "function": {"name": "f", "arguments": "{}", "output": "o"}}},
        {"type": "text", "text": "There."},
    ]
    found = drafts(read_json(tmp_path, libre(libre_message("m1", ROOT, "", content=content))))
    assert [one.kind for one in found] == [RESPONSE, CALL, RESULT, CALL, RESULT, RESPONSE]
    assert (found[0].reasoning, found[0].response, found[5].response) == ("Hm.", "I look.", "There.")
    assert (found[1].tool_name, found[1].tool_parameters, found[2].response) == ("search", {"q": "x"}, "found")
    assert (found[3].tool_name, found[4].tool_name, found[4].response) == ("f", "f", "o")


def test_a_call_of_the_vendors_own_tool_has_its_code_and_what_it_printed(tmp_path: Path) -> None:
    run = {"input": "print(1)", "outputs": [{"type": "logs", "logs": "1"}]}
    content = [{"type": "tool_call", "tool_call": {"id": "t1", "type": "code_interpreter", "code_interpreter": run}}]
    call, result = drafts(read_json(tmp_path, libre(libre_message("m1", ROOT, "", content=content))))
    assert (call.tool_name, call.tool_parameters) == ("code_interpreter", "print(1)")
    assert (result.tool_name, result.response) == ("code_interpreter", '{"type": "logs", "logs": "1"}')


def nested(depth: int) -> dict[str, Any]:
    message: dict[str, Any] | None = None
    for number in reversed(range(depth)):
        parent = f"m{number - 1}" if number else ROOT
        message = libre_message(f"m{number}", parent, f"{number}", children=[message] if message else [])
    assert message is not None
    return libre(message, recursive=True)


@pytest.mark.parametrize("depth", [1, 5, 400])
def test_replies_inside_what_they_reply_to_are_read_however_deep(tmp_path: Path, depth: int) -> None:
    events = read_json(tmp_path, nested(depth))
    assert texts(events) == [str(number) for number in range(depth)]
    assert [one.parent_key for one in drafts(events)][1:] == [f"librechat:m{number}" for number in range(depth - 1)]
    assert not asides(events)


def test_replies_inside_without_a_named_parent_follow_the_one_around_them(tmp_path: Path) -> None:
    inner = [libre_message("m2", None, "b"), libre_message("m3", None, "c")]
    events = read_json(tmp_path, libre(libre_message("m1", None, "a", children=inner)))
    assert [one.parent_key for one in drafts(events)] == [None, "librechat:m1", "librechat:m1"]


def test_records_do_not_repeat_the_replies_inside(tmp_path: Path) -> None:
    for draft in drafts(read_json(tmp_path, nested(3))):
        assert draft.source_record is not None
        assert b"children" not in draft.source_record


def test_several_roots_are_branches(tmp_path: Path) -> None:
    messages = [libre_message("m1", ROOT, "a", user=True), libre_message("m2", ROOT, "b", user=True)]
    found = drafts(read_json(tmp_path, libre(*messages)))
    assert [(one.parent_key, one.metadata.get("begins_branch")) for one in found] == [(None, True), (None, True)]


def test_files_are_noted(tmp_path: Path) -> None:
    files = [{"file_id": "f1", "filename": "a.png", "type": "image/png", "bytes": 12}]
    (draft,) = drafts(read_json(tmp_path, libre(libre_message("m1", ROOT, "", user=True, files=files))))
    (attached,) = draft.metadata["attachments"]
    assert (attached["name"], attached["file_id"], attached["size_bytes"]) == ("a.png", "f1", 12)


def test_what_makes_no_sense_is_named(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    messages = [
        libre_message("m1", ROOT, "a"),
        libre_message("m2", "m1", " "),
        libre_message("m3", "m1", "", content=deep),
    ]
    events = read_json(tmp_path, [libre(messages=[*messages, 7]), libre(), 5])
    assert sorted(aside.reason for aside in asides(events)) == [
        "a conversation without messages",
        "a message without content: assistant",
        "nested too deeply",
        "not an object",
        "not an object",
    ]
    assert kinds(events) == [RESPONSE]


def test_messages_of_which_none_says_what_it_follows_are_a_chain(tmp_path: Path) -> None:
    messages = [libre_message(f"m{n}", "", f"t{n}", user=n % 2 == 0) for n in range(3)]
    events = read_json(tmp_path, libre(*messages))
    assert [draft.parent_key for draft in drafts(events)] == [None, "librechat:m0", "librechat:m1"]
    alternatives = [libre_message(f"m{n}", "", f"t{n}", user=True) for n in range(2)]
    assert [draft.parent_key for draft in drafts(read_json(tmp_path, libre(*alternatives)))] == [None, None]


@pytest.mark.parametrize("told", [{"isCreatedByUser": "true"}, {"isCreatedByUser": None, "sender": "User"}])
def test_the_user_is_known_however_it_is_said(tmp_path: Path, told: dict[str, Any]) -> None:
    events = read_json(tmp_path, libre(libre_message("m1", None, "q") | told))
    assert kinds(events) == [InteractionKind.CLIENT_REQUEST]
