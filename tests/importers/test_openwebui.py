"""What a message of Open WebUI's export becomes, and which session, parent and time it gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions.importers.details import blocks_of
from sessions.records import InteractionKind

from .builders import asides, drafts, only, sessions, texts
from .exports import read_json, webui, webui_message

REQUEST, RESPONSE = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT, ERROR = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE, InteractionKind.ERROR

THOUGHTS = (
    '<details type="reasoning" done="true" duration="3">\n<summary>Thought</summary>\n&gt; One\n&gt; two\n</details>'
)
CALLED = (
    '<details type="tool_calls" done="true" id="c1" name="weather" arguments="{&quot;city&quot;: &quot;Oslo&quot;}"'
    ' result="&quot;rain&quot;" files="">\n<summary>Tool Executed</summary>\n</details>'
)
RAN = '<details type="code_interpreter" output="3">\n<summary>Ran</summary>\n```python\n1 + 2\n```\n</details>'


def test_a_chat_is_a_session(tmp_path: Path) -> None:
    chat = webui(webui_message("u1", None, "user", "hi"), pinned=True, meta={"tags": ["work"]}, folder_id="f")
    (session,) = sessions(read_json(tmp_path, [chat]))
    assert (session.session_id, session.title, session.source, session.tags) == ("c1", "T", "openwebui", ["work"])
    assert session.created_at is not None
    assert session.created_at.timestamp() == 1700000000
    assert session.metadata is not None
    kept = session.metadata["openwebui"]
    assert (kept["pinned"], kept["folder_id"], kept["models"]) == (True, "f", ["m"])


def test_the_chat_may_be_all_there_is_or_a_string(tmp_path: Path) -> None:
    chat = webui(webui_message("u1", None, "user", "hi"))
    assert texts(read_json(tmp_path, chat["chat"])) == ["hi"]
    assert texts(read_json(tmp_path, [{**chat, "chat": json.dumps(chat["chat"])}])) == ["hi"]


def test_a_bare_chat_goes_by_its_beginning(tmp_path: Path) -> None:
    messages = [webui_message("u1", None, "user", "hi"), webui_message("a1", "u1", "assistant", "x")]
    one, longer, other = (
        sessions(read_json(tmp_path, webui(*some)["chat"] | {"id": ""}))[0].session_id
        for some in (messages[:1], messages, [webui_message("u1", None, "user", "other")])
    )
    assert one == longer
    assert one != other


def test_an_answer_has_model_tokens_and_errors(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7}
    answer = webui_message("a1", "u1", "assistant", "x", model="m1", usage=usage, error={"content": "broke"})
    _, said, failed = drafts(read_json(tmp_path, webui(webui_message("u1", None, "user", "q"), answer)))
    assert (said.model, said.input_tokens, said.output_tokens) == ("m1", 5, 7)
    assert (failed.kind, failed.error_message, failed.status) == (ERROR, "broke", "error")


def test_older_answers_count_their_tokens_as_ollama_does(tmp_path: Path) -> None:
    answer = webui_message("a1", None, "assistant", "x", info={"prompt_eval_count": 5, "eval_count": 7})
    (said,) = drafts(read_json(tmp_path, webui(answer)))
    assert (said.input_tokens, said.output_tokens) == (5, 7)


def test_what_stands_between_the_words_is_taken_out(tmp_path: Path) -> None:
    content = f"{THOUGHTS}\nI look.\n{CALLED}\nIt rains.\n{RAN}"
    found = drafts(read_json(tmp_path, webui(webui_message("a1", None, "assistant", content))))
    assert [one.kind for one in found] == [RESPONSE, CALL, RESULT, RESPONSE, CALL, RESULT]
    assert (found[0].reasoning, found[0].response, found[3].response) == ("One\ntwo", "I look.", "It rains.")
    assert (found[1].tool_name, found[1].tool_parameters, found[2].response) == ("weather", {"city": "Oslo"}, "rain")
    assert (found[4].tool_name, found[4].tool_parameters, found[5].response) == (
        "code_interpreter",
        {"code": "1 + 2"},
        "3",
    )


@pytest.mark.parametrize(
    "content",
    ['<details type="reasoning">never closed', '<details type="poem">Roses</details>', "<details>plain</details>"],
)
def test_what_is_no_such_element_stays_among_the_words(tmp_path: Path, content: str) -> None:
    assert texts(read_json(tmp_path, webui(webui_message("a1", None, "assistant", content)))) == [content]


@pytest.mark.parametrize(
    "piece", ['<details type="reasoning"', '<details type="x">', '<details type="reasoning">', "<"]
)
def test_hostile_details_take_no_time(piece: str) -> None:
    assert blocks_of(piece * 200_000)


def test_the_exact_output_is_preferred(tmp_path: Path) -> None:
    output = [
        {"type": "reasoning", "content": [{"type": "output_text", "text": "exact"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "done"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "said"}]},
    ]
    answer = webui_message("a1", None, "assistant", f"{THOUGHTS}said", output=output)
    found = drafts(read_json(tmp_path, webui(answer)))
    assert [one.kind for one in found] == [RESPONSE, CALL, RESULT, RESPONSE]
    assert (found[0].reasoning, found[2].tool_name, found[2].response, found[3].response) == (
        "exact",
        "f",
        "done",
        "said",
    )
    answer["output"] = output[:3]
    assert texts(read_json(tmp_path, webui(answer)))[-1] == "said"


def test_a_run_in_the_output_has_its_code_and_what_it_printed(tmp_path: Path) -> None:
    run = {"type": "open_webui:code_interpreter", "id": "r1", "code": "print(1)", "output": {"stdout": "1"}}
    call, result = drafts(read_json(tmp_path, webui(webui_message("a1", None, "assistant", "", output=[run]))))
    assert (call.tool_name, call.tool_parameters) == ("code_interpreter", {"code": "print(1)"})
    assert (result.tool_name, result.response) == ("code_interpreter", '{"stdout": "1"}')


def test_files_are_noted(tmp_path: Path) -> None:
    files = [{"type": "image", "url": "/api/f1", "name": "a.png"}, {"type": "file", "file": {"filename": "b.txt"}}]
    (draft,) = drafts(read_json(tmp_path, webui(webui_message("u1", None, "user", "", files=files))))
    assert [one["name"] for one in draft.metadata["attachments"]] == ["a.png", "b.txt"]


def test_branches_stay_and_the_open_one_comes_last(tmp_path: Path) -> None:
    messages = [webui_message("u1", None, "user", "q")] + [
        webui_message(f"a{n}", "u1", "assistant", f"{n}") for n in range(3)
    ]
    chat = webui(*messages)
    chat["chat"]["history"]["currentId"] = "a1"
    assert texts(read_json(tmp_path, chat)) == ["q", "0", "2", "1"]


def test_where_links_disagree_the_children_are_right(tmp_path: Path) -> None:
    messages = [
        webui_message("u1", None, "user", "q", childrenIds=["a1", "a2"]),
        webui_message("a1", "u1", "assistant", "one"),
        webui_message("a2", "a1", "assistant", "two"),
        webui_message("u2", "a2", "user", "unclaimed"),
    ]
    found = {one.idempotency_key: one.parent_key for one in drafts(read_json(tmp_path, webui(*messages)))}
    assert found["openwebui:a2"] == "openwebui:u1"
    assert found["openwebui:u2"] == "openwebui:a2"


def test_what_only_the_list_has_is_read_too(tmp_path: Path) -> None:
    chat = webui(webui_message("u1", None, "user", "q"))
    chat["chat"]["messages"] = [{"id": "u1", "role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert texts(read_json(tmp_path, chat)) == ["q", "a"]
    del chat["chat"]["history"]
    found = drafts(read_json(tmp_path, [chat]))
    assert [one.parent_key for one in found] == [None, "openwebui:u1"]


def test_chats_and_messages_that_make_no_sense_are_named(tmp_path: Path) -> None:
    chat = webui(webui_message("u1", None, "user", "q"), webui_message("a1", "u1", "assistant", ""))
    chat["chat"]["history"]["messages"]["x"] = 7
    events = read_json(tmp_path, [chat, webui(), 5])
    assert sorted(aside.reason for aside in asides(events)) == [
        "a conversation without messages",
        "a message without content: assistant",
        "not an object",
        "not an object",
    ]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"history": {"messages": {}, "currentId": None}}, "openwebui"),
        ({"history": [{"id": "x", "messages": []}]}, ""),
        ({"chat": {"messages": []}}, ""),
        ([{"chat": 7}], ""),
    ],
)
def test_it_is_recognised_by_its_history(tmp_path: Path, value: Any, name: str) -> None:
    path = tmp_path / "x"
    path.write_text(json.dumps(value))
    assert only(path).format_name == name


def test_a_history_may_be_a_list(tmp_path: Path) -> None:
    listed = [webui_message("u1", None, "user", "q"), webui_message("a1", "u1", "assistant", "a")]
    chat = {"title": "T", "history": {"currentId": "a1", "messages": listed}}
    events = read_json(tmp_path, [webui() | {"chat": chat}])
    assert (texts(events), [draft.parent_key for draft in drafts(events)]) == (["q", "a"], [None, "openwebui:u1"])
