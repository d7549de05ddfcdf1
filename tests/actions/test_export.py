"""Giving a session out, whole, and the canonical dump."""

import json
from datetime import datetime
from typing import Any

import pytest

from sessions import actions
from sessions.errors import SessionNotFound
from sessions.models import Interaction, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, log, make_session


def test_it_holds_everything() -> None:
    session = make_session(turns=2, title="T", tags=["t"])
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="grep", tool_parameters={"z": 1, "a": "ä"})
    log(session, prompt="x", source_record='{"uuid": "ä"}'.encode())
    content = actions.export_document(session.pk)
    assert list(content) == [
        "export_version",
        "export_timestamp",
        "session_info",
        "context",
        "merges",
        "interactions",
    ]
    assert [one["sequence"] for one in content["interactions"]] == [1, 2, 3, 4]
    assert content["interactions"][2]["tool_parameters"] == {"z": 1, "a": "ä"}
    assert content["interactions"][3]["source_record"] == '{"uuid": "ä"}'
    assert content["session_info"]["total_interactions"] == 4
    assert content["session_info"]["tags"] == ["t"]
    assert set(content["context"]) == {
        "context_summary",
        "active_topics",
        "user_preferences",
        "project_context",
        "semantic_context",
    }
    assert datetime.fromisoformat(content["export_timestamp"]).tzinfo is not None


def test_it_is_json_without_any_interaction_too() -> None:
    assert actions.export_document(make_session().pk)["interactions"] == []


def test_it_streams() -> None:
    session = make_session(turns=3)
    pieces = list(actions.export_session(session.pk))
    assert len(pieces) >= 4
    json.loads("".join(pieces))


def test_an_unknown_session_is_an_error_at_once() -> None:
    with pytest.raises(SessionNotFound):
        actions.export_session("unknown")


def test_an_absorbed_id_exports_the_survivor_with_its_merges() -> None:
    survivor, absorbed = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    content = actions.export_document(absorbed.pk)
    assert content["session_info"]["session_id"] == survivor.pk
    assert content["merges"][0]["absorbed_id"] == absorbed.pk
    assert content["interactions"][1]["origins"][0]["session_id"] == absorbed.pk


def test_it_gives_out_a_source_record_that_some_other_program_wrote() -> None:
    session = make_session(turns=1)
    Interaction.objects.update(source_record=b"not compressed")
    assert actions.export_document(session.pk)["interactions"][0]["source_record"] == "not compressed"


def test_the_digest_tells_every_change_from_none() -> None:
    session = make_session(turns=1)
    digests = [actions.store_digest()]
    log(session, prompt="x")
    digests.append(actions.store_digest())
    actions.update_context(session.pk, actor=ALICE, tags=["t"])
    digests.append(actions.store_digest())
    actions.hold_session(session.pk, actor=ALICE)
    digests.append(actions.store_digest())
    actions.update_profile("alice", actor=ALICE, replace={"a": 1})
    digests.append(actions.store_digest())
    assert len(set(digests)) == len(digests)
    Session.objects.update(mirrored_revision=0, documented_revision=0)
    assert actions.store_digest() == digests[-1]


# --- as JSON Lines ---


def lines_of(session_id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in "".join(actions.export_session(session_id, "jsonl")).split("\n") if line]


def test_it_holds_in_lines_what_the_document_holds() -> None:
    session, other = make_session(turns=2, title="T", tags=["t"]), make_session(turns=1)
    log(session, prompt="two\nlines\u2028and a third", tool_parameters={"z": "\r\n"}, source_record=b"\xff\0")
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    content = actions.export_document(session.pk)
    first, *interactions, last = lines_of(session.pk)
    assert interactions == content["interactions"]
    assert last == {"kind": "end", "interactions": 4}
    assert first.pop("kind") == "session"
    for told in (first, content):
        del told["export_timestamp"]
    del content["interactions"]
    assert first == content


def test_it_tells_of_no_interactions_that_there_are_none() -> None:
    assert [line["kind"] for line in lines_of(make_session().pk)] == ["session", "end"]


def test_it_refuses_lines_of_nothing_at_once() -> None:
    with pytest.raises(SessionNotFound):
        actions.export_session("missing", "jsonl")
