"""What each tool does with good arguments, and how it refuses others."""

import json
from typing import Any

import pytest
from jsonschema import validate

from sessions import actions
from sessions.errors import MirrorUnavailable
from sessions.mcp_server.tools import TOOLS
from sessions.models import Interaction, Session
from tests.builders import log, make_idle, make_session

from .callers import call, caller, data, refusal


def test_it_answers_as_its_schema_says() -> None:
    make_session(session_id="one", turns=3, tags=["kept"])
    make_session(session_id="two", turns=1)
    for tool, arguments in (
        ("list_sessions", {}),
        ("search_sessions", {"query": "request"}),
        ("resume_session", {"session_id": "one"}),
        ("get_interaction_history", {"session_id": "one"}),
        ("get_conversation_summary", {"session_id": "one"}),
        ("export_session", {"session_id": "one"}),
        ("merge_sessions", {"primary_id": "one", "secondary_id": "two"}),
        ("cleanup_sessions", {}),
        ("update_context", {"session_id": "one", "title": "New"}),
    ):
        schema = TOOLS[tool].told().output_schema
        assert schema is not None
        validate(data(tool, **arguments), schema)


def test_it_tells_the_same_as_text_and_as_data() -> None:
    make_session(session_id="one", turns=1)
    result = call("list_sessions")
    said, told = [getattr(one, "text", "") for one in result.content]
    assert said == "1 session."
    assert json.loads(told) == result.structured_content


def test_it_leaves_out_what_is_empty() -> None:
    make_session(session_id="one")
    (line,) = data("list_sessions")["sessions"]
    assert "error_count" not in line
    assert "next_cursor" not in data("list_sessions")


def test_it_starts_a_session_once() -> None:
    first = data("start_session", session_id="mine", if_exists="resume", user_id="bob")
    again = data("start_session", session_id="mine", if_exists="resume")
    assert (first["created"], again.get("created", False)) == (True, False)
    assert refusal("start_session", session_id="mine").startswith("session_exists: ")


def test_it_logs_one_or_many() -> None:
    make_session(session_id="one")
    assert data("log_interaction", session_id="one", prompt="a", response="b")["added"] == 1
    many = data("log_interaction", session_id="one", interactions=[{"prompt": "c"}, {"prompt": "d"}])
    assert [one["sequence"] for one in many["interactions"]] == [2, 3]


@pytest.mark.parametrize(
    "arguments", [{}, {"prompt": "a", "interactions": [{"prompt": "b"}]}, {"interactions": []}, {"promt": "misspelt"}]
)
def test_it_refuses_to_log_what_is_unclear(arguments: dict[str, Any]) -> None:
    make_session(session_id="one")
    text = refusal("log_interaction", session_id="one", **arguments)
    assert text.startswith("invalid_input: ")
    assert text.endswith("Nothing was stored or changed.")
    assert not Interaction.objects.exists()


def test_it_never_repeats_what_was_sent() -> None:
    text = refusal("log_interaction", session_id="one", prompt={"secret": "what was said"})
    assert "prompt: Input should be a valid string" in text
    assert "what was said" not in text


def test_a_retry_with_the_same_key_adds_nothing() -> None:
    make_session(session_id="one")
    for _ in range(2):
        data("log_interaction", session_id="one", prompt="a", idempotency_key="1")
    assert Interaction.objects.count() == 1
    assert refusal("log_interaction", session_id="one", prompt="b", idempotency_key="1").startswith(
        "idempotency_conflict: "
    )


def test_it_says_to_retry_where_a_copy_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    make_session(session_id="one")

    def full(*arguments: object, **named: object) -> None:
        raise MirrorUnavailable("The journal could not be written.")

    monkeypatch.setattr(actions, "append_interactions", full)
    text = refusal("log_interaction", session_id="one", prompt="a", idempotency_key="1")
    assert text.startswith("mirror_unavailable: The journal could not be written.")
    assert "same idempotency keys" in text
    assert "Nothing was stored" not in text


def test_a_mistake_of_ours_is_no_traceback_for_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "list_sessions", lambda *_, **__: 1 // 0)
    text = refusal("list_sessions")
    assert text.startswith("server_error: ")
    assert "ZeroDivisionError" not in text


def test_it_resumes_within_the_budget() -> None:
    session = make_session(session_id="one")
    for number in range(50):
        log(session, prompt=f"question {number} " * 20, response="an answer " * 50)
    pack = data("resume_session", session_id="one", max_tokens=2_000)["context_pack"]
    assert pack["budget"]["tokens"] <= 2_000
    assert pack["left_out"]["ranges"]
    said = call("resume_session", session_id="one", max_tokens=2_000).content[0]
    assert " more left out" in getattr(said, "text", "")


def test_it_resumes_from_the_trash_and_adds_nothing() -> None:
    make_session(session_id="one", turns=1)
    actions.trash_session("one", actor=caller().actor)
    assert data("resume_session", session_id="one")["session"]["state"] == "active"
    assert Interaction.objects.count() == 1


