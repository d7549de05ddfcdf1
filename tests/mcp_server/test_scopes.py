"""What a token may see and do, and whose sessions it may know."""

import pytest
from mcp import MCPError

from sessions.mcp_server.tools import TOOLS, tools_of
from sessions.models import Session
from sessions.records import Scope
from tests.builders import make_session

from .agents import over_http
from .callers import caller, data, refusal
from .conftest import MakeToken


@pytest.mark.parametrize("scope", Scope)
def test_it_lists_the_tools_that_a_scope_reaches(url: str, token: MakeToken, scope: Scope) -> None:
    with over_http(url, token(scope)) as agent:
        assert agent.tools() == [name for name, tool in TOOLS.items() if scope.includes(tool.scope)]


def test_a_reader_does_not_see_what_destroys() -> None:
    seen = {tool.name for tool in tools_of(caller(Scope.READ))}
    assert not seen & {"merge_sessions", "cleanup_sessions", "log_interaction"}


def test_a_tool_that_is_not_seen_is_unknown(url: str, token: MakeToken) -> None:
    make_session(session_id="old", idle_days=40)
    with over_http(url, token(Scope.WRITE)) as agent:
        with pytest.raises(MCPError, match="Unknown tool: cleanup_sessions"):
            agent.try_call("cleanup_sessions")
        with pytest.raises(MCPError, match="Unknown tool: no_such_tool"):
            agent.try_call("no_such_tool")
    assert Session.objects.filter(trashed_at=None).count() == 1


SESSION_TOOLS = {
    "resume_session": {},
    "log_interaction": {"prompt": "mine now"},
    "update_context": {"title": "mine now"},
    "get_conversation_summary": {},
    "get_interaction_history": {},
    "export_session": {},
    "pin_interaction": {"interaction_id": "0198f3c2-7b1e-7a44-8000-000000000000"},
}


@pytest.mark.parametrize("tool", SESSION_TOOLS)
def test_somebody_elses_session_looks_unknown(tool: str) -> None:
    make_session(session_id="hers", user_id="alice", turns=1)
    by = caller(Scope.ADMIN, user_id="bob")
    theirs = refusal(tool, by, session_id="hers", **SESSION_TOOLS[tool])
    nobodys = refusal(tool, by, session_id="none", **SESSION_TOOLS[tool])
    assert theirs.replace("hers", "none") == nobodys
    assert Session.objects.get(pk="hers").title == ""


def test_a_bound_caller_finds_only_its_own() -> None:
    make_session(session_id="hers", user_id="alice", turns=1)
    make_session(session_id="his", user_id="bob", turns=1)
    by = caller(Scope.ADMIN, user_id="bob")
    assert [line["session_id"] for line in data("list_sessions", by)["sessions"]] == ["his"]
    hits = data("search_sessions", by, query="request")["hits"]
    assert {hit["session"]["session_id"] for hit in hits} == {"his"}
    assert refusal("list_sessions", by, user_id="alice").startswith("user_not_found: ")


def test_a_bound_caller_plans_with_its_own_alone() -> None:
    make_session(session_id="hers", user_id="alice", turns=1, idle_days=40)
    make_session(session_id="his", user_id="bob", turns=1, idle_days=40)
    by = caller(Scope.ADMIN, user_id="bob")
    assert refusal("merge_sessions", by, primary_id="his", secondary_id="hers").startswith("session_not_found: ")
    plan = data("cleanup_sessions", by)["plan"]
    assert [one["session_id"] for one in plan["first"]] == ["his"]
    everybodys = data("cleanup_sessions", caller())["plan"]["plan_token"]
    assert refusal("cleanup_sessions", by, plan_token=everybodys).startswith("not_found: ")
    assert Session.objects.filter(trashed_at=None).count() == 2
