"""Code written for the old session manager runs unchanged but for its import."""

import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from sessions import actions
from sessions.errors import BrakePulled, InvalidInput, SessionNotFound, SessionTrashed
from sessions.models import Interaction, Session
from sessions.records import InteractionKind
from sessions.session_manager import (
    InteractionLogger,
    PersistentSession,
    SessionManager,
    interaction_logger,
    session_manager,
)
from tests.builders import ALICE, draft, make_session
from tests.commands.running import Ran, everything, run_python

# The mirror is written on commit, so commits must be real.
pytestmark = pytest.mark.django_db(transaction=True)

PHRASE = "colourless green ideas sleep furiously"


def trash(session_id: str) -> None:
    actions.trash_session(session_id, actor=ALICE)


def purge(session_id: str) -> None:
    trash(session_id)
    actions.purge_session(session_id, actor=ALICE)


def interactions(session_id: str) -> list[Interaction]:
    return list(Interaction.objects.of(session_id))


# --- Sessions ---


def test_it_has_the_old_managers_signatures() -> None:
    signatures = {
        "create_or_resume_session": ["user_id", "session_id"],
        "get_session": ["session_id"],
        "get_user_sessions": ["user_id"],
        "list_active_sessions": [],
        "update_session_activity": ["session_id", "interaction_count"],
        "update_session_context": ["session_id", "context_summary", "active_topics", "user_preferences"],
        "export_session_data": ["session_id"],
        "merge_sessions": ["primary_session_id", "secondary_session_id"],
        "cleanup_expired_sessions": [],
    }
    for name, parameters in signatures.items():
        assert list(inspect.signature(getattr(session_manager, name)).parameters) == parameters, name
    assert isinstance(session_manager, SessionManager)


def test_it_creates_a_session_for_anybody() -> None:
    anonymous, alices = session_manager.create_or_resume_session(), session_manager.create_or_resume_session("alice")

    assert type(anonymous) is type(alices) is str
    assert len({anonymous, alices}) == 2
    assert {one.pk: one.user_id for one in Session.objects.all()} == {anonymous: "anonymous", alices: "alice"}


@pytest.mark.parametrize("user_id", [None, "alice"])
def test_it_resumes_under_the_same_id_and_repeats_nothing(user_id: str | None) -> None:
    session = make_session(turns=2)

    assert session_manager.create_or_resume_session(user_id=user_id, session_id=session.pk) == session.pk
    assert len(interactions(session.pk)) == 2


@pytest.mark.parametrize("end", [lambda _: None, trash])
def test_it_brings_back_what_expired_or_lies_in_the_trash(end: Callable[[str], None]) -> None:
    session = make_session(turns=1, idle_days=100)
    end(session.pk)

    assert session_manager.create_or_resume_session("alice", session.pk) == session.pk
    assert [one["session_id"] for one in session_manager.list_active_sessions()] == [session.pk]


@pytest.mark.parametrize("unknown", ["unknown", "", "../../etc/passwd", "x" * 500, "a b", "\0"])
def test_it_starts_anew_where_an_id_is_unknown(unknown: str) -> None:
    session_id = session_manager.create_or_resume_session("alice", unknown)

    assert session_id != unknown
    assert session_manager.get_session(session_id) is not None
    assert session_manager.get_session(unknown) is None


def test_it_starts_anew_where_a_session_was_purged_or_is_somebody_elses() -> None:
    purged, bobs = make_session(turns=1), make_session(user_id="bob")
    purge(purged.pk)

    for session_id in (purged.pk, bobs.pk):
        mine = session_manager.create_or_resume_session("alice", session_id)
        assert mine != session_id
        assert Session.objects.get(pk=mine).user_id == "alice"