def test_it_refuses_an_unknown_session() -> None:
    text = refusal("resume_session", session_id="nope")
    assert text.splitlines()[0] == "session_not_found: There is no session 'nope'."
    assert text.splitlines()[1].startswith("Hint: ")


def test_it_edits_the_context_it_was_shown() -> None:
    make_session(session_id="one", title="Old")
    version = data("update_context", session_id="one", title="New")["version"]
    data("update_context", session_id="one", title="Newer", version=version)
    assert refusal("update_context", session_id="one", title="Newest", version=version).startswith("context_changed: ")
    assert Session.objects.get(pk="one").title == "Newer"


def test_it_pins_and_unpins() -> None:
    make_session(session_id="one")
    interaction = str(log("one", prompt="decided").pk)
    assert data("pin_interaction", session_id="one", interaction_id=interaction)["pins"] == [interaction]
    assert "pins" not in data("pin_interaction", session_id="one", interaction_id=interaction, pinned=False)


def test_it_lists_in_pages() -> None:
    for name in "abc":
        make_session(session_id=name)
    page = data("list_sessions", limit=2, sort="created", descending=False)
    rest = data("list_sessions", limit=2, sort="created", descending=False, cursor=page["next_cursor"])
    assert [line["session_id"] for line in [*page["sessions"], *rest["sessions"]]] == ["a", "b", "c"]


def test_it_lists_what_was_asked_for() -> None:
    make_session(session_id="hers", user_id="carol", turns=1)
    make_session(session_id="his", user_id="bob")
    make_idle(make_session(session_id="idle", user_id="bob"), 40)
    assert [line["session_id"] for line in data("list_sessions", user_id="bob")["sessions"]] == ["his"]
    assert [line["session_id"] for line in data("list_sessions", state="expired")["sessions"]] == ["idle"]
    assert [line["session_id"] for line in data("list_sessions", least_interactions=1)["sessions"]] == ["hers"]
    assert data("list_sessions", active_since="2999-01-01T00:00:00Z")["sessions"] == []


def test_transcripts_come_with_where_they_are_from_and_what_they_are() -> None:
    make_session(session_id="one", turns=1, source="claude-code")
    for tool in ("get_interaction_history", "export_session", "get_conversation_summary"):
        origin = data(tool, session_id="one")["origin"]
        assert (origin["session_id"], origin["user_id"], origin["source"]) == ("one", "alice", "claude-code")
        assert "never instructions" in origin["note"]
    assert "never instructions" in data("search_sessions", query="request")["note"]
    assert "never instructions" in data("resume_session", session_id="one")["note"]


def test_it_merges_only_by_the_plan_that_was_shown() -> None:
    make_session(session_id="one", turns=1)
    make_session(session_id="two", turns=2)
    token = data("merge_sessions", primary_id="one", secondary_id="two")["plan"]["plan_token"]
    log("two", prompt="went on")
    assert refusal("merge_sessions", plan_token=token).startswith("plan_changed: ")
    assert Session.objects.get(pk="two").merged_into_id is None


def test_the_same_arguments_may_come_with_the_token() -> None:
    make_session(session_id="one", turns=1)
    make_session(session_id="two", turns=1)
    make_session(session_id="three")
    wanted = {"primary_id": "one", "secondary_id": "two"}
    token = data("merge_sessions", **wanted)["plan"]["plan_token"]
    other = refusal("merge_sessions", plan_token=token, primary_id="one", secondary_id="three")
    assert other.startswith("invalid_input: ")
    assert data("merge_sessions", plan_token=token, **wanted)["done"]


def test_a_cleanup_needs_its_plan_and_its_number() -> None:
    for number in range(25):
        make_session(session_id=f"old-{number}", idle_days=40)
    plan = data("cleanup_sessions", idle_days=30)["plan"]
    assert plan["needs_confirmation"]
    token = plan["plan_token"]
    assert refusal("cleanup_sessions", plan_token=token).startswith("brake_pulled: ")
    assert refusal("cleanup_sessions", plan_token=token, idle_days=20).startswith("invalid_input: ")
    done = data("cleanup_sessions", plan_token=token, confirmed_sessions=25)["cleanup"]
    assert done["trashed"] == 25
    assert data("undo_cleanup", run_id=done["run_id"])["restored"] == 25


def test_a_forged_token_does_nothing() -> None:
    make_session(session_id="one", idle_days=40)
    assert refusal("cleanup_sessions", plan_token="forged").startswith("plan_changed: ")
    assert refusal("merge_sessions", plan_token="forged").startswith("plan_changed: ")


def test_preferences_are_whose_they_are() -> None:
    assert refusal("list_preferences").startswith("invalid_input: user_id: must be given.")
    bound = caller(user_id="bob")
    assert data("set_preference", bound, name="tone", value={"formal": True})["user_id"] == "bob"
    assert data("list_preferences", user_id="bob")["preferences"] == {"tone": {"formal": True}}
    assert data("remove_preference", bound, name="tone")["preferences"] == {}
    assert refusal("list_preferences", bound, user_id="alice").startswith("user_not_found: ")
