"""The whole round of an agent, in both revisions of the protocol: start, log, resume, find, export, merge, clean up."""

from typing import Any, Protocol

import pytest

from sessions.models import Session
from tests.builders import make_idle, make_session

from .agents import ERAS, over_http
from .conftest import MakeToken

pytestmark = pytest.mark.parametrize("era", ERAS)


class Calls(Protocol):
    """A client, whichever it is."""

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]: ...


def whole_round(agent: Calls, *, idle: str) -> None:
    """Everything that an agent does; `idle` is a session that a cleanup takes."""
    first = agent.call("start_session", user_id="bob", title="Garden", source="test")["session_id"]
    second = agent.call("start_session", user_id="bob")["session_id"]
    logged = agent.call("log_interaction", session_id=first, prompt="roses?", response="in May", idempotency_key="1")
    assert logged["added"] == 1
    again = agent.call("log_interaction", session_id=first, prompt="roses?", response="in May", idempotency_key="1")
    assert again["added"] == 0
    agent.call("log_interaction", session_id=second, interactions=[{"prompt": "tulips?"}, {"prompt": "lilies?"}])
    agent.call("update_context", session_id=first, context_summary="About roses.", active_topics=["roses"])

    pack = agent.call("resume_session", session_id=first)["context_pack"]
    assert pack["context"]["summary"] == "About roses."
    assert [turn["prompt"] for turn in pack["latest"]] == ["roses?"]

    listed = [line["session_id"] for line in agent.call("list_sessions", user_id="bob")["sessions"]]
    assert set(listed) == {first, second}
    assert agent.call("search_sessions", query="roses")["hits"][0]["session"]["session_id"] == first
    assert agent.call("get_conversation_summary", session_id=first)["context_summary"] == "About roses."
    assert '"roses?"' in agent.call("export_session", session_id=first)["content"]

    plan = agent.call("merge_sessions", primary_id=first, secondary_id=second)
    assert (plan["done"], plan["plan"]["moving"]) == (False, {second: 2})
    assert len(agent.call("get_interaction_history", session_id=first)["interactions"]) == 1
    merged = agent.call("merge_sessions", plan_token=plan["plan"]["plan_token"])
    history = agent.call("get_interaction_history", session_id=second)
    assert [one["prompt"] for one in history["interactions"]] == ["roses?", "tulips?", "lilies?"]
    assert history["interactions"][1]["origins"][0]["session_id"] == second
    agent.call("unmerge_sessions", merge_id=merged["merge"]["merge_id"])
    assert len(agent.call("get_interaction_history", session_id=second)["interactions"]) == 2

    plan = agent.call("cleanup_sessions", idle_days=30)
    assert [one["session_id"] for one in plan["plan"]["first"]] == [idle]
    done = agent.call("cleanup_sessions", plan_token=plan["plan"]["plan_token"])
    assert done["cleanup"]["trashed"] == 1
    agent.call("resume_session", session_id=idle)

    agent.call("set_preference", user_id="bob", name="tone", value="plain")
    assert agent.call("list_preferences", user_id="bob")["preferences"] == {"tone": "plain"}
    assert agent.call("remove_preference", user_id="bob", name="tone")["preferences"] == {}


def test_it_goes_over_http(url: str, token: MakeToken, era: str) -> None:
    make_idle(make_session(session_id="old", turns=1), 40)
    with over_http(url, token(), era=era) as agent:
        whole_round(agent, idle="old")
    assert not Session.objects.get(pk="old").trashed_at