def test_it_hands_out_a_session_as_the_old_manager_did() -> None:
    session = make_session(turns=2)

    found = session_manager.get_session(session.pk)

    assert type(found) is PersistentSession
    assert (found.session_id, found.user_id, found.total_interactions) == (session.pk, "alice", 2)
    assert found.created_at <= found.last_activity <= datetime.now(UTC)
    assert Path(found.session_file_path).is_file()
    assert found.metadata == {}
    assert (found.context_summary, found.active_topics, found.user_preferences) == (None, None, None)


def test_it_finds_a_users_sessions_and_nobody_elses() -> None:
    old, new = make_session(idle_days=10), make_session()
    make_session(user_id="bob")
    trashed = make_session()
    trash(trashed.pk)

    assert [one.session_id for one in session_manager.get_user_sessions("alice")] == [new.pk, old.pk]
    assert session_manager.get_user_sessions("nobody") == session_manager.get_user_sessions("") == []


def test_it_lists_every_active_session_as_plain_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.session_manager._PAGE", 2)
    every = {make_session().pk for _ in range(5)}
    make_session(idle_days=8)

    listed = session_manager.list_active_sessions()

    assert type(listed) is list
    assert {one["session_id"] for one in listed} == every
    assert len(listed) == 5
    assert json.loads(json.dumps(listed)) == listed
    assert set(listed[0]) >= {
        "session_id", "user_id", "created_at", "last_activity", "total_interactions", "context_summary",
        "active_topics", "user_preferences",
    }  # fmt: skip
    assert datetime.fromisoformat(listed[0]["last_activity"]) > timezone.now() - timedelta(minutes=5)


def test_it_counts_activity_and_no_interaction() -> None:
    session = make_session(turns=1, idle_days=5)

    assert session_manager.update_session_activity(session.pk, 1) is True
    assert session_manager.update_session_activity("unknown") is False

    found = session_manager.get_session(session.pk)
    assert found is not None
    assert found.last_activity > session.last_activity_at
    assert found.total_interactions == 1


def test_it_updates_the_context_that_is_given() -> None:
    session_id = session_manager.create_or_resume_session("alice")

    assert session_manager.update_session_context(session_id, "moving", ["move", "boxes"], {"tone": "dry"}) is True
    assert session_manager.update_session_context(session_id, active_topics=["boxes"]) is True
    assert session_manager.update_session_context("unknown", "x", [], {}) is False

    found = session_manager.get_session(session_id)
    assert found is not None
    assert (found.context_summary, found.active_topics, found.user_preferences) == (
        "moving",
        ["boxes"],
        {"tone": "dry"},
    )


def test_it_exports_all_interactions_in_five_members() -> None:
    session_id = session_manager.create_or_resume_session("alice")
    session_manager.update_session_context(session_id, "moving", ["move"], {"tone": "dry"})
    drafts = [draft(InteractionKind.CLIENT_REQUEST, prompt=f"request {number}") for number in range(1, 151)]
    actions.log_interactions(session_id, drafts, actor=ALICE)

    exported = session_manager.export_session_data(session_id)

    assert exported is not None
    assert set(exported) >= {"session_info", "interactions", "context", "export_timestamp", "export_version"}
    assert [one["prompt"] for one in exported["interactions"]] == [f"request {number}" for number in range(1, 151)]
    assert {one["type"] for one in exported["interactions"]} == {"client_request"}
    assert exported["interactions"][0]["timestamp"] == exported["interactions"][0]["occurred_at"]
    assert exported["context"]["context_summary"] == exported["session_info"]["context_summary"] == "moving"
    assert exported["context"]["key_topics"] == exported["context"]["active_topics"] == ["move"]
    assert exported["session_info"]["total_interactions"] == 150
    assert set(exported["session_info"]) >= set(PersistentSession.__dataclass_fields__)
    assert json.loads(json.dumps(exported)) == exported
    assert session_manager.export_session_data("unknown") is None


