"""Every change stands in the log: by whom, through which door, and what."""

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from sessions import actions
from sessions.errors import InvalidInput
from sessions.importers.sources import Source
from sessions.models import AuditEvent, Session, UserMerge
from sessions.records import Actor, Face, ImportedInteraction, Scope, SessionDraft
from sessions.templatetags.activity import WORDS
from tests.builders import ALICE, draft, make_session
from tests.mirror.disk import journal_of

WALKER = Actor("walker", Face.MCP)
PASSWORD = "correct horse battery staple"

# --- A walk through every verb ------------------------------------------------------------------------------

# Verbs that change something and write no row, each for its reason.
SILENT = {
    "append_interactions": "the interactions are their own record",
    "log_interaction": "the interaction is its own record",
    "log_interactions": "the interactions are their own record",
    "inspect_mirror": "comparing changes nothing; Health tells when it was",
    "record_import": "the sessions that it brings tell of themselves",
    "plan_bulk": "a plan changes no session; starting it is told",
    "run_due_schedules": "what it calls tells of itself",
}

type Change = Callable[[], object]


def session(**fields: Any) -> str:
    return str(make_session(turns=1, **fields).pk)


def trashed() -> str:
    pk = session()
    actions.trash_session(pk, actor=ALICE)
    return pk


def interaction() -> tuple[str, Any]:
    pk = session()
    return pk, actions.list_interactions(pk).interactions[0].pk


def noted() -> tuple[str, Any]:
    pk = session()
    return pk, actions.add_note(pk, "a note", actor=ALICE)


def account(role: actions.Role = actions.Role.READER) -> int:
    return int(actions.create_account("somebody", role=role, password=PASSWORD, actor=ALICE)[0].id)


def token() -> int:
    return int(actions.create_token("t", scope=Scope.READ, actor=ALICE)[0].pk)


def view() -> tuple[int, User]:
    owner = User.objects.create_superuser("owner")
    return int(actions.save_view(owner, name="v", query="state=all", actor=ALICE).pk), owner


def bulk(*, started: bool = False) -> Any:
    pk = actions.plan_bulk("trash", sessions=[session()], actor=ALICE).pk
    if started:
        actions.start_bulk(pk, actor=ALICE)
    return pk


def idle_plan() -> str:
    make_session(idle_days=30)
    return actions.plan_cleanup(idle_days=7).token


def lost_file() -> str:
    pk = session()
    journal_of(pk).unlink()
    return pk


def events() -> list[Any]:
    pk = "imported"
    return [
        SessionDraft(session_id=pk, user_id="ann", source="test"),
        ImportedInteraction(session_id=pk, draft=draft(prompt="x"), place="f:1"),
    ]


def old_document(folder: Path) -> Source:
    path = folder / "old.json"
    path.write_text(_document())
    return Source(path)


def _document() -> str:
    moment = "2026-01-01T00:00:00"
    return json.dumps(
        {"session_id": "old", "created_at": moment, "last_activity": moment, "user_id": "ann", "metadata": {}}
    )


def staged(*, done: bool = False) -> Any:
    """An import that waits for a yes, or one that is done."""
    run = actions.stage_import([("old.json", [_document().encode()])], options={}, actor=ALICE, confirmed=done)
    while actions.work_on_imports():
        pass
    return run.pk


def _undone(run: Any, **by: Any) -> None:
    actions.undo_import(run, actor=ALICE)
    actions.carry_out_undo(run, **by)


def pair_of_users() -> tuple[str, str]:
    make_session(user_id="ann")
    make_session(user_id="anna")
    return "ann", "anna"


def changed_profile() -> int:
    return int(actions.update_profile("ann", replace={"a": 1}, actor=ALICE).revision)


