"""Sessions over REST: begun, found, gone on with, put away."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from sessions import actions, packing
from sessions.models import AuditEvent, Session
from tests.builders import ALICE, log, make_session

from .programs import Program, code, told


def test_it_begins_a_session(writer: Program) -> None:
    answer = writer.post("/sessions", {"user_id": "alice", "title": "T", "tags": ["a"], "project_context": {"k": 1}})
    found = told(answer)
    session = Session.objects.get()
    assert answer.status_code == 201
    assert (found["session_id"], found["user_id"], found["state"], found["tags"]) == (
        session.pk,
        "alice",
        "active",
        ["a"],
    )
    assert found["context"]["project_context"] == {"k": 1}
    assert AuditEvent.objects.get(verb="session_created").face == "rest"


def test_it_refuses_or_resumes_a_session_that_is_there(writer: Program) -> None:
    session = make_session(turns=1, idle_days=9)
    assert code(writer.post("/sessions", {"session_id": session.pk})) == (409, "session_exists")
    answer = writer.post("/sessions", {"session_id": session.pk, "if_exists": "resume"})
    assert (answer.status_code, told(answer)["state"]) == (200, "active")


@pytest.mark.parametrize("session_id", ["", "..", "a/b", "a b", "a" * 129, "é", "a\0"])
def test_it_refuses_an_id_that_names_no_file(writer: Program, session_id: str) -> None:
    assert code(writer.post("/sessions", {"session_id": session_id})) == (400, "invalid_input")


def test_it_reads_a_session_and_leads_on_from_an_absorbed_one(reader: Program) -> None:
    kept, absorbed = make_session(turns=1), make_session(turns=2)
    actions.merge_sessions(kept.pk, absorbed=absorbed.pk, actor=ALICE)
    found = told(reader.get(f"/sessions/{absorbed.pk}"))
    assert (found["session_id"], found["interaction_count"]) == (kept.pk, 3)


def test_it_tells_what_is_unknown_from_what_was_purged(reader: Program) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    assert code(reader.get("/sessions/unknown")) == (404, "session_not_found")
    assert code(reader.get(f"/sessions/{session.pk}")) == (410, "session_purged")


@pytest.mark.parametrize(
    "path",
    ["/sessions/..x", "/sessions/a%00", "/sessions/%ff", "/sessions/a%20b", f"/sessions/{'a' * 129}", "/sessions/%0a"],
)
def test_it_knows_no_session_of_an_unsafe_id(reader: Program, path: str) -> None:
    assert reader.get(path).status_code == 404


def test_it_lists_in_pages(reader: Program) -> None:
    for number in range(5):
        make_session(session_id=f"s{number}", idle_days=number / 10)
    first = told(reader.get("/sessions?limit=3"))
    second = told(reader.get(f"/sessions?limit=3&cursor={first['next_cursor']}"))
    assert [one["session_id"] for one in first["sessions"] + second["sessions"]] == ["s0", "s1", "s2", "s3", "s4"]
    assert second["next_cursor"] == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "active rich"),
        ("user_id=bob", "rich"),
        ("state=expired", "old"),
        ("state=all&sort=created&descending=false", "active rich old"),
        ("state=all&prefix=r", "rich"),
        ("tag=t", "rich"),
        ("source=claude-code", "rich"),
        ("model=m-1", "rich"),
        ("has_errors=true", "rich"),
        ("least_interactions=1", "rich"),
        ("most_interactions=0", "active"),
        ("state=all&active_before={yesterday}", "old"),
        ("state=all&active_since={yesterday}", "active rich"),
    ],
)
def test_it_narrows_a_list(reader: Program, query: str, expected: str) -> None:
    make_session(session_id="active")
    log(make_session(session_id="rich", user_id="bob", tags=["t"], source="claude-code"), model="m-1", status="error")
    make_session(session_id="old", idle_days=9)
    yesterday = quote((timezone.now() - timedelta(days=1)).isoformat())
    found = told(reader.get(f"/sessions?{query.format(yesterday=yesterday)}"))["sessions"]
    assert sorted(one["session_id"] for one in found) == sorted(expected.split())


NO_FILTERS = ["state=x", "sort=x", "descending=1", "has_errors=yes", "cursor=x", "user=a", "least_interactions=1e3"]
NO_TIMES = ["active_since=2026-01-01", "active_since=1", "active_before=9999-12-31T23:59:59-23:00"]
NO_NAMES = ["tag=%00", f"tag={'a' * 300}", "user_id=%00", "prefix=%00"]


@pytest.mark.parametrize("query", [*NO_FILTERS, *NO_TIMES, *NO_NAMES])
def test_it_refuses_a_filter_that_makes_no_sense(reader: Program, query: str) -> None:
    assert code(reader.get(f"/sessions?{query}")) == (400, "invalid_input")


def test_it_searches(reader: Program) -> None:
    log(make_session(), prompt="a walrus in the harbour")
    hits = told(reader.get("/search?q=walrus"))["hits"]
    assert [hit["snippet"] for hit in hits] == ["a «walrus» in the harbour"]
    assert code(reader.get("/search")) == (400, "invalid_input")
    assert code(reader.get("/search?q=%00")) == (400, "invalid_input")


def test_it_resumes_from_the_trash_and_adds_nothing(writer: Program) -> None:
    session = make_session(turns=2)
    actions.trash_session(session.pk, actor=ALICE)
    answer = writer.post(f"/sessions/{session.pk}/resume", {"max_tokens": 2_000})
    found = told(answer)
    assert (answer.status_code, found["session"]["state"], found["created"]) == (200, "active", False)
    assert [turn["prompt"] for turn in found["context_pack"]["latest"]] == ["request 1", "request 2"]
    assert Session.objects.get().interaction_count == 2
    assert writer.post(f"/sessions/{session.pk}/resume").status_code == 200


def test_it_resumes_nothing_for_a_budget_that_makes_no_sense(writer: Program) -> None:
    session = make_session(idle_days=9)
    assert code(writer.post(f"/sessions/{session.pk}/resume", {"max_tokens": 1})) == (400, "invalid_input")
    assert Session.objects.get().last_activity_at == session.last_activity_at


def test_it_resumes_only_the_named_users_session(writer: Program) -> None:
    path = f"/sessions/{make_session().pk}/resume"
    assert code(writer.post(path, {"user_id": "bob"})) == (404, "session_not_found")
    assert writer.post(path, {"user_id": "alice"}).status_code == 200


def test_a_pack_holds_what_was_measured_and_no_more(reader: Program) -> None:
    session = make_session(turns=30)
    pack = told(reader.get(f"/sessions/{session.pk}/context-pack?max_tokens=600"))
    assert pack == packing.document(actions.context_pack(session.pk, max_tokens=600))
    earlier = told(reader.get(f"/sessions/{session.pk}/context-pack?cursor={pack['left_out']['cursor']}"))
    assert earlier["latest"][-1]["sequence"] == pack["latest"][0]["sequence"] - 1


def test_it_holds_releases_trashes_and_restores(admin: Program) -> None:
    path = f"/sessions/{make_session().pk}"
    assert told(admin.post(f"{path}/hold", {"reason": "audit"}))["hold_reason"] == "audit"
    assert code(admin.post(f"{path}/trash")) == (409, "conflict")
    assert told(admin.post(f"{path}/release"))["held"] is False
    assert told(admin.post(f"{path}/trash", {"reason": "old"}))["state"] == "trashed"
    assert code(admin.post(f"{path}/hold")) == (409, "session_trashed")
    assert told(admin.post(f"{path}/restore"))["state"] == "active"
