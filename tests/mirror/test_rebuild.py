"""Either copy rebuilds the other."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from sessions import actions
from sessions.errors import MirrorUnavailable, SessionExists, SessionPurged
from sessions.mirror import drain, journal
from sessions.mirror.codec import Entry
from sessions.models import AuditEvent, Interaction, Merge, Profile, Session, Tombstone
from sessions.records import InteractionKind, InteractionRecord, MergeRecord, Origin, SessionRecord
from tests.builders import ALICE, draft, log, make_idle, make_session

from .disk import (
    findings,
    journal_of,
    lines_of,
    lose_database,
    lose_files,
    places,
    quarantined_bytes,
    reconcile,
    repair,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def furnish() -> None:
    """A store with everything in it that a store can have."""
    actions.update_profile("alice", actor=ALICE, replace={"lang": "de", "n": [1, {"a": None}]})
    one, two, three, four = (make_session(turns=number, tags=[f"t{number}"]) for number in (3, 2, 1, 2))
    log(one, kind=InteractionKind.TOOL_CALL, tool_name="grep", tool_parameters={"z": 1, "a": [0.5, None, "ä\u2028"]})
    log(two, kind=InteractionKind.ERROR, error_message="broken 🜂", status="error", source_record=b"\xff\0raw")
    actions.update_context(one.pk, actor=ALICE, context_summary="s", active_topics=["x"], semantic_context={"e": 1})
    actions.hold_session(one.pk, reason="kept", actor=ALICE)
    undone = actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
    log(two, prompt="since")
    actions.unmerge(undone.pk, actor=ALICE)
    actions.merge_sessions(one.pk, absorbed=three.pk, actor=ALICE)
    actions.merge_sessions(two.pk, absorbed=one.pk, actor=ALICE)
    actions.trash_session(four.pk, reason="old", actor=ALICE)
    purged = make_session(turns=1)
    actions.trash_session(purged.pk, actor=ALICE)
    actions.purge_session(purged.pk, actor=ALICE)
    make_session(turns=1, idle_days=400)


def craft(session_id: str, *records: Any, header: dict[str, Any] | None = None) -> Path:
    """A journal that verifies and says whatever it is told."""
    values = {"session_id": session_id, "user_id": "alice", "created_at": NOON, "last_activity_at": NOON}
    first = SessionRecord(**{**values, **(header or {})})
    path = places().journal(session_id)
    journal.replace(path, [Entry(number, record) for number, record in enumerate([first, *records], start=1)])
    return path


def said(sequence: int, **fields: Any) -> InteractionRecord:
    values = {"id": uuid4(), "kind": "conversation_turn", "occurred_at": NOON, "recorded_at": NOON}
    return InteractionRecord(sequence=sequence, **{**values, **fields})


def test_it_rebuilds_the_database() -> None:
    furnish()
    before, lines = actions.store_digest(), list(actions.store_lines())
    lose_database()
    done = reconcile()
    assert list(actions.store_lines()) == lines
    assert actions.store_digest() == before
    assert (done.copies.conflicts, done.copies.failures) == ([], [])
    assert findings() == []


def test_it_rebuilds_the_files() -> None:
    furnish()
    before = actions.store_digest()
    lose_files()
    reconcile()
    assert findings() == []
    lose_database()
    reconcile()
    assert actions.store_digest() == before


def test_it_does_nothing_to_a_store_that_is_whole() -> None:
    furnish()
    done = reconcile()
    assert done.copies.changed == 0
    assert reconcile().copies.changed == 0


def test_a_rebuilt_session_goes_on() -> None:
    session = make_session(turns=2)
    log(session, prompt="x", idempotency_key="k")
    lose_database()
    reconcile()
    assert log(session, prompt="x", idempotency_key="k").sequence == 3
    assert log(session, prompt="y").sequence == 4
    assert findings() == []


def test_the_last_of_a_batch_may_be_an_old_one() -> None:
    session = make_session()
    log(session, prompt="old", idempotency_key="old")
    make_idle(session, 3)
    drafts = [draft(prompt="new", idempotency_key="new"), draft(prompt="old", idempotency_key="old")]
    actions.log_interactions(session.pk, drafts, actor=ALICE)
    before = actions.store_digest()
    assert (timezone.now() - Session.objects.get().last_activity_at).total_seconds() < 60
    assert findings() == []
    lose_database()
    reconcile()
    assert actions.store_digest() == before


def test_a_purged_session_does_not_come_back() -> None:
    session = make_session(turns=1)
    copy = journal_of(session).read_bytes()
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    journal_of(session).parent.mkdir(exist_ok=True)
    journal_of(session).write_bytes(copy)
    journal_of(session).chmod(0o600)
    assert len(reconcile().copies.conflicts) == 1
    assert not Session.objects.exists()
    with pytest.raises(SessionPurged):
        make_session(session_id=session.pk)
    assert repair() == []
    assert quarantined_bytes(session.pk) == [copy]


def test_a_session_whose_survivor_is_gone_stands_for_itself() -> None:
    one, two = make_session(turns=1), make_session(turns=2)
    actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
    lose_database()
    places().journal(one.pk).unlink()
    reconcile()
    row = Session.objects.get()
    assert (row.pk, row.merged_into_id, row.interaction_count) == (two.pk, None, 2)


# --- A database older than its files ---


def test_it_catches_up_with_a_journal_that_is_ahead() -> None:
    session = make_session(turns=5)
    before = actions.store_digest()
    Interaction.objects.filter(sequence__gt=2)._raw_delete("default")
    Session.objects.update(revision=3, mirrored_revision=3, last_sequence=2, interaction_count=2)
    assert {one.kind for one in findings()} == {"ahead"}
    done = reconcile()
    assert (done.copies.caught_up, done.copies.loaded_interactions) == (1, 3)
    assert actions.store_digest() == before
    assert findings() == []
    assert log(session, prompt="on").sequence == 6


def test_it_catches_up_with_a_profile_that_is_ahead() -> None:
    for number in range(3):
        actions.update_profile("alice", actor=ALICE, replace={"n": number})
    Profile.objects.update(revision=1, mirrored_revision=1, preferences={"n": 0})
    assert {one.kind for one in findings()} == {"ahead"}
    reconcile()
    assert Profile.objects.get().preferences == {"n": 2}
    assert findings() == []


@pytest.mark.parametrize("keep", ["database", "journal"])
def test_it_picks_neither_of_two_versions_until_somebody_decides(keep: str) -> None:
    session = make_session(turns=4)
    ahead = journal_of(session).read_bytes()
    Interaction.objects.filter(sequence__gt=2)._raw_delete("default")
    Interaction.objects.filter(sequence=2).update(prompt="told otherwise")
    Session.objects.update(revision=3, mirrored_revision=3, last_sequence=2, interaction_count=2)
    assert len(reconcile().copies.conflicts) == 1
    assert {one.kind for one in repair()} == {"ahead"}
    assert journal_of(session).read_bytes() == ahead
    assert Interaction.objects.count() == 2

    if keep == "database":
        actions.keep_database(session.pk, actor=ALICE)
        assert quarantined_bytes(session.pk) == [ahead]
    else:
        assert actions.keep_journal(session.pk, actor=ALICE) == 4
        (kept,) = quarantined_bytes(session.pk)
        assert b"told otherwise" in kept
    assert Interaction.objects.count() == (2 if keep == "database" else 4)
    assert findings() == []


def test_it_leaves_a_damaged_journal_that_is_ahead_to_a_person() -> None:
    session = make_session(turns=4)
    damaged = journal_of(session).read_bytes().replace(b"request 1", b"request 7")
    journal_of(session).write_bytes(damaged)
    Interaction.objects.filter(sequence__gt=2)._raw_delete("default")
    Session.objects.update(revision=3, mirrored_revision=3, last_sequence=2, interaction_count=2)
    assert {one.kind for one in repair()} == {"damaged", "ahead"}
    assert journal_of(session).read_bytes() == damaged
    assert actions.keep_journal(session.pk, actor=ALICE) == 3
    assert damaged in quarantined_bytes(session.pk)
    assert findings() == []


# --- Crashes between two files ---


def crash_after(files: int, monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let `act` commit and die when it has brought so many sessions' files up to date."""
    real, left = drain.drain_session, [files]

    def drain_or_die(session_id: str, known: Any = ()) -> None:
        if left[0] == 0:
            raise MirrorUnavailable("The process dies here.")
        left[0] -= 1
        real(session_id, known)

    with monkeypatch.context() as dying:
        dying.setattr(drain, "drain_session", drain_or_die)
        with pytest.raises(MirrorUnavailable):
            act()