def walks(folder: Path) -> dict[str, Change]:
    """For each verb, how it is done by the walker; what it needs is made by somebody else."""
    by: dict[str, Any] = {"actor": WALKER}
    return {
        "add_note": lambda: actions.add_note(session(), "a note", **by),
        "add_tag": lambda: actions.add_tag(session(), "tag", **by),
        "adopt": lambda: actions.adopt(SessionDraft(session_id="s", source="test"), **by),
        "advance_bulk": lambda: actions.advance_bulk(bulk(started=True), **by),
        "apply_merge": lambda: actions.apply_merge(actions.plan_merge(session(), absorbed=[session()]).token, **by),
        "apply_cleanup": lambda: actions.apply_cleanup(idle_plan(), **by),
        "begin_cleanup": lambda: actions.continue_cleanup(actions.begin_cleanup(idle_plan(), **by).pk, **by),
        "cancel_import": lambda: actions.cancel_import(staged(), **by),
        "carry_out_undo": lambda: _undone(staged(done=True), **by),
        "change_own_password": lambda: actions.change_own_password(account(), PASSWORD + "!", keep_login="", **by),
        "change_role": lambda: actions.change_role(account(), actions.Role.ADMINISTRATOR, **by),
        "change_view": lambda: _change_view(*view(), **by),
        "confirm_import": lambda: actions.confirm_import(staged(), user_id="", tags=[], **by),
        "continue_cleanup": lambda: actions.continue_cleanup(actions.begin_cleanup(idle_plan(), actor=ALICE).pk, **by),
        "create_account": lambda: actions.create_account("new", role=actions.Role.READER, password=PASSWORD, **by),
        "create_or_resume": lambda: actions.create_or_resume(**by),
        "create_session": lambda: actions.create_session(**by),
        "create_token": lambda: actions.create_token("t", scope=Scope.READ, **by),
        "deactivate_account": lambda: actions.deactivate_account(account(), **by),
        "delete_view": lambda: _delete_view(*view(), **by),
        "edit_note": lambda: _on_note(actions.edit_note, "other", **by),
        "edit_preferences": lambda: actions.edit_preferences("ann", before={}, after={"a": 1}, **by),
        "hold_session": lambda: actions.hold_session(session(), **by),
        "import_events": lambda: actions.import_events(events(), report=actions.ImportReport(), **by),
        "import_source": lambda: actions.import_source(old_document(folder), report=actions.ImportReport(), **by),
        "import_steps": lambda: list(
            actions.import_steps(old_document(folder), report=actions.ImportReport(), **by),
        ),
        "keep_database": lambda: actions.keep_database(session(), **by),
        "keep_journal": lambda: actions.keep_journal(session(), **by),
        "merge_sessions": lambda: actions.merge_sessions(session(), absorbed=session(), **by),
        "merge_users": lambda: _merge_users(*pair_of_users(), **by),
        "pin_interaction": lambda: actions.pin_interaction(*interaction(), **by),
        "purge_session": lambda: actions.purge_session(trashed(), **by),
        "purge_sessions": lambda: actions.purge_sessions([trashed()], **by),
        "reactivate_account": lambda: actions.reactivate_account(_closed(account()), **by),
        "reconcile_copies": lambda: (lost_file(), actions.reconcile_copies(**by)),
        "release_hold": lambda: actions.release_hold(_held(session()), **by),
        "remove_note": lambda: _on_note(actions.remove_note, **by),
        "remove_tag": lambda: actions.remove_tag(session(tags=["tag"]), "tag", **by),
        "rename_token": lambda: actions.rename_token(token(), "new", **by),
        "repair_mirror": lambda: (lost_file(), actions.repair_mirror(**by)),
        "reset_password": lambda: actions.reset_password(account(), **by),
        "restore_cleanup": lambda: _restore_cleanup(**by),
        "restore_note": lambda: _restore_note(**by),
        "restore_session": lambda: actions.restore_session(trashed(), **by),
        "restore_sessions": lambda: actions.restore_sessions([trashed()], **by),
        "resume_session": lambda: actions.resume_session(trashed(), **by),
        "revoke_token": lambda: actions.revoke_token(token(), **by),
        "save_view": lambda: actions.save_view(User.objects.create_user("o"), name="v", query="state=all", **by),
        "sign_out_everywhere": lambda: actions.sign_out_everywhere(account(), **by),
        "start_bulk": lambda: actions.start_bulk(bulk(), **by),
        "trash_session": lambda: actions.trash_session(session(), **by),
        "undo_bulk": lambda: actions.undo_bulk(_done(bulk(started=True)), **by),
        "undo_preferences": lambda: actions.undo_preferences("ann", revision=changed_profile(), **by),
        "stage_import": lambda: actions.stage_import([("f.json", [b"{}"])], options={}, **by),
        "undo_import": lambda: actions.undo_import(staged(done=True), **by),
        "unmerge": lambda: actions.unmerge(actions.merge_sessions(session(), absorbed=session(), actor=ALICE).pk, **by),
        "unmerge_users": lambda: actions.unmerge_users(_merge_users(*pair_of_users(), actor=ALICE).pk, **by),
        "unpin_interaction": lambda: _unpin(*interaction(), **by),
        "update_context": lambda: actions.update_context(session(), title="t", **by),
        "update_profile": lambda: actions.update_profile("ann", replace={"a": 1}, **by),
    }


