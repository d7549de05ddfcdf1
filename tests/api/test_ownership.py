"""A token that is bound to a user: somebody else's is as unknown as what was never there."""

from collections.abc import Callable

import pytest

from sessions.api.examples import EXAMPLES
from sessions.api.face import operations
from tests.agents.estate import Estate, settle, whole_store

from .programs import Program, code, told

UPON = [
    (method, path, name)
    for method, path, name, _ in operations()
    if any(part in path for part in ("{session_id}", "{merge_id}", "{run_id}", "{import_id}", "{user_id}"))
]


@pytest.fixture
def bobs(db: None) -> Estate:
    return settle("bob")


def test_somebody_elses_is_as_unknown_as_nothing(bound: Callable[[str], Program], bobs: Estate) -> None:
    program = bound("admin")
    theirs = {
        "session_id": bobs.main,
        "interaction_id": bobs.interaction_id,
        "sequence": 1,
        "tag": "t",
        "merge_id": bobs.merge_id,
        "run_id": bobs.run_id,
        "import_id": bobs.import_id,
        "user_id": "bob",
        "preference": "tone",
    }
    nobodys = theirs | {
        "session_id": "x",
        "merge_id": "x",
        "run_id": bobs.interaction_id,
        "import_id": bobs.interaction_id,
        "user_id": "x",
    }
    before = whole_store()
    for method, path, name in UPON:
        found, unknown = (program.send(method, path.format(**names), EXAMPLES.get(name)) for names in (theirs, nobodys))
        assert code(found)[0] == 404, name
        assert code(found) == code(unknown), name
    assert whole_store() == before


def test_lists_and_searches_know_only_ones_own(bound: Callable[[str], Program], bobs: Estate) -> None:
    program, _ = bound("read"), settle("alice")
    for query in ("state=all", "state=all&user_id=alice"):
        assert {one["user_id"] for one in told(program.get(f"/sessions?{query}"))["sessions"]} == {"alice"}
    assert code(program.get("/sessions?user_id=bob")) == (404, "user_not_found")
    assert {hit["session"]["user_id"] for hit in told(program.get("/search?q=request"))["hits"]} == {"alice"}
    assert [one["user_id"] for one in told(program.get("/users"))["users"]] == ["alice"]


def test_plans_of_others_are_unknown(bound: Callable[[str], Program], bobs: Estate) -> None:
    program = bound("admin")
    assert code(program.post("/merges", {"plan_token": bobs.merge_token})) == (404, "session_not_found")
    assert code(program.post("/cleanup", {"plan_token": bobs.cleanup_token})) == (404, "not_found")


def test_new_sessions_are_ones_own(bound: Callable[[str], Program], bobs: Estate) -> None:
    program = bound("write")
    assert told(program.post("/sessions", {}))["user_id"] == "alice"
    assert code(program.post("/sessions", {"user_id": "bob"})) == (403, "other_user")
    for if_exists in ("refuse", "resume"):
        body = {"session_id": bobs.main, "if_exists": if_exists}
        assert code(program.post("/sessions", body)) == (404, "session_not_found")


def test_a_batch_reaches_only_ones_own(bound: Callable[[str], Program], bobs: Estate) -> None:
    batches = [{"session_id": one, "interactions": [{}]} for one in (bobs.main, settle("alice").main)]
    results = told(bound("write").post("/interactions:batch", {"batches": batches}))["results"]
    assert [(one["problem"] or {}).get("code") for one in results] == ["session_not_found", None]
