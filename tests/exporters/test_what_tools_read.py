"""What the tools' own importers ask of a file, as they stand in their sources; docs/exporters.md names them."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions import actions
from sessions.models import Session

from .round_trips import FIXTURES, take_in
from .test_trees import agent_session

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "00000000-0000-0000-0000-000000000000"
CHATGPT = FIXTURES / "chatgpt" / "Sinity__native-conversation-v1.json"
LIBRECHAT = FIXTURES / "librechat" / "librechat-export.json"
OPENWEBUI = FIXTURES / "openwebui" / "librechat__openwebui-export.json"


def exported(form: str, sample: Path | None = None, pk: str = "") -> Any:
    """An export of a sample's session, or of one in which an agent worked."""
    if sample is None:
        pk = agent_session().pk
    elif not pk:
        take_in(sample)
        pk = Session.objects.values_list("pk", flat=True)[0]
    return json.loads("".join(actions.export_session(pk, form)))


# --- ChatGPT's export, which Open WebUI and LibreChat take in -----------------------------------------------------


@pytest.mark.parametrize("sample", [None, CHATGPT, OPENWEBUI])
def test_links_of_nodes_agree_both_ways(sample: Path | None) -> None:
    [conversation] = exported("chatgpt", sample)
    nodes = conversation["mapping"]
    assert [node["parent"] for node in nodes.values()].count(None) == 1
    assert {(node["parent"], key) for key, node in nodes.items() if node["parent"]} == {
        (key, child) for key, node in nodes.items() for child in node["children"]
    }
    assert nodes[conversation["current_node"]]["children"] == []


@pytest.mark.parametrize("sample", [None, OPENWEBUI])
def test_every_node_has_what_the_importers_look_into(sample: Path | None) -> None:
    [conversation] = exported("chatgpt", sample)
    first, *nodes = conversation["mapping"].values()
    assert first["message"] is None
    for node in nodes:
        message = node["message"]
        assert message["content"]["content_type"]
        assert message["author"]["role"]
        assert message["metadata"] is not None
        assert isinstance(message["create_time"], float)
        # Open WebUI refuses a chat in which these are no text, and one whose last message is followed by another.
        said = message["content"].get("parts", [None])[0] or message["content"].get("text") or ""
        assert isinstance(said, str)
    assert nodes[-1]["children"] == []
    assert isinstance(conversation["create_time"], float)


def test_nodes_go_back_to_chatgpt_as_they_came() -> None:
    original = json.loads(CHATGPT.read_bytes())
    [again] = exported("chatgpt", CHATGPT)
    kept = [node for key, node in again["mapping"].items() if key in original["mapping"]]
    assert len(kept) == len(again["mapping"]) - 1 >= 7
    for node in kept:
        came = original["mapping"][node["id"]]
        assert node["message"] == came["message"]
        assert node["parent"] == came["parent"] or original["mapping"][came["parent"]]["message"] is None
    assert {name for name, value in original.items() if value and again.get(name) != value} == {"mapping"}


# --- LibreChat ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [None, CHATGPT, LIBRECHAT, OPENWEBUI])
def test_librechat_meets_no_message_ahead_of_the_one_that_it_follows(sample: Path | None) -> None:
    conversation = exported("librechat", sample)
    assert conversation["conversationId"]
    assert conversation["recursive"] is False
    met = {ROOT}
    for message in conversation["messages"]:
        assert message["parentMessageId"] in met
        assert message["messageId"] not in met
        assert message["text"] or message["content"]
        met.add(message["messageId"])
    assert conversation["sessionsite"]["open"] == conversation["messages"][-1]["messageId"]


def test_messages_go_back_to_librechat_as_they_came() -> None:
    original = json.loads(LIBRECHAT.read_bytes())
    again = exported("librechat", LIBRECHAT)
    waiting, came = list(original["messages"]), {}
    while waiting:
        message = waiting.pop()
        waiting += message.pop("children", [])
        came[message["messageId"]] = message
    assert {message["messageId"]: message for message in again["messages"]} == came
    assert again["options"] == original["options"]


def test_a_call_has_its_result_and_its_arguments_as_a_text() -> None:
    parts = [part for message in exported("librechat")["messages"] for part in message.get("content", [])]
    calls = [part["tool_call"] for part in parts if part["type"] == "tool_call"]
    assert [(call["name"], call.get("args"), call.get("output")) for call in calls] == [
        ("grep", '{"q": "ä"}', "1"),
        ("sh", '"{\\"a\\": 1}"', "2"),
        ("lost", None, "nobody asked"),
    ]


# --- Open WebUI ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [None, CHATGPT, LIBRECHAT, OPENWEBUI])
def test_openwebui_finds_whole_seconds_links_and_the_open_way(sample: Path | None) -> None:
    [record] = exported("openwebui", sample)
    assert isinstance(record["created_at"], int)
    assert isinstance(record["updated_at"], int)
    history = record["chat"]["history"]
    found = history["messages"]
    for key, message in found.items():
        assert message["id"] == key
        assert message["parentId"] is None or key in found[message["parentId"]]["childrenIds"]
        assert all(found[child]["parentId"] == key for child in message["childrenIds"])
        assert isinstance(message["content"], str)
    way, here = [], history["currentId"]
    while here is not None:
        way.append(found[here])
        here = found[here]["parentId"]
    assert record["chat"]["messages"] == way[::-1]


def test_messages_go_back_to_openwebui_as_they_came() -> None:
    take_in(OPENWEBUI)
    for original in json.loads(OPENWEBUI.read_bytes()):
        [again] = exported("openwebui", OPENWEBUI, original["id"])
        came = original["chat"]["history"]["messages"]
        found = again["chat"]["history"]["messages"]
        assert {key: {**message, **came[key]} for key, message in found.items()} == found
        assert found.keys() == came.keys()
        assert {**again, **original, "chat": 0, "meta": 0} == {**again, "chat": 0, "meta": 0}


def test_the_words_beside_the_output_say_the_same() -> None:
    [record] = exported("openwebui")
    replies = [one for one in record["chat"]["messages"] if "output" in one and one["role"] == "assistant"]
    for reply in replies:
        calls = [item for item in reply["output"] if item["type"] == "function_call"]
        assert reply["content"].count('<details type="tool_calls"') >= len(calls)
    assert sum(one["content"].count('<details type="tool_calls"') for one in replies) == 3


def test_tags_and_models_stand_where_openwebui_looks_for_them() -> None:
    [record] = exported("openwebui")
    assert (record["meta"]["tags"], record["chat"]["models"]) == (["t"], ["m"])