def _change_view(pk: int, owner: User, *, actor: Actor) -> None:
    actions.change_view(pk, owner=owner, name="w", query="state=held", is_shared=True, is_default=False, actor=actor)


def _delete_view(pk: int, owner: User, *, actor: Actor) -> None:
    actions.delete_view(pk, owner=owner, actor=actor)


def _on_note(change: Callable[..., object], *more: str, actor: Actor) -> None:
    pk, note = noted()
    change(pk, note.id, *more, actor=actor)


def _restore_note(*, actor: Actor) -> None:
    pk, note = noted()
    actions.remove_note(pk, note.id, actor=ALICE)
    actions.restore_note(pk, note, actor=actor)


def _restore_cleanup(*, actor: Actor) -> None:
    run = actions.begin_cleanup(idle_plan(), actor=ALICE)
    actions.continue_cleanup(run.pk, actor=ALICE)
    actions.restore_cleanup(run.pk, actor=actor)


def _merge_users(kept: str, absorbed: str, *, actor: Actor) -> UserMerge:
    return actions.merge_users(kept, absorbed=absorbed, actor=actor)


def _unpin(pk: str, interaction_id: Any, *, actor: Actor) -> None:
    actions.pin_interaction(pk, interaction_id, actor=ALICE)
    actions.unpin_interaction(pk, interaction_id, actor=actor)


def _held(pk: str) -> str:
    actions.hold_session(pk, actor=ALICE)
    return pk


def _closed(account_id: int) -> int:
    actions.deactivate_account(account_id, actor=ALICE)
    return account_id


def _done(run: Any) -> Any:
    actions.advance_bulk(run, actor=ALICE)
    return run


def changing_verbs() -> set[str]:
    """A verb that changes something says who does it."""
    functions = {name: getattr(actions, name) for name in actions.__all__}
    return {
        name
        for name, verb in functions.items()
        if inspect.isfunction(verb) and "actor" in inspect.signature(verb).parameters
    }


def test_the_walk_leaves_no_verb_out() -> None:
    assert changing_verbs() == walks(Path()).keys() | SILENT.keys()


@pytest.mark.parametrize("verb", walks(Path()))
def test_it_tells_who_did_it_and_through_which_door(verb: str, tmp_path: Path) -> None:
    User.objects.create_superuser("root")
    walks(tmp_path)[verb]()
    told = AuditEvent.objects.filter(actor=WALKER.name)
    assert told
    assert {event.face for event in told} == {WALKER.face}
    assert {event.verb for event in told} <= WORDS.keys()


def test_every_verb_of_the_log_has_its_words() -> None:
    """Found in the code: what is handed to `audit.record`, or to what hands it on."""
    assert set(_verbs_in_the_code()) <= WORDS.keys()