def test_it_says_whether_it_merged() -> None:
    primary, secondary, trashed = make_session(turns=2), make_session(turns=1), make_session()
    trash(trashed.pk)

    assert session_manager.merge_sessions(primary.pk, secondary.pk) is True

    assert len(interactions(primary.pk)) == 3
    found = session_manager.get_session(secondary.pk)
    assert found is not None
    assert found.session_id == primary.pk
    before = everything()
    for pair in ((primary.pk, secondary.pk), (primary.pk, primary.pk), (primary.pk, "x"), (primary.pk, trashed.pk)):
        assert session_manager.merge_sessions(*pair) is False, pair
    assert everything() == before


def test_it_cleans_up_what_expired_and_tells_how_many() -> None:
    expired, active = make_session(idle_days=8), make_session(idle_days=6)

    assert session_manager.cleanup_expired_sessions() == 1
    assert session_manager.cleanup_expired_sessions() == 0

    assert [one["session_id"] for one in session_manager.list_active_sessions()] == [active.pk]
    assert session_manager.create_or_resume_session("alice", expired.pk) == expired.pk


def test_it_never_confirms_the_brake() -> None:
    for _ in range(21):
        make_session()
    Session.objects.update(last_activity_at=timezone.now() - timedelta(days=30))
    before = everything()

    with pytest.raises(BrakePulled):
        session_manager.cleanup_expired_sessions()
    assert everything() == before


# --- Interactions ---


def test_it_logs_each_kind_and_returns_its_id() -> None:
    session_id = session_manager.create_or_resume_session("alice")
    ids = [
        session_manager.log_client_request(session_id, "a question", idempotency_key="one"),
        session_manager.log_agent_response(session_id, "an answer", model="m", output_tokens=3),
        session_manager.log_conversation_turn(session_id, "q", "a"),
        session_manager.log_tool_call(session_id, "grep", {"pattern": "x"}),
        session_manager.log_tool_response(session_id, "grep", "found", execution_time_ms=1.5),
        session_manager.log_error(session_id, "it broke"),
    ]

    rows = interactions(session_id)
    assert [str(row.pk) for row in rows] == ids
    assert [row.kind for row in rows] == [
        "client_request", "agent_response", "conversation_turn", "tool_call", "tool_response", "error",
    ]  # fmt: skip
    assert (rows[0].prompt, rows[1].response, rows[2].prompt, rows[2].response) == ("a question", "an answer", "q", "a")
    assert (rows[3].tool_name, rows[3].tool_parameters) == ("grep", {"pattern": "x"})
    assert (rows[4].response, rows[4].execution_time_ms) == ("found", 1.5)
    assert (rows[5].error_message, rows[5].status) == ("it broke", "error")
    assert session_manager.log_client_request(session_id, "a question", idempotency_key="one") == ids[0]
    assert len(interactions(session_id)) == 6
    assert list(actions.verify_mirror()) == []


def test_it_refuses_to_log_what_no_session_can_hold() -> None:
    session_id = session_manager.create_or_resume_session("alice")
    before = everything()

    with pytest.raises(SessionNotFound):
        session_manager.log_client_request("unknown", "x")
    with pytest.raises(InvalidInput, match="colour"):
        session_manager.log_client_request(session_id, "x", colour="red")
    with pytest.raises(InvalidInput, match="kind"):
        session_manager.log(session_id, "shout", prompt="x")
    with pytest.raises(InvalidInput):
        session_manager.log_client_request(session_id, "NUL\0")
    assert everything() == before


def test_the_logger_has_the_old_verbs_on_one_session_of_its_own() -> None:
    logger = InteractionLogger()
    session_id = logger.get_or_create_session(user_id="alice")
    ids = [
        logger.log_client_request("a question", {"channel": "chat"}),
        logger.log_agent_response("an answer", metadata={"mood": "good"}),
        logger.log_conversation_turn("q", "a"),
        logger.log_tool_call("grep", {"pattern": "x"}, 12),
        logger.log_tool_response("grep", "found", 12, {"lines": 3}),
        logger.log_error("it broke"),
        logger.log_interaction("tool_call", tool_name="ls", parameters={}, status="pending"),
    ]

    rows = interactions(session_id)
    assert [str(row.pk) for row in rows] == ids
    assert logger.get_or_create_session() == session_id == logger.get_or_create_session("bob", "other")
    assert rows[0].metadata == {"channel": "chat"}
    assert (rows[3].tool_parameters, rows[3].execution_time_ms) == ({"pattern": "x"}, 12)
    assert [row.status for row in rows] == [*["success"] * 5, "error", "pending"]
    assert isinstance(interaction_logger, InteractionLogger)


