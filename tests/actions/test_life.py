"""Hold, trash, restore, purge."""

import pytest

from sessions import actions
from sessions.errors import Conflict, InvalidInput, SessionNotFound, SessionPurged, SessionTrashed
from sessions.models import AuditEvent, Interaction, Merge, Session, SessionTag, Tombstone
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings, journal_of, places


def words_on_disk(word: str) -> list[str]:
    """The files below the data directory that hold a word."""
    files = [path for path in places().root.rglob("*") if path.is_file()]
    return [path.name for path in files if word.encode() in path.read_bytes()]


def test_a_hold_says_who_when_and_why() -> None:
    session = make_session()
    held = actions.hold_session(session.pk, reason="evidence", actor=ALICE)
    assert (held.held_by, held.hold_reason) == ("alice", "evidence")
    assert held.held_at is not None
    released = actions.release_hold(session.pk, actor=ALICE)
    assert (released.held_at, released.held_by, released.hold_reason) == (None, "", "")
    assert released.settled_at > session.settled_at
    assert findings() == []


def test_a_held_session_cannot_be_trashed() -> None:
    session = make_session()
    actions.hold_session(session.pk, actor=ALICE)
    with pytest.raises(Conflict):
        actions.trash_session(session.pk, actor=ALICE)
    assert Session.objects.get().trashed_at is None


def test_a_session_in_the_trash_cannot_be_held() -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    for act in (actions.hold_session, actions.release_hold):
        with pytest.raises(SessionTrashed):
            act(session.pk, actor=ALICE)


def test_the_trash_gives_back_what_it_took() -> None:
    session = make_session(turns=3, tags=["t"], title="T")
    before, line = actions.session_dump(session.pk), journal_of(session).read_bytes()
    trashed = actions.trash_session(session.pk, reason="old", actor=ALICE)
    assert (trashed.trashed_by, trashed.trash_reason) == ("alice", "old")
    actions.restore_session(session.pk, actor=ALICE)
    assert actions.session_dump(session.pk) == before
    assert journal_of(session).read_bytes() == line


def test_trashing_and_restoring_twice_changes_nothing_more() -> None:
    session = make_session()
    first = actions.trash_session(session.pk, reason="a", actor=ALICE)
    second = actions.trash_session(session.pk, reason="b", actor=ALICE)
    assert (second.trash_reason, second.revision) == ("a", first.revision)
    actions.restore_session(session.pk, actor=ALICE)
    revision = Session.objects.get().revision
    actions.restore_session(session.pk, actor=ALICE)
    assert Session.objects.get().revision == revision


def test_only_the_trash_can_be_purged() -> None:
    session = make_session()
    with pytest.raises(Conflict):
        actions.purge_session(session.pk, actor=ALICE)
    with pytest.raises(SessionNotFound):
        actions.purge_session("unknown", actor=ALICE)


def test_a_purge_leaves_a_tombstone_and_nothing_that_was_said() -> None:
    session = make_session(turns=2, title="marmalade", tags=["marmalade"])
    log(session, prompt="marmalade")
    actions.settle_mirror()
    # A copy in quarantine, a document, and the journal.
    journal_of(session).write_bytes(journal_of(session).read_bytes() + b"torn")
    log(session, prompt="marmalade again")
    assert actions.quarantined()
    actions.trash_session(session.pk, actor=ALICE)
    tombstone = actions.purge_session(session.pk, reason="asked for", actor=ALICE)
    assert (tombstone.interaction_count, tombstone.reason, tombstone.purged_by) == (4, "asked for", "alice")
    assert words_on_disk("marmalade") == []
    assert not Interaction.objects.exists()
    assert not SessionTag.objects.exists()
    assert not Session.objects.exists()
    with pytest.raises(SessionPurged):
        actions.get_session(session.pk)
    with pytest.raises(SessionPurged):
        actions.purge_session(session.pk, actor=ALICE)
    assert findings() == []


def test_a_purge_takes_what_was_absorbed_along() -> None:
    one, two, three = make_session(turns=1), make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(two.pk, absorbed=three.pk, actor=ALICE)
    actions.merge_sessions(one.pk, absorbed=two.pk, actor=ALICE)
    actions.trash_session(three.pk, actor=ALICE)
    actions.purge_session(three.pk, actor=ALICE)
    assert set(Tombstone.objects.values_list("pk", flat=True)) == {one.pk, two.pk, three.pk}
    assert not Session.objects.exists()
    assert not Merge.objects.exists()
    assert findings() == []


@pytest.mark.parametrize("order", ["first", "second"])
def test_a_purge_reaches_the_merge_records_of_former_survivors(order: str) -> None:
    survivor, secret, other = make_session(turns=1), make_session(turns=1), make_session(turns=1)
    actions.update_context(secret.pk, actor=ALICE, context_summary="marmalade")
    first = actions.merge_sessions(survivor.pk, absorbed=secret.pk, actor=ALICE)
    second = actions.merge_sessions(survivor.pk, absorbed=other.pk, actor=ALICE)
    for merge in (first, second) if order == "first" else (second, first):
        actions.unmerge(merge.pk, actor=ALICE)
    actions.trash_session(secret.pk, actor=ALICE)
    actions.purge_session(secret.pk, actor=ALICE)
    actions.settle_mirror()
    assert words_on_disk("marmalade") == []
    assert not Merge.objects.filter(absorbed_id=secret.pk).exists()
    assert findings() == []


@pytest.mark.parametrize("act", [actions.hold_session, actions.trash_session])
def test_it_refuses_a_reason_that_cannot_be_kept(act: object) -> None:
    session = make_session()
    for reason in ("\0", "\ud800", "x" * 1_001):
        with pytest.raises(InvalidInput):
            act(session.pk, reason=reason, actor=ALICE)  # type: ignore[operator]


def test_the_audit_never_tells_what_was_said() -> None:
    session = make_session()
    log(session, prompt="marmalade")
    actions.update_context(session.pk, actor=ALICE, context_summary="marmalade")
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    assert "marmalade" not in str(list(AuditEvent.objects.values()))