def _verbs_in_the_code() -> Iterator[str]:
    recorders = {"record", "record_each", "_changing", "_audit"}
    for path in Path(inspect.getfile(actions)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in recorders:
                for given in node.args:
                    if isinstance(given, ast.Constant) and isinstance(given.value, str) and "_" in given.value:
                        yield given.value


# --- Reading the log ----------------------------------------------------------------------------------------


@pytest.fixture
def log() -> None:
    """Twelve events, some at the same moment."""
    now = timezone.now()
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                at=now - timedelta(hours=number // 2),
                actor=("ann", "ben")[number % 2],
                face=("browser", "mcp", "rest")[number % 3],
                verb=("session_held", "session_released")[number % 2],
                session_id=f"s{number % 4}",
                details={"number": number},
            )
            for number in range(12)
        ]
    )


def numbers(**filters: Any) -> list[int]:
    return [event.details["number"] for event in actions.list_events(actions.ActivityFilters(**filters)).events]


@pytest.mark.usefixtures("log")
def test_it_shows_the_latest_first_in_pages() -> None:
    found, cursor = [], ""
    while True:
        page = actions.list_events(actions.ActivityFilters(), cursor=cursor, limit=5)
        found += [event.pk for event in page.events]
        if not (cursor := page.next_cursor):
            break
    expected = list(AuditEvent.objects.order_by("-at", "-id").values_list("pk", flat=True))
    assert found == expected
    assert len(found) == 12


@pytest.mark.usefixtures("log")
def test_it_narrows() -> None:
    assert numbers(actor="ben") == [1, 3, 5, 7, 9, 11]
    assert numbers(face="mcp") == [1, 4, 7, 10]
    assert numbers(verb="session_held", session_id="s2") == [2, 6, 10]
    now = timezone.now()
    assert numbers(since=now - timedelta(hours=2, minutes=30)) == [1, 0, 3, 2, 5, 4]
    assert numbers(before=now - timedelta(hours=4, minutes=30)) == [11, 10]
    assert numbers(actor="nobody") == []


@pytest.mark.usefixtures("log")
def test_it_gives_the_whole_log_out_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.actions.activity._BATCH", 5)
    found = [event.pk for event in actions.all_events(actions.ActivityFilters())]
    assert found == list(AuditEvent.objects.order_by("-at", "-id").values_list("pk", flat=True))


@pytest.mark.usefixtures("log")
def test_it_knows_who_did_what() -> None:
    assert actions.known_actors() == ["ann", "ben"]
    assert actions.known_verbs() == ["session_held", "session_released"]


@pytest.mark.parametrize("wrong", [{"cursor": "x"}, {"cursor": "W10"}, {"cursor": "WzEsMV0"}, {"limit": 0}])
def test_it_refuses_what_is_no_question(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        actions.list_events(actions.ActivityFilters(), **wrong)


def test_it_tells_what_was_done_to_a_session_last() -> None:
    pk = session()
    actions.hold_session(pk, actor=ALICE)
    other = session()
    assert [event.verb for event in actions.session_events(pk)] == ["session_held", "session_created"]
    assert len(actions.session_events(other, limit=1)) == 1


def test_an_append_writes_no_row() -> None:
    pk = session()
    before = AuditEvent.objects.count()
    actions.log_interaction(pk, draft(prompt="x"), actor=ALICE)
    assert AuditEvent.objects.count() == before


def test_it_knows_titles_and_never_what_was_said() -> None:
    titled, untitled = make_session(title="A title"), make_session(turns=1)
    merged = actions.merge_sessions(untitled.pk, absorbed=titled.pk, actor=ALICE)
    assert merged
    assert Session.objects.get(pk=untitled.pk).opening
    Session.objects.filter(pk=untitled.pk).update(title="")
    assert actions.titles_of(list(AuditEvent.objects.all())) == {titled.pk: "A title"}