def test_the_logger_begins_a_session_with_its_first_interaction_and_can_go_on_with_another() -> None:
    logger = InteractionLogger()
    assert Session.objects.count() == 0
    logger.log_client_request("hello")
    assert Session.objects.count() == 1

    session_id = logger.get_or_create_session()
    other = InteractionLogger()
    assert other.get_or_create_session(session_id=session_id) == session_id
    other.log_agent_response("hello yourself")
    assert len(interactions(session_id)) == 2


def test_the_logger_goes_on_when_its_session_was_cleaned_up_meanwhile() -> None:
    logger = InteractionLogger()
    logger.log_client_request("one")
    session_id = logger.get_or_create_session()

    trash(session_id)
    with pytest.raises(SessionTrashed):
        session_manager.log_client_request(session_id, "the manager refuses")
    logger.log_client_request("two")
    assert [row.prompt for row in interactions(session_id)] == ["one", "two"]

    purge(session_id)
    logger.log_client_request("three")
    assert [row.prompt for row in interactions(logger.get_or_create_session())] == ["three"]


# --- Where it is called from ---

SCRIPT = """
from sessions.session_manager import session_manager
session_id = session_manager.create_or_resume_session(user_id="alice")
session_manager.log_conversation_turn(session_id, "question", "answer")
session_manager.update_session_context(session_id, "summary", ["topic"], {"tone": "dry"})
assert session_manager.create_or_resume_session("alice", session_id) == session_id
exported = session_manager.export_session_data(session_id)
print(session_id, len(exported["interactions"]), exported["context"]["context_summary"])
"""

IN_A_LOOP = f"""
import asyncio
async def tool():
{"".join("    " + line + chr(10) for line in SCRIPT.strip().splitlines())}
asyncio.run(tool())
"""


@pytest.mark.parametrize("script", [SCRIPT, IN_A_LOOP], ids=["plain", "in an event loop"])
def test_it_works_in_a_new_process_with_nothing_but_the_environment(script: str) -> None:
    ran = run_python("-c", script)

    assert ran.code == 0, ran.err
    session_id, count, summary = ran.out.split()
    assert (count, summary) == ("1", "summary")
    assert [row.prompt for row in interactions(session_id)] == ["question"]


def test_it_works_after_a_restart_and_in_forked_processes() -> None:
    script = """
import asyncio, multiprocessing, sys
from sessions.session_manager import session_manager as manager
session_id = sys.argv[1]
async def log(text):
    manager.log_client_request(session_id, text)
def child(number):
    from django.db import connection
    connection.close()
    asyncio.run(log(f"from child {number}"))
if __name__ == "__main__":
    asyncio.run(log("from parent"))
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=child, args=(number,), daemon=True) for number in range(2)]
    for one in children: one.start()
    for one in children: one.join(20)
    assert [one.exitcode for one in children] == [0, 0], children
"""
    session = make_session()

    ran = run_python("-W", "ignore::DeprecationWarning", "-c", script, session.pk)

    assert ran.code == 0, ran.err
    assert {row.prompt for row in interactions(session.pk)} == {"from parent", "from child 0", "from child 1"}


# --- What it never says ---

