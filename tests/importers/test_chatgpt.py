"""What a node of ChatGPT's export becomes, and which session, parent and time it gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from sessions.importers import open_sources
from sessions.records import InteractionKind

from .builders import asides, drafts, interactions, only, sessions, texts
from .exports import chatgpt, node, read_json
from .test_archives import packed

REQUEST, RESPONSE = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT, TURN = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE, InteractionKind.CONVERSATION_TURN


def test_a_conversation_is_a_session(tmp_path: Path) -> None:
    export = [chatgpt(node("u1", None, "user", "hi"), is_archived=True, gizmo_id=None, current_node="u1")]
    (session,) = sessions(read_json(tmp_path, export))
    assert (session.session_id, session.title, session.source) == ("c1", "T", "chatgpt")
    assert session.created_at is not None
    assert session.last_activity_at is not None
    assert (session.created_at.timestamp(), session.last_activity_at.timestamp()) == (1700000000.5, 1700000100)
    assert session.metadata == {"chatgpt": {"is_archived": True, "current_node": "u1"}}


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: [7, one]])
def test_it_reads_one_and_many(tmp_path: Path, wrap: Any) -> None:
    assert texts(read_json(tmp_path, wrap(chatgpt(node("u1", None, "user", "hi"))))) == ["hi"]


@pytest.mark.parametrize(
    ("role", "more", "kind"),
    [
        ("user", {}, REQUEST),
        ("assistant", {"recipient": "all"}, RESPONSE),
        ("assistant", {}, RESPONSE),
        ("assistant", {"recipient": "python"}, CALL),
        ("tool", {"name": "python"}, RESULT),
        ("system", {}, TURN),
        ("critic", {}, TURN),
    ],
)
def test_a_role_is_a_kind(tmp_path: Path, role: str, more: dict[str, Any], kind: InteractionKind) -> None:
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, role, "said", **more))))
    assert draft.kind == kind
    assert draft.tool_name == ("python" if kind in (CALL, RESULT) else "")


@pytest.mark.parametrize(
    ("said", "parameters"),
    [('{"query": "x"}', {"query": "x"}), ("print(1)", "print(1)"), ("7", "7"), ('search("x")', 'search("x")')],
)
def test_a_calls_text_is_its_parameters(tmp_path: Path, said: str, parameters: Any) -> None:
    content = {"content_type": "code", "language": "python", "text": said}
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "assistant", content=content, recipient="python"))))
    assert (draft.tool_parameters, draft.metadata["language"]) == (parameters, "python")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"content_type": "text", "parts": ["one", "two"]}, "one\ntwo"),
        ({"content_type": "code", "text": "x = 1"}, "x = 1"),
        ({"content_type": "execution_output", "text": "1"}, "1"),
        ({"content_type": "tether_quote", "text": "page", "url": "https://e.x", "title": "t"}, "page"),
        ({"content_type": "tether_browsing_display", "result": "found", "summary": "short"}, "found\nshort"),
        (
            {"content_type": "multimodal_text", "parts": [{"content_type": "audio_transcription", "text": "heard"}]},
            "heard",
        ),
        (
            {"content_type": "user_editable_context", "user_profile": "me", "user_instructions": "be brief"},
            "me\nbe brief",
        ),
        ({"content_type": "something new", "text": "kept"}, "kept"),
        ({"text": "no type"}, "no type"),
    ],
)
def test_the_words_of_every_content_are_found(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    assert texts(read_json(tmp_path, chatgpt(node("n1", None, "tool", content=content)))) == [said]


@pytest.mark.parametrize(
    "content",
    [
        {"content_type": "thoughts", "thoughts": [{"summary": "Plan", "content": "Think."}, {"content": "More."}]},
        {"content_type": "thoughts", "parts": ["Plan\nThink.\n\nMore."]},
        {"content_type": "reasoning_recap", "content": "Plan\nThink.\n\nMore."},
    ],
)
def test_thoughts_are_reasoning(tmp_path: Path, content: dict[str, Any]) -> None:
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "assistant", content=content))))
    assert (draft.kind, draft.response, draft.reasoning) == (RESPONSE, "", "Plan\nThink.\n\nMore.")


def test_the_model_and_what_is_out_of_the_ordinary_are_noted(tmp_path: Path) -> None:
    metadata = {"model_slug": "gpt-5", "is_visually_hidden_from_conversation": True}
    one = node("n1", None, "assistant", "x", metadata=metadata, channel="commentary", status="in_progress")
    (draft,) = drafts(read_json(tmp_path, chatgpt(one)))
    assert draft.model == "gpt-5"
    assert (draft.metadata["hidden"], draft.metadata["channel"], draft.metadata["status"]) == (
        True,
        "commentary",
        "in_progress",
    )


def test_files_are_noted_with_their_pointers(tmp_path: Path) -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_1", "size_bytes": 5}
    sound = {"content_type": "real_time_user_audio", "audio_asset_pointer": {"asset_pointer": "sediment://file_2"}}
    upload = {"id": "file-3", "name": "a.txt", "mime_type": "text/plain", "size": 42}
    one = node("u1", None, "user", picture, sound, metadata={"attachments": [upload]})
    (draft,) = drafts(read_json(tmp_path, chatgpt(one)))
    assert (draft.kind, draft.prompt) == (REQUEST, "")
    assert draft.metadata["attachments"] == [
        {"type": "image_asset_pointer", "asset_pointer": "sediment://file_1", "size_bytes": 5},
        {"type": "real_time_user_audio", "asset_pointer": "sediment://file_2"},
        {"type": "file", "media_type": "text/plain", "name": "a.txt", "id": "file-3", "size_bytes": 42},
    ]


def test_the_pictures_of_a_run_are_noted_once(tmp_path: Path) -> None:
    drawn = [{"message_type": "image", "image_url": f"file-service://file-{n}"} for n in (1, 2)]
    told = {"message_type": "stream", "text": "x"}
    among_parts = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1"}
    run = {"aggregate_result": {"messages": [told, *drawn, None]}}
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "tool", among_parts, metadata=run))))
    assert [file["asset_pointer"] for file in draft.metadata["attachments"]] == [
        "file-service://file-1",
        "file-service://file-2",
    ]


def test_the_sound_and_the_pictures_of_a_spoken_turn_are_noted(tmp_path: Path) -> None:
    spoken = {
        "content_type": "real_time_user_audio_video_asset_pointer",
        "audio_asset_pointer": {"asset_pointer": "sediment://sound"},
        "video_container_asset_pointer": {"asset_pointer": "sediment://video"},
        "frames_asset_pointers": [{"asset_pointer": "sediment://frame"}, "sediment://other"],
    }
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "user", spoken))))
    pointers = [file["asset_pointer"] for file in draft.metadata["attachments"]]
    assert pointers == [f"sediment://{name}" for name in ("sound", "video", "frame", "other")]


def test_instructions_may_stand_beside_an_empty_content(tmp_path: Path) -> None:
    told = {"user_context_message_data": {"about_user_message": "I sail.", "about_model_message": "Be brief."}}
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "system", "", metadata=told))))
    assert (draft.kind, draft.response) == (InteractionKind.CONVERSATION_TURN, "I sail.\nBe brief.")


@pytest.mark.parametrize(
    ("metadata", "status"),
    [({}, "success"), ({"aggregate_result": {"status": "failed_with_in_kernel_exception"}}, "error")],
)
def test_a_failed_run_is_an_error(tmp_path: Path, metadata: dict[str, Any], status: str) -> None:
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "tool", "x", metadata=metadata))))
    assert draft.status == status


def test_a_run_takes_its_time(tmp_path: Path) -> None:
    metadata = {"aggregate_result": {"start_time": 1700000000.25, "end_time": 1700000000.75}}
    (draft,) = drafts(read_json(tmp_path, chatgpt(node("n1", None, "tool", "x", metadata=metadata))))
    assert draft.execution_time_ms == 500


def test_nodes_without_words_pass_their_parent_on(tmp_path: Path) -> None:
    root = {"id": "root", "parent": None, "children": ["s1"], "message": None}
    bare = {"id": "bare", "parent": "u1", "children": ["a1"]}
    events = read_json(
        tmp_path,
        chatgpt(
            root,
            node("s1", "root", "system", ""),
            node("u1", "s1", "user", "hi"),
            bare,
            node("a1", "bare", "assistant", "hello"),
        ),
    )
    assert [(draft.idempotency_key, draft.parent_key) for draft in drafts(events)] == [
        ("chatgpt:u1", None),
        ("chatgpt:a1", "chatgpt:u1"),
    ]
    assert [aside.reason for aside in asides(events)] == ["a message without content: system"]


def test_branches_stay_and_the_open_one_comes_last(tmp_path: Path) -> None:
    nodes = [node("u1", None, "user", "q"), node("a1", "u1", "assistant", "one"), node("a2", "u1", "assistant", "two")]
    events = read_json(tmp_path, chatgpt(*nodes, current_node="a1"))
    assert texts(events) == ["q", "two", "one"]
    assert [draft.parent_key for draft in drafts(events)] == [None, "chatgpt:u1", "chatgpt:u1"]


def test_beginnings_and_calls_are_marked_as_branches(tmp_path: Path) -> None:
    nodes = [node("u1", None, "user", "q"), node("c1", "u1", "assistant", "{}", recipient="web")]
    marked = [draft.metadata.get("begins_branch") for draft in drafts(read_json(tmp_path, chatgpt(*nodes)))]
    assert marked == [True, True]


@pytest.mark.parametrize("moment", [None, "", "soon", 1700000001, "1700000001.0", "2023-11-14T22:13:21Z"])
def test_times_are_read_however_they_are_written(tmp_path: Path, moment: Any) -> None:
    one = node("u1", None, "user", "q", create_time=moment)
    (draft,) = drafts(read_json(tmp_path, chatgpt(one, create_time=moment)))
    known = isinstance(moment, int) or (isinstance(moment, str) and moment[:1].isdigit())
    assert (draft.occurred_at.timestamp() if draft.occurred_at else None) == (1700000001 if known else None)


def test_what_has_no_time_happened_with_what_it_follows(tmp_path: Path) -> None:
    nodes = [
        node("u1", None, "user", "q", create_time=1700000001),
        node("a1", "u1", "assistant", "one", create_time=1700000009),
        node("a2", "u1", "assistant", "two"),
    ]
    events = read_json(tmp_path, chatgpt(*nodes))
    assert [draft.occurred_at and draft.occurred_at.timestamp() - 1700000000 for draft in drafts(events)] == [1, 9, 1]


def test_the_node_is_the_source_record(tmp_path: Path) -> None:
    raw = b'{"parent":null, "message":{"author":{"role":"user"},"content":{"parts":["\\u00e9"]}} }'
    (draft,) = drafts(read_json(tmp_path, b'[{"id":"c1","title":"T", "mapping": {"u1": ' + raw + b"}}]"))
    assert (draft.prompt, draft.source_record) == ("é", raw)


def test_one_bad_node_or_conversation_costs_no_neighbour(tmp_path: Path) -> None:
    good = b'{"author":{"role":"user"},"content":{"parts":["%s"]}}'
    data = (
        b'[{"id":"c1","mapping":{"a":{"message":' + good % b"1" + b'},"b":{"message":NaN},"c":{"parent":"b","message":'
        + good % b"2" + b'},"d":7}},{"id":"c2"},5,{"id":"c3","mapping":{"a":{"message":' + good % b"3" + b"}}}]"
    )  # fmt: skip
    events = read_json(tmp_path, data)
    assert texts(events) == ["1", "2", "3"]
    assert [(aside.place.rpartition(":")[2], aside.reason) for aside in asides(events)] == [
        ("[0].mapping.b", "NaN or Infinity"),
        ("[0].mapping.d", "not an object"),
        ("[1]", "a conversation without messages"),
        ("[2]", "not an object"),
    ]


def test_an_id_that_is_no_file_name_is_replaced(tmp_path: Path) -> None:
    (session,) = sessions(read_json(tmp_path, chatgpt(node("u1", None, "user", "q"), id="../x")))
    assert session.session_id.startswith("chatgpt-")
    assert session.metadata == {"original_session_id": "../x"}


def test_a_conversation_without_id_goes_by_its_beginning(tmp_path: Path) -> None:
    nodes = [node("u1", None, "user", "q"), node("a1", "u1", "assistant", "a"), node("u2", "a1", "user", "more")]
    first, longer = (
        sessions(read_json(tmp_path, chatgpt(*some, id=None, title=title)))[0].session_id
        for some, title in ((nodes[:2], "T"), (nodes, "renamed"))
    )
    assert first == longer
    other = sessions(read_json(tmp_path, chatgpt(*nodes, id=None, create_time=1)))[0].session_id
    assert other != first


def test_a_longer_version_keeps_all_that_the_shorter_had(tmp_path: Path) -> None:
    nodes = [node("u1", None, "user", "q"), node("a1", "u1", "assistant", "a")]
    shorter = interactions(read_json(tmp_path, chatgpt(*nodes)))
    longer = interactions(read_json(tmp_path, chatgpt(*nodes, node("a2", "u1", "assistant", "b"), current_node="a2")))
    assert shorter == [one for one in longer if one.draft.idempotency_key != "chatgpt:a2"]


def test_a_large_conversation_reads_as_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = chatgpt(node("u1", None, "user", "q"), node("a1", "u1", "assistant", "a"))
    small = read_json(tmp_path, export)
    monkeypatch.setattr("sessions.importers.trees.MAX_HELD_BYTES", 10)
    assert read_json(tmp_path, export) == small


def test_what_is_large_beside_the_messages_is_named(tmp_path: Path) -> None:
    events = read_json(tmp_path, chatgpt(node("u1", None, "user", "q"), safe_urls=["x" * 1000] * 100))
    assert [aside.reason for aside in asides(events)] == ["conversation: safe_urls"]


def test_rings_and_lost_parents_are_told_all_the_same(tmp_path: Path) -> None:
    nodes = [node("a", "b", "user", "1"), node("b", "a", "assistant", "2"), node("c", "gone", "user", "3")]
    assert sorted(texts(read_json(tmp_path, chatgpt(*nodes, current_node="a")))) == ["1", "2", "3"]


def test_an_archive_of_an_export_is_read(tmp_path: Path) -> None:
    content = (Path(__file__).parents[1] / "fixtures" / "chatgpt" / "chatlore__conversations.json").read_bytes()
    path = packed(tmp_path / "export.zip", ("conversations.json", content), ("user.json", b'{"id": "user-1"}'))
    events = [event for source in open_sources(path) for event in source.read()]
    assert len(sessions(events)) == 2
    assert "not a known format" in [aside.reason for aside in asides(events)]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ([{"title": "no mapping"}, chatgpt(node("u1", None, "user", "q"))], "chatgpt"),
        ({"title": "T", "mapping": {}}, "chatgpt"),
        ({"mapping": {"a": 1}}, ""),
        ({"mapping": {"a": {"type": "keyword"}}}, ""),
        ({"mapping": []}, ""),
    ],
)
def test_it_is_recognised_by_its_nodes(tmp_path: Path, value: Any, name: str) -> None:
    path = tmp_path / "x"
    path.write_text(json.dumps(value))
    assert only(path).format_name == name


def test_a_content_of_a_later_version_is_told_as_it_stands(tmp_path: Path) -> None:
    later = {"content_type": "hologram", "scene": {"title": ["words"]}, "parts": []}
    events = read_json(tmp_path, [chatgpt(node("a1", None, "assistant", content=later))])
    assert [json.loads(said) for said in texts(events)] == [{"content_type": "hologram", "scene": {"title": ["words"]}}]
    assert not asides(events)


@pytest.mark.parametrize(
    "content", ["plain words", ["plain words"], {"content_type": "text", "parts": ["plain words"]}]
)
def test_a_content_may_be_nothing_but_its_words(tmp_path: Path, content: Any) -> None:
    message = {"id": "u1", "author": "user", "content": content}
    export = chatgpt() | {"mapping": {"u1": {"id": "u1", "parent": None, "message": message}}}
    events = read_json(tmp_path, [export])
    assert (texts(events), drafts(events)[0].kind) == (["plain words"], InteractionKind.CLIENT_REQUEST)


@pytest.mark.parametrize("parent", [None, "gone"])
def test_a_node_without_a_parent_follows_the_one_that_has_it_among_its_children(tmp_path: Path, parent: Any) -> None:
    first, second = node("u1", None, "user", "q"), node("a1", parent, "assistant", "a")
    events = read_json(tmp_path, [chatgpt(second, first | {"children": ["a1", 5, "u1"]})])
    assert [(draft.prompt or draft.response, draft.parent_key) for draft in drafts(events)] == [
        ("q", None), ("a", "chatgpt:u1")
    ]  # fmt: skip
