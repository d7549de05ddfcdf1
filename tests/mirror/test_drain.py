"""Bringing the files up to the database."""

import errno
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions import actions
from sessions.errors import MirrorConflict, MirrorUnavailable
from sessions.mirror import drain, journal
from sessions.models import Interaction, Profile, Session
from tests.builders import ALICE, draft, log, make_session

from .disk import findings, image_of, journal_of, kinds, places, quarantined_bytes


def fail_once(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let one call of a function of `os` fail as a dying disk does."""
    real, failures = getattr(os, name), [OSError(errno.EIO, "Input/output error")]

    def fail(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments)

    return lambda: monkeypatch.setattr(os, name, fail)


def raw(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_it_writes_a_line_for_everything_that_is_acknowledged() -> None:
    session = make_session(turns=3)
    actions.update_context(session.pk, actor=ALICE, context_summary="about it")
    image = image_of(session)
    assert len(image.interactions) == 3
    assert image.header is not None
    assert image.header.context_summary == "about it"
    assert findings() == []


def test_it_only_ever_appends() -> None:
    session = make_session(turns=1)
    before, number = journal_of(session).read_bytes(), journal_of(session).stat().st_ino
    log(session, prompt="more")
    actions.update_context(session.pk, actor=ALICE, tags=["t"])
    assert journal_of(session).read_bytes().startswith(before)
    assert journal_of(session).stat().st_ino == number


def test_it_reads_nothing_back_for_a_single_interaction() -> None:
    session = make_session(turns=1)
    with CaptureQueriesContext(connection) as queries:
        log(session, prompt="more")
    read = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("SELECT")]
    assert len(read) == 1, "the session's row is locked, and nothing else is read"


def test_it_has_settled_when_the_call_returns() -> None:
    session = make_session(turns=2)
    session.refresh_from_db()
    assert session.revision == session.mirrored_revision
    assert actions.mirror_status().settled


def test_it_finds_what_no_bell_announced() -> None:
    session = make_session(turns=1)
    row = Session.objects.get(pk=session.pk)
    Session.objects.filter(pk=session.pk).update(
        title="by update", header_revision=row.revision + 1, revision=row.revision + 1
    )
    assert kinds() == {"behind"}
    assert drain.drain_debt(10) == 1
    assert findings() == []
    header = image_of(session).header
    assert header is not None
    assert header.title == "by update"


def test_it_finds_what_raw_sql_and_bulk_create_added() -> None:
    session = make_session(turns=1)
    row = Session.objects.get(pk=session.pk)
    new = [
        Interaction(session=row, sequence=2 + n, revision=row.revision + 1 + n, kind="error", error_message=f"e{n}")
        for n in range(1_200)
    ]
    Interaction.objects.bulk_create(new)
    raw(
        "UPDATE conversations_session SET revision = %s, last_sequence = 1201, interaction_count = 1201, "
        "error_count = 1200, last_activity_at = %s WHERE session_id = %s",
        row.revision + 1_200,
        new[-1].recorded_at if connection.vendor == "postgresql" else new[-1].recorded_at.replace(tzinfo=None),
        row.pk,
    )
    assert actions.mirror_status().debt_sessions == 1
    assert actions.settle_mirror() == 1
    assert findings() == []
    assert len(image_of(session).interactions) == 1_201


def test_it_tells_the_age_of_the_debt() -> None:
    session = make_session()
    assert actions.mirror_status().debt_age_seconds is None
    Session.objects.filter(pk=session.pk).update(revision=99, debt_since=timezone.now() - timedelta(minutes=5))
    age = actions.mirror_status().debt_age_seconds
    assert age is not None
    assert 299 < age < 330


def test_it_settles_the_others_when_one_cannot_be_written() -> None:
    good, bad = make_session(), make_session()
    Session.objects.update(header_revision=2, revision=2)
    places().lock(bad.pk).unlink()
    places().lock(bad.pk).mkdir()
    if places().lock(good.pk) != places().lock(bad.pk):
        with pytest.raises(MirrorUnavailable):
            drain.drain_debt(10)
        assert image_of(good).revision == 2


def test_it_counts_an_interaction_again_for_nobody() -> None:
    session = make_session(turns=1)
    before = journal_of(session).read_bytes()
    drain.drain_session(session.pk)
    drain.drain_session(session.pk)
    assert journal_of(session).read_bytes() == before


def test_it_moves_to_the_trash_and_back_byte_for_byte() -> None:
    session = make_session(turns=3)
    before = journal_of(session).read_bytes()
    actions.trash_session(session.pk, reason="old", actor=ALICE)
    assert not journal_of(session).exists()
    assert places().trashed_journal(session.pk).read_bytes() == before
    assert findings() == []
    actions.restore_session(session.pk, actor=ALICE)
    assert journal_of(session).read_bytes() == before
    assert not places().trash_record(session.pk).exists()
    assert findings() == []


def test_it_appends_after_a_change_of_place_only() -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    actions.restore_session(session.pk, actor=ALICE)
    log(session, prompt="on we go")
    assert findings() == []


def test_it_finishes_a_move_that_a_crash_cut_short() -> None:
    session = make_session(turns=1)
    row = Session.objects.get(pk=session.pk)
    Session.objects.filter(pk=row.pk).update(trashed_at=timezone.now(), trashed_by="a", revision=row.revision + 1)
    assert actions.settle_mirror() == 1
    assert places().trashed_journal(row.pk).exists()
    assert findings() == []


def test_it_keeps_another_journal_that_lies_in_the_trash_already() -> None:
    session = make_session(turns=1)
    stray = places().trashed_journal(session.pk)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"somebody put this here")
    actions.trash_session(session.pk, actor=ALICE)
    assert quarantined_bytes(session.pk) == [b"somebody put this here"]
    assert findings() == []


def test_it_leaves_a_journal_that_is_ahead() -> None:
    session = make_session(turns=3)
    before = journal_of(session).read_bytes()
    Session.objects.filter(pk=session.pk).update(revision=2)
    with pytest.raises(MirrorConflict):
        drain.drain_session(session.pk)
    assert journal_of(session).read_bytes() == before


def test_it_replaces_a_damaged_tail_by_what_the_database_says() -> None:
    session = make_session(turns=3)
    os.truncate(journal_of(session), journal_of(session).stat().st_size - 5)
    torn = journal_of(session).read_bytes()
    log(session, prompt="after the crash")
    assert quarantined_bytes(session.pk) == [torn]
    assert findings() == []


# --- Disks that fail ---


def test_it_keeps_the_acknowledgement_back_when_the_disk_does_not_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(turns=1)
    wanted = draft(prompt="important", idempotency_key="k")
    fail_once("fdatasync", monkeypatch)()
    with pytest.raises(MirrorUnavailable):
        actions.log_interaction(session.pk, wanted, actor=ALICE)
    # The file that failed is out of use, its successor was written from the database.
    assert len(actions.quarantined()) == 1
    assert actions.log_interaction(session.pk, wanted, actor=ALICE).sequence == 2
    assert Interaction.objects.filter(session=session).count() == 2
    assert findings() == []


def test_it_says_so_when_a_debt_could_not_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(turns=1)
    Session.objects.update(title="by update", header_revision=3, revision=3)
    fail_once("fdatasync", monkeypatch)()
    with pytest.raises(MirrorUnavailable):
        actions.settle_mirror()
    assert [one.key for one in actions.quarantined()] == [session.pk]
    assert actions.mirror_status().debt_sessions == 1
    assert actions.settle_mirror() == 1
    assert findings() == []


def test_it_syncs_no_descriptor_twice_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(turns=1)
    synced: list[tuple[int, int]] = []

    def sync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((status.st_dev, status.st_ino))
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", sync)
    with pytest.raises(MirrorUnavailable):
        log(session, prompt="x")
    assert len(synced) == len(set(synced)) == 1


def test_it_does_not_take_an_unconfirmed_line_for_written_though_nothing_can_be_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = make_session(turns=1)
    wanted = draft(prompt="important", idempotency_key="k")
    with monkeypatch.context() as dying:
        for name in ("fdatasync", "fsync"):
            dying.setattr(os, name, lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
        for _ in range(2):
            with pytest.raises(MirrorUnavailable):
                actions.log_interaction(session.pk, wanted, actor=ALICE)
    assert len(image_of(session).interactions) == 1
    actions.log_interaction(session.pk, wanted, actor=ALICE)
    assert len(image_of(session).interactions) == 2
    assert findings() == []


def test_it_waits_for_a_line_that_a_dead_process_left_unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written, killed before the sync: whoever acknowledges the retry must wait for the disk first."""
    session = make_session()
    wanted = draft(prompt="important", idempotency_key="k")
    actions.log_interaction(session.pk, wanted, actor=ALICE)
    Session.objects.filter(pk=session.pk).update(mirrored_revision=1)
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    actions.log_interaction(session.pk, wanted, actor=ALICE)
    assert synced


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_it_survives_a_full_disk(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(turns=1)
    wanted = draft(prompt="x" * 5_000, idempotency_key="k")

    def refuse(*_: Any) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", refuse)
        for _ in range(3):
            with pytest.raises(MirrorUnavailable):
                actions.log_interaction(session.pk, wanted, actor=ALICE)
    actions.log_interaction(session.pk, wanted, actor=ALICE)
    assert [row.sequence for row in Interaction.objects.of(session.pk)] == [1, 2]
    assert findings() == []


def test_it_tells_a_face_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    monkeypatch.setattr(journal, "append", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(MirrorUnavailable) as caught:
        log(session, prompt="secret words")
    assert caught.value.retry_after_seconds > 0
    assert "secret" not in str(caught.value)


# --- Profiles and tombstones ---


def test_it_keeps_a_journal_for_a_profile() -> None:
    actions.update_profile("alice", actor=ALICE, replace={"lang": "de"})
    actions.update_profile("alice", actor=ALICE, replace={"tone": "dry"})
    path = places().profile("alice")
    assert len(path.read_bytes().splitlines()) == 2
    assert findings() == []


def test_it_settles_a_profiles_debt() -> None:
    actions.update_profile("alice", actor=ALICE, replace={"lang": "de"})
    Profile.objects.update(preferences={"lang": "fr"}, revision=2)
    assert actions.mirror_status().debt_profiles == 1
    assert actions.settle_mirror() == 1
    assert findings() == []


def test_it_writes_the_tombstone_before_it_removes_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    with monkeypatch.context() as dying:
        dying.setattr(journal, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(MirrorUnavailable):
            actions.purge_session(session.pk, actor=ALICE)
    assert places().trashed_journal(session.pk).exists()
    assert actions.mirror_status().unsettled_tombstones == 1
    assert actions.settle_mirror() == 1
    assert not places().trashed_journal(session.pk).exists()
    assert places().tombstone(session.pk).exists()
    assert findings() == []


def test_it_can_trash_and_purge_though_folders_stand_in_place_of_files() -> None:
    session = make_session(turns=1)
    for path in (places().document(session.pk), places().trash_record(session.pk)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        (path / "inside").write_text("kept")
    actions.trash_session(session.pk, actor=ALICE)
    assert findings() == []
    assert len(actions.quarantined()) == 2
    actions.purge_session(session.pk, actor=ALICE)
    assert not any(session.pk in str(path) and path.is_file() for path in (places().quarantine).rglob("*"))


# --- A live store ---


@pytest.mark.thorough
def test_verify_finds_nothing_wrong_while_others_write() -> None:
    sessions = [make_session(turns=5) for _ in range(3)]
    over = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            while not over.is_set():
                for session in sessions:
                    log(session, prompt="on and on")
                scratch = make_session()
                actions.trash_session(scratch.pk, actor=ALICE)
                actions.restore_session(scratch.pk, actor=ALICE)
                actions.merge_sessions(sessions[0].pk, absorbed=scratch.pk, actor=ALICE)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        with pytest.MonkeyPatch.context() as patient:
            patient.setattr("sessions.actions.copies.SECOND_LOOK_SECONDS", 0.5)
            found = [finding for _ in range(5) for finding in findings()]
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert failures == []
    assert found == []
    assert findings() == []