TALKATIVE = f"""
from sessions.errors import SessionsiteError
from sessions.session_manager import InteractionLogger, session_manager as manager
text = {PHRASE!r}
one, two = [manager.create_or_resume_session("alice") for _ in range(2)]
logger = InteractionLogger()
for each in (one, two):
    manager.log_conversation_turn(each, text, text, reasoning=text, metadata={{"note": text}}, idempotency_key="k")
    manager.log_tool_call(each, "grep", {{"pattern": text}})
    manager.log_tool_response(each, "grep", text)
    manager.log_error(each, text)
    manager.update_session_context(each, text, [text], {{"tone": text}})
logger.log_client_request(text)
logger.log_agent_response(text)
for wrong in (
    lambda: manager.log_client_request(one, text + chr(0)),
    lambda: manager.log_client_request(one, text + chr(0xD800)),
    lambda: manager.log_client_request(one, [text]),
    lambda: manager.log_client_request(one, "other " + text, idempotency_key="k"),
    lambda: manager.log_client_request(one, text, metadata=text),
    lambda: manager.log_client_request("unknown", text),
    lambda: manager.update_session_context(one, text + chr(0)),
):
    try:
        wrong()
        raise AssertionError("it was not refused")
    except SessionsiteError as error:
        assert text not in str(error), "an error quotes what was said"
manager.merge_sessions(one, two)
manager.export_session_data(one)
manager.cleanup_expired_sessions()
print(one, two)
"""


def talk(**variables: str) -> Ran:
    return run_python("-c", TALKATIVE, LOG_LEVEL="DEBUG", **variables)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_it_never_logs_what_was_said(log_format: str) -> None:
    ran = talk(LOG_FORMAT=log_format)

    assert ran.code == 0, ran.err
    assert "interaction_logged" in ran.err
    assert PHRASE not in ran.err
    assert PHRASE.split()[1] + " " + PHRASE.split()[2] not in ran.err
    lines = ran.err.splitlines()
    if log_format == "json":
        assert {"session_created", "sessions_merged", "context_updated"} <= {
            json.loads(line)["event"] for line in lines
        }
    else:
        assert any("🆕 session_created" in line for line in lines)
        assert any("💾 interaction_logged" in line for line in lines)


COMMANDS = """
import sys
import django
django.setup()
from django.core.management import call_command
one, two, folder = sys.argv[1:]
for expected, *arguments in (
    (1, "import_sessions", f"{folder}/s1.jsonl"),
    (0, "list_sessions"),
    (0, "export_sessions", two, "--to", f"{folder}/exports"),
    (0, "merge_sessions", one, "s1", "--dry-run"),
    (0, "merge_sessions", one, "s1"),
    (0, "cleanup_sessions", "--dry-run"),
    (0, "cleanup_sessions", "--yes", "--purge"),
    (1, "mirror", "verify"),
    (0, "mirror", "repair"),
    (0, "mirror", "restore"),
    (0, "selftest"),
    (0, "worker", "--once"),
):
    code = 0
    try:
        call_command(*arguments)
    except SystemExit as leaving:
        code = leaving.code
    assert code == expected, (code, arguments)
    if arguments[:2] == ["merge_sessions", one] and len(arguments) == 3:
        from sessions.actions import journal_path
        with journal_path(one).open("ab") as journal:
            journal.write(b"torn")
"""


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_command_logs_what_was_said(log_format: str, tmp_path: Path) -> None:
    one, two = talk().out.split()
    said = json.dumps(
        {
            "type": "user",
            "uuid": "u1",
            "sessionId": "s1",
            "timestamp": "2025-06-01T10:00:00Z",
            "message": {"role": "user", "content": PHRASE},
        }
    )
    (tmp_path / "s1.jsonl").write_text(f"{said}\n{said[:-9]}\n")

    ran = run_python(
        "-c", COMMANDS, one, two, tmp_path,
        LOG_LEVEL="DEBUG", LOG_FORMAT=log_format, DJANGO_SETTINGS_MODULE="sessionsite.settings",
    )  # fmt: skip

    assert ran.code == 0, ran.err
    assert "import_finished" in ran.err
    assert PHRASE not in ran.err