@pytest.mark.parametrize("files", [0, 1])
@pytest.mark.parametrize("names", ["ab", "ba"])
@pytest.mark.parametrize("lost", [False, True], ids=["database there", "database gone"])
def test_a_crash_in_a_merge_leaves_it_before_or_after(
    files: int, names: str, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    survivor, absorbed = (make_session(session_id=f"{name}{name}", turns=2) for name in names)
    log(survivor, prompt="shared", idempotency_key="k")
    log(absorbed, prompt="shared", idempotency_key="k")
    before = actions.store_digest()
    act = lambda: actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)  # noqa: E731
    crash_after(files, monkeypatch, act)
    after = actions.store_digest()
    if lost:
        lose_database()
    reconcile()
    reconcile()
    if lost and files == 1:
        # The header's times differ by nothing, so the merge is there as it was committed.
        assert actions.store_digest() == after
    else:
        assert actions.store_digest() == (before if lost else after)
    assert findings() == []
    if merge := Merge.objects.first():
        actions.unmerge(merge.pk, actor=ALICE)
        assert Session.objects.get(pk=absorbed.pk).interaction_count == 3
        assert findings() == []


@pytest.mark.parametrize("files", [0, 1])
@pytest.mark.parametrize("names", ["ab", "ba"])
@pytest.mark.parametrize("lost", [False, True], ids=["database there", "database gone"])
def test_a_crash_in_an_unmerge_loses_nothing(
    files: int, names: str, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    survivor, absorbed = (make_session(session_id=f"{name}{name}", turns=2) for name in names)
    merge = actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    log(absorbed, prompt="since")
    crash_after(files, monkeypatch, lambda: actions.unmerge(merge.pk, actor=ALICE))
    if lost:
        lose_database()
    reconcile()
    assert Interaction.objects.count() == 5
    assert Interaction.objects.values("id").distinct().count() == 5
    assert findings() == []
    if Merge.objects.get().undone_at is None:
        actions.unmerge(merge.pk, actor=ALICE)
    assert [Session.objects.get(pk=one.pk).interaction_count for one in (survivor, absorbed)] == [3, 2]
    assert findings() == []


# --- Files that verify and must not be believed ---


def test_files_that_name_each_other_end_in_no_circle() -> None:
    craft("aa", said(1), header={"merged_into": "bb"})
    craft("bb", said(1), header={"merged_into": "aa"})
    craft("cc", said(1), header={"merged_into": "cc"})
    done = reconcile()
    assert done.copies.loaded == 3
    for name in ("aa", "bb", "cc"):
        assert actions.get_session(name).merged_into_id is None
    assert findings() == []


def test_merge_records_that_name_each_other_end_in_no_circle() -> None:
    def merged(survivor: str, absorbed: str) -> MergeRecord:
        empty: dict[str, Any] = {"survivor_before": {}, "survivor_after": {}, "absorbed_before": {}}
        return MergeRecord(
            id=uuid4(), survivor_id=survivor, absorbed_id=absorbed, merged_at=NOON, merged_by="x", **empty
        )

    craft("aa", merged("aa", "bb"))
    craft("bb", merged("bb", "aa"))
    craft("cc", merged("aa", "dd"), merged("cc", "cc"))
    reconcile()
    for name in ("aa", "bb", "cc"):
        actions.get_session(name)
    assert Session.objects.filter(merged_into=None).exists()


@pytest.mark.parametrize(
    "record",
    [
        said(1, kind="poem"),
        said(1, prompt="nul \0"),
        said(1, prompt="half \ud800"),
        said(1, input_tokens=-1),
        said(1, input_tokens=2**70),
        said(0),
        said(2**63),
        said(1, status="x" * 65),
        said(1, idempotency_key="x" * 201),
        said(1, idempotency_key="k", key_scope="x" * 129),
        said(1, idempotency_key="k", key_scope="nul \0"),
        said(1, occurred_at=datetime(1900, 1, 1, tzinfo=UTC)),
        said(1, metadata={"a": "\ud800"}),
        said(1, origins=[Origin(merge_id=uuid4(), session_id="\0", sequence=1)]),
        said(1, key_scope="b", origins=[Origin(merge_id=uuid4(), session_id="b", sequence=1, key_scope="\0")]),
    ],
)
def test_it_leaves_out_what_no_store_may_hold(record: InteractionRecord) -> None:
    path = craft("aa", said(1, prompt="good"), record)
    file = path.read_bytes()
    done = reconcile()
    assert done.copies.failures == []
    assert done.copies.salvaged == 1
    assert [row.prompt for row in Interaction.objects.all()] == ["good"]
    assert quarantined_bytes("aa") == [file]
    assert findings() == []


@pytest.mark.parametrize(
    "header",
    [
        {"user_id": ""},
        {"user_id": "x" * 256},
        {"title": "\0"},
        {"title": "\ud800"},
        {"source": "x" * 65},
        {"created_at": datetime(1, 1, 1, tzinfo=UTC)},
        {"metadata": {"n": 2**70}},
        {"tags": [""]},
        {"stated_interactions": -1},
    ],
)
def test_it_sets_a_session_aside_that_no_store_may_hold(header: dict[str, Any]) -> None:
    craft("aa", said(1), header=header)
    craft("bb", said(1))
    done = reconcile()
    assert done.copies.failures == []
    assert list(Session.objects.values_list("pk", flat=True)) == ["bb"]
    assert len(quarantined_bytes("aa")) == 1
    assert findings() == []


def test_it_loads_doubtful_sequences_and_keys_once() -> None:
    craft("aa", said(1, idempotency_key="k"), said(1, prompt="b"), said(1, idempotency_key="k"), said(9))
    reconcile()
    rows = list(Interaction.objects.of("aa"))
    assert len({row.sequence for row in rows}) == len(rows) == 3
    assert findings() == []
    assert log("aa", prompt="on").sequence == 10


def test_it_gives_an_interaction_to_one_session_only() -> None:
    shared = said(1, prompt="whose?")
    craft("aa", shared)
    craft("bb", shared, said(2))
    done = reconcile()
    assert done.copies.failures == []
    assert Interaction.objects.count() == 2


@pytest.mark.parametrize("name", ["ab\udcff", "a b", ".hidden", "x" * 140])
def test_it_loads_nothing_under_a_name_that_is_no_id(name: str) -> None:
    path = craft("good", said(1))
    shutil.copy(path, path.with_name(f"{name}.jsonl"))
    done = reconcile()
    assert done.copies.failures == []
    assert list(Session.objects.values_list("pk", flat=True)) == ["good"]
    assert findings() == []


def test_one_bad_file_stops_no_start() -> None:
    craft("aa", said(1))
    craft("bb", said(1))
    os.mkfifo(places().sessions / "aa" / "ac.jsonl")
    (places().sessions / "aa" / "ad.jsonl").mkdir()
    (places().sessions / "aa" / "ae.jsonl").write_bytes(b"")
    assert reconcile().copies.loaded == 2
    assert findings() == []


def test_a_new_session_cannot_take_the_id_of_a_journal_that_waits_to_be_loaded() -> None:
    craft("aa", said(1))
    with pytest.raises(SessionExists):
        make_session(session_id="aa")
    assert lines_of(places().journal("aa"))[1]["data"]["sequence"] == 1


def test_a_tombstone_for_a_living_session_is_reported() -> None:
    session = make_session(turns=1)
    doomed = make_session()
    actions.trash_session(doomed.pk, actor=ALICE)
    actions.purge_session(doomed.pk, actor=ALICE)
    target = places().tombstone(session.pk)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(places().tombstone(doomed.pk), target)
    assert len(reconcile().copies.conflicts) == 1
    assert Session.objects.filter(pk=session.pk).exists()
    assert Tombstone.objects.count() == 1


def test_the_audit_says_what_a_start_did() -> None:
    furnish()
    lose_database()
    reconcile()
    assert json.dumps(AuditEvent.objects.get(verb="copies_reconciled").details)
