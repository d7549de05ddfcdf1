"""Two users' identities become one, and two again."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.actions import user_merging
from sessions.errors import MirrorUnavailable, NotFound, UserMergeRefused, UserNotFound
from sessions.mirror import drain
from sessions.models import AuditEvent, Profile, Session, UserMerge
from sessions.records import ANONYMOUS, ImportedInteraction, ImportEvent, SessionDraft
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import findings, lose_database, lose_files, places, reconcile


def merge(kept: str = "ann", absorbed: str = "anna", **more: Any) -> UserMerge:
    return actions.merge_users(kept, absorbed=absorbed, actor=ALICE, **more)


def users_of(*sessions: Session) -> list[str]:
    return [Session.objects.get(pk=one.pk).user_id for one in sessions]


@pytest.fixture
def pair() -> tuple[Session, Session]:
    """A session of ann's and one of anna's."""
    return make_session(user_id="ann", turns=1), make_session(user_id="anna", turns=2)


def test_it_moves_the_sessions_whatever_their_state(pair: tuple[Session, Session]) -> None:
    trashed, absorbed, survivor = (make_session(user_id="anna") for _ in range(3))
    actions.trash_session(trashed.pk, actor=ALICE)
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    done = merge()
    assert users_of(*pair, trashed, absorbed, survivor) == ["ann"] * 5
    assert done.session_count == 4
    assert findings() == []


def test_it_is_no_activity(pair: tuple[Session, Session]) -> None:
    before = Session.objects.get(pk=pair[1].pk).last_activity_at
    merge()
    assert Session.objects.get(pk=pair[1].pk).last_activity_at == before


def test_it_unites_the_preferences_and_takes_what_was_chosen(pair: tuple[Session, Session]) -> None:
    actions.update_profile("ann", actor=ALICE, replace={"lang": "de", "tone": "dry", "same": 1})
    actions.update_profile("anna", actor=ALICE, replace={"lang": "en", "tone": "warm", "same": 1, "zone": "CET"})
    preview = actions.preview_user_merge("ann", "anna")
    assert [one.name for one in preview.conflicts] == ["lang", "tone"]
    assert (preview.sessions, preview.interactions, preview.kept_sessions) == (1, 2, 1)
    merge(take=["tone", "same", "unknown"])
    expected = {"lang": "de", "tone": "warm", "same": 1, "zone": "CET"}
    assert Profile.objects.get(pk="ann").preferences == expected
    assert make_session(user_id="anna").user_preferences == expected
    assert findings() == []


def test_it_understands_whoever_still_says_the_old_name(pair: tuple[Session, Session]) -> None:
    merge()
    assert actions.resolve_user("anna") == "ann"
    assert make_session(user_id="anna").user_id == "ann"
    assert actions.resume_session(pair[0].pk, user_id="anna", actor=ALICE).pk == pair[0].pk
    assert actions.create_or_resume(session_id=pair[1].pk, user_id="anna", actor=ALICE).session.pk == pair[1].pk
    assert actions.update_profile("anna", actor=ALICE, replace={"a": 1}).pk == "ann"
    found = actions.list_sessions(actions.SessionFilters(user_id="anna", state="all")).sessions
    assert {row.user_id for row in found} == {"ann"}
    assert len(found) == 3


def test_it_understands_an_import_under_the_old_name(pair: tuple[Session, Session]) -> None:
    merge()
    events: list[ImportEvent] = [
        SessionDraft(session_id="imported", user_id="anna", source="test"),
        ImportedInteraction(session_id="imported", draft=draft(prompt="hello"), place="file:1"),
    ]
    actions.import_events(events, actor=ALICE, report=actions.ImportReport())
    assert Session.objects.get(pk="imported").user_id == "ann"
    assert findings() == []


def test_it_asks_nothing_more_of_the_database_for_an_append(pair: tuple[Session, Session]) -> None:
    with CaptureQueriesContext(connection) as before:
        log(pair[1], prompt="before")
    merge()
    with CaptureQueriesContext(connection) as after:
        log(pair[1], prompt="after")
    assert len(after) == len(before)


def test_it_gives_back_what_went_over_and_keeps_what_came_since(pair: tuple[Session, Session]) -> None:
    done = merge()
    since = make_session(user_id="anna")
    actions.unmerge_users(done.pk, actor=ALICE)
    assert users_of(*pair, since) == ["ann", "anna", "ann"]
    assert actions.resolve_user("anna") == "anna"
    assert make_session(user_id="anna").user_id == "anna"
    assert findings() == []


def test_it_takes_the_preferences_back_that_nobody_changed_since(pair: tuple[Session, Session]) -> None:
    actions.update_profile("ann", actor=ALICE, replace={"lang": "de", "tone": "dry"})
    actions.update_profile("anna", actor=ALICE, replace={"lang": "en", "tone": "warm", "zone": "CET", "mood": 1})
    done = merge(take=["lang", "tone"])
    actions.update_profile("ann", actor=ALICE, replace={"tone": "brief", "mood": 2})
    actions.unmerge_users(done.pk, actor=ALICE)
    assert Profile.objects.get(pk="ann").preferences == {"lang": "de", "tone": "brief", "mood": 2}
    assert Profile.objects.get(pk="anna").preferences == {"lang": "en", "tone": "warm", "zone": "CET", "mood": 1}


def test_it_leaves_a_preference_that_another_merged_user_gave_too(pair: tuple[Session, Session]) -> None:
    make_session(user_id="annie")
    for name in ("anna", "annie"):
        actions.update_profile(name, actor=ALICE, replace={"zone": "CET"})
    first = merge()
    merge(absorbed="annie")
    actions.unmerge_users(first.pk, actor=ALICE)
    assert Profile.objects.get(pk="ann").preferences == {"zone": "CET"}


def test_it_follows_a_chain_and_undoes_it_from_its_end(pair: tuple[Session, Session]) -> None:
    third = make_session(user_id="annie")
    first = merge()
    second = merge("annie", "ann")
    assert users_of(*pair, third) == ["annie"] * 3
    assert make_session(user_id="anna").user_id == "annie"
    assert actions.known_as("annie") == ["ann", "anna"]
    with pytest.raises(UserMergeRefused, match="later"):
        actions.unmerge_users(first.pk, actor=ALICE)
    actions.unmerge_users(second.pk, actor=ALICE)
    assert users_of(*pair, third) == ["ann", "ann", "annie"]
    actions.unmerge_users(first.pk, actor=ALICE)
    assert users_of(*pair, third) == ["ann", "anna", "annie"]
    assert findings() == []


def test_it_merges_into_whoever_the_kept_name_leads_to(pair: tuple[Session, Session]) -> None:
    other = make_session(user_id="other")
    merge()
    assert merge("anna", "other").kept_id == "ann"
    assert users_of(other) == ["ann"]


@pytest.mark.parametrize(
    ("kept", "absorbed", "says"),
    [
        ("ann", "ann", "themselves"),
        ("ann", "anna", "already merged"),
        ("anna", "ann", "already merged"),
        ("other", "anna", "already merged into 'ann'"),
        (ANONYMOUS, "ann", "no user"),
        ("ann", ANONYMOUS, "no user"),
    ],
)
def test_it_refuses_what_makes_no_sense(pair: tuple[Session, Session], kept: str, absorbed: str, says: str) -> None:
    make_session(user_id="other")
    make_session(user_id=ANONYMOUS)
    merge()
    for refused in (actions.preview_user_merge, merge):
        with pytest.raises(UserMergeRefused, match=says):
            refused(kept, absorbed)
    assert UserMerge.objects.count() == 1
    assert findings() == []


def test_it_refuses_a_user_that_nobody_knows(pair: tuple[Session, Session]) -> None:
    for kept, absorbed in (("ann", "nobody"), ("nobody", "ann")):
        with pytest.raises(UserNotFound):
            merge(kept, absorbed)
    assert not UserMerge.objects.exists()


def test_it_undoes_a_merge_once(pair: tuple[Session, Session]) -> None:
    done = merge()
    actions.unmerge_users(str(done.pk), actor=ALICE)
    with pytest.raises(UserMergeRefused, match="already undone"):
        actions.unmerge_users(done.pk, actor=ALICE)
    for unknown in ("00000000-0000-7000-8000-000000000000", "nonsense"):
        with pytest.raises(NotFound):
            actions.unmerge_users(unknown, actor=ALICE)


def test_it_may_be_done_again_after_it_was_undone(pair: tuple[Session, Session]) -> None:
    actions.unmerge_users(merge().pk, actor=ALICE)
    merge()
    assert users_of(*pair) == ["ann", "ann"]
    assert findings() == []


def test_it_says_who_did_it(pair: tuple[Session, Session]) -> None:
    actions.unmerge_users(merge().pk, actor=ALICE)
    events = AuditEvent.objects.filter(verb__startswith="users_").order_by("id")
    details = {"kept": "ann", "absorbed": "anna", "sessions": 1}
    assert [(one.verb, one.actor, one.details) for one in events] == [
        ("users_merged", "alice", details),
        ("users_unmerged", "alice", details),
    ]


def test_a_session_that_a_merge_of_sessions_gives_back_goes_to_the_kept_user(pair: tuple[Session, Session]) -> None:
    absorbed = make_session(user_id="anna")
    of_sessions = actions.merge_sessions(pair[1].pk, absorbed=absorbed.pk, actor=ALICE)
    merge()
    actions.unmerge(of_sessions.pk, actor=ALICE)
    assert users_of(pair[1], absorbed) == ["ann", "ann"]
    assert findings() == []


# --- Both copies --------------------------------------------------------------------------------------------


def test_the_files_bring_back_identities_aliases_and_the_way_back(pair: tuple[Session, Session]) -> None:
    actions.update_profile("ann", actor=ALICE, replace={"lang": "de"})
    actions.update_profile("anna", actor=ALICE, replace={"lang": "en", "zone": "CET"})
    make_session(user_id="annie")
    undone = merge(absorbed="annie")
    actions.unmerge_users(undone.pk, actor=ALICE)
    done = merge(take=["lang"])
    digest = actions.store_digest()
    lose_database()
    reconcile()
    assert actions.store_digest() == digest
    assert findings() == []
    assert actions.resolve_user("anna") == "ann"
    actions.unmerge_users(done.pk, actor=ALICE)
    assert users_of(*pair) == ["ann", "anna"]
    assert Profile.objects.get(pk="ann").preferences == {"lang": "de"}
    assert findings() == []


def test_the_rows_bring_the_files_back(pair: tuple[Session, Session]) -> None:
    merge()
    lose_files()
    reconcile()
    assert findings() == []
    lose_database()
    reconcile()
    assert UserMerge.objects.get().session_ids == [pair[1].pk]


def test_a_crash_before_the_sessions_files_are_written_loses_nothing(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(session_ids: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(user_merging, "_settle", killed)
    with pytest.raises(KeyboardInterrupt):
        merge()
    assert users_of(*pair) == ["ann", "ann"]
    monkeypatch.undo()
    actions.settle_mirror()
    assert findings() == []


def test_a_crash_and_then_a_lost_database_still_end_merged(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_merging, "_settle", lambda session_ids: None)
    merge()
    monkeypatch.undo()
    lose_database()
    reconcile()
    assert users_of(*pair) == ["ann", "ann"]
    assert findings() == []


def test_a_failure_within_changes_nothing(pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("sessions.actions.audit.record", fail)
    with pytest.raises(RuntimeError):
        merge()
    assert users_of(*pair) == ["ann", "anna"]
    assert not UserMerge.objects.exists()
    assert actions.resolve_user("anna") == "anna"
    assert findings() == []


def test_a_file_that_cannot_be_written_is_told_and_settled_later(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session_id: str) -> None:
        raise MirrorUnavailable("The disk is full.")

    monkeypatch.setattr(drain, "drain_session", refuse)
    with pytest.raises(MirrorUnavailable):
        merge()
    monkeypatch.undo()
    assert users_of(*pair) == ["ann", "ann"]
    actions.settle_mirror()
    assert findings() == []


def test_it_answers_soon_and_leaves_the_rest_to_the_worker(
    pair: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_merging, "SETTLE_SECONDS", -1)
    merge()
    assert actions.mirror_status().debt_sessions == 1
    actions.settle_mirror()
    assert findings() == []


def test_a_profiles_journal_that_names_another_users_merge_is_set_aside(pair: tuple[Session, Session]) -> None:
    merge()
    path = places().profile("anna")
    path.write_bytes(path.read_bytes().replace(b'"absorbed_id":"anna"', b'"absorbed_id":"anne"'))
    assert {one.kind for one in findings()} == {"damaged"}
    actions.repair_mirror(actor=ALICE)
    assert findings() == []


def test_a_session_that_begins_during_a_merge_is_not_overlooked(pair: tuple[Session, Session]) -> None:
    """Whichever of both comes first, the session ends with the kept user."""
    begun: list[Session] = []

    def begin() -> None:
        try:
            begun.extend(make_session(user_id="anna") for _ in range(5))
        finally:
            connection.close()

    thread = threading.Thread(target=begin)
    thread.start()
    merge()
    thread.join()
    assert users_of(*begun) == ["ann"] * 5
    assert findings() == []
