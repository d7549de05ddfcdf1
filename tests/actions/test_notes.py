"""Notes, pins and tags: in both copies, through merges and back, and never counted as activity."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from sessions import actions, mapping
from sessions.errors import InvalidInput, NotFound, SessionNotFound, SessionTrashed
from sessions.models import AuditEvent, Session
from sessions.records import Actor, Face, Note
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings, image_of, lose_database, lose_files, reconcile

BOB = Actor("bob", Face.BROWSER)


def notes_of(session: Session | str) -> list[Note]:
    return mapping.read_notes(Session.objects.get(pk=getattr(session, "pk", session)).notes)


def texts_of(session: Session | str) -> list[str]:
    return [note.text for note in notes_of(session)]


def pins_of(session: Session | str) -> list[UUID]:
    return mapping.read_pins(Session.objects.get(pk=getattr(session, "pk", session)).pins)


# --- Notes ---


def test_a_note_is_signed_and_in_both_copies() -> None:
    session = make_session()
    note = actions.add_note(session.pk, "Ask Bob\nabout it 🜂", actor=BOB)
    assert notes_of(session) == [note]
    assert (note.author, note.edited_at) == ("bob", None)
    header = image_of(session).header
    assert header is not None
    assert header.notes == [note]
    assert findings() == []
    event = AuditEvent.objects.get(verb="note_added")
    assert (event.actor, event.details) == ("bob", {"note": str(note.id)})


def test_it_edits_a_note_and_keeps_who_wrote_it() -> None:
    session = make_session()
    first, second = (actions.add_note(session.pk, text, actor=BOB) for text in ("one", "two"))
    edited = actions.edit_note(session.pk, first.id, "changed", actor=ALICE)
    assert notes_of(session) == [edited, second]
    assert (edited.author, edited.written_at) == ("bob", first.written_at)
    assert edited.edited_at is not None


def test_it_removes_a_note_and_puts_it_back_where_it_was() -> None:
    session = make_session()
    first, second = (actions.add_note(session.pk, text, actor=BOB) for text in ("one", "two"))
    assert actions.remove_note(session.pk, first.id, actor=ALICE) == first
    assert notes_of(session) == [second]
    for _ in range(2):
        actions.restore_note(session.pk, first, actor=ALICE)
        assert notes_of(session) == [first, second]
    assert findings() == []


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001, "\0", "\ud800", None, 7])
def test_it_refuses_what_is_no_note(text: Any) -> None:
    session = make_session()
    note = actions.add_note(session.pk, "kept", actor=ALICE)
    with pytest.raises(InvalidInput) as caught:
        actions.add_note(session.pk, text, actor=ALICE)
    assert caught.value.field == "note"
    with pytest.raises(InvalidInput):
        actions.edit_note(session.pk, note.id, text, actor=ALICE)
    assert texts_of(session) == ["kept"]


def test_it_keeps_500_notes_and_no_more() -> None:
    session = make_session()
    note = actions.add_note(session.pk, "one", actor=ALICE)
    row = Session.objects.get(pk=session.pk)
    row.notes = [{**mapping.write_notes([note])[0], "id": str(uuid4())} for _ in range(500)]
    row.save()
    with pytest.raises(InvalidInput):
        actions.add_note(session.pk, "one more", actor=ALICE)


def test_it_knows_no_note_that_is_not_there() -> None:
    session = make_session()
    with pytest.raises(NotFound):
        actions.edit_note(session.pk, uuid4(), "text", actor=ALICE)
    with pytest.raises(NotFound):
        actions.remove_note(session.pk, uuid4(), actor=ALICE)
    assert not AuditEvent.objects.filter(verb__startswith="note").exists()


# --- Pins ---


def test_a_pin_is_in_both_copies() -> None:
    session = make_session(turns=3)
    third, first = (session.interactions.get(sequence=place).pk for place in (3, 1))
    for pin in (third, first, third):
        actions.pin_interaction(session.pk, pin, actor=BOB)
    assert pins_of(session) == [third, first]
    header = image_of(session).header
    assert header is not None
    assert header.pins == [third, first]
    row = Session.objects.get(pk=session.pk)
    assert [one.sequence for one in actions.pinned_interactions(row, limit=50)] == [1, 3]
    actions.unpin_interaction(session.pk, third, actor=BOB)
    actions.unpin_interaction(session.pk, third, actor=BOB)
    assert pins_of(session) == [first]
    assert findings() == []


def test_it_pins_only_what_the_session_has() -> None:
    session, other = make_session(), make_session(turns=1)
    for interaction_id in (uuid4(), other.interactions.get().pk):
        with pytest.raises(NotFound):
            actions.pin_interaction(session.pk, interaction_id, actor=ALICE)
    assert pins_of(session) == []


# --- Tags ---


def test_it_adds_and_removes_a_tag() -> None:
    session = make_session(tags=["b"])
    for name in ("a", "b"):
        actions.add_tag(session.pk, name, actor=ALICE)
    assert sorted(session.tags.values_list("name", flat=True)) == ["a", "b"]
    actions.remove_tag(session.pk, "b", actor=ALICE)
    actions.remove_tag(session.pk, "unknown", actor=ALICE)
    assert list(session.tags.values_list("name", flat=True)) == ["a"]
    header = image_of(session).header
    assert header is not None
    assert header.tags == ["a"]
    with pytest.raises(InvalidInput):
        actions.add_tag(session.pk, " ", actor=ALICE)


# --- What is true of all ---

CHANGES = {
    "add_note": lambda pk: actions.add_note(pk, "text", actor=ALICE),
    "pin": lambda pk: actions.pin_interaction(pk, Session.objects.get(pk=pk).interactions.get().pk, actor=ALICE),
    "unpin": lambda pk: actions.unpin_interaction(pk, uuid4(), actor=ALICE),
    "add_tag": lambda pk: actions.add_tag(pk, "tag", actor=ALICE),
    "remove_tag": lambda pk: actions.remove_tag(pk, "tag", actor=ALICE),
}
every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@every_change
def test_it_is_no_activity_but_a_change_that_is_audited_and_mirrored(change: Any) -> None:
    session = make_session(turns=1, idle_days=9)
    audited = AuditEvent.objects.count()
    change(session.pk)
    now = Session.objects.get(pk=session.pk)
    assert now.last_activity_at == session.last_activity_at
    assert (now.revision, now.mirrored_revision) == (session.revision + 1, session.revision + 1)
    assert AuditEvent.objects.count() == audited + 1
    assert findings() == []


@every_change
def test_it_refuses_a_session_in_the_trash(change: Any) -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    with pytest.raises(SessionTrashed):
        change(session.pk)


def test_it_refuses_an_unknown_session() -> None:
    with pytest.raises(SessionNotFound):
        actions.add_note("unknown", "text", actor=ALICE)


def test_either_copy_brings_the_other_back() -> None:
    session = make_session(turns=2)
    actions.add_note(session.pk, "one", actor=BOB)
    actions.pin_interaction(session.pk, session.interactions.get(sequence=2).pk, actor=BOB)
    before = actions.store_digest()
    lose_database()
    reconcile()
    assert actions.store_digest() == before
    lose_files()
    reconcile()
    assert findings() == []
    lose_database()
    reconcile()
    assert actions.store_digest() == before


def test_the_export_carries_them() -> None:
    session = make_session(turns=1)
    note = actions.add_note(session.pk, "one", actor=BOB)
    pin = session.interactions.get().pk
    actions.pin_interaction(session.pk, pin, actor=BOB)
    info = actions.export_document(session.pk)["session_info"]
    assert [one["text"] for one in info["notes"]] == [note.text]
    assert info["pins"] == [str(pin)]


# --- Merging ---


def a_pair() -> tuple[Session, Session]:
    """Two sessions that have one turn in common, each with a note and a pin; the second pinned what both have."""
    ours, theirs = make_session(), make_session()
    for session in (ours, theirs):
        log(session, prompt="common", idempotency_key="common")
        log(session, prompt=f"own of {session.pk}")
        actions.add_note(session.pk, f"note of {session.pk}", actor=BOB)
    actions.pin_interaction(ours.pk, ours.interactions.get(sequence=2).pk, actor=BOB)
    for place in (1, 2):
        actions.pin_interaction(theirs.pk, theirs.interactions.get(sequence=place).pk, actor=BOB)
    return ours, theirs


def test_a_merge_unites_notes_and_pins_and_undoing_it_parts_them() -> None:
    ours, theirs = a_pair()
    before = {one.pk: (notes_of(one), pins_of(one)) for one in (ours, theirs)}
    kept = ours.interactions.get(sequence=1).pk
    done = actions.merge_sessions(ours.pk, absorbed=theirs.pk, actor=ALICE)
    assert texts_of(ours) == [f"note of {ours.pk}", f"note of {theirs.pk}"]
    assert pins_of(ours) == [*before[ours.pk][1], kept, before[theirs.pk][1][1]]
    row = Session.objects.get(pk=ours.pk)
    assert len(actions.pinned_interactions(row, limit=50)) == 3
    actions.unmerge(done.pk, actor=ALICE)
    assert {one.pk: (notes_of(one), pins_of(one)) for one in (ours, theirs)} == before
    assert findings() == []


def test_what_was_pinned_since_goes_with_its_interaction() -> None:
    ours, theirs = make_session(turns=2), make_session(turns=2)
    done = actions.merge_sessions(ours.pk, absorbed=theirs.pk, actor=ALICE)
    rows = {row.prompt: row for row in Session.objects.get(pk=ours.pk).interactions.all() if not row.origins}
    moved = next(row for row in Session.objects.get(pk=ours.pk).interactions.all() if row.origins)
    own = rows["request 1"]
    for pin in (moved.pk, own.pk):
        actions.pin_interaction(ours.pk, pin, actor=ALICE)
    actions.add_note(ours.pk, "written since", actor=ALICE)
    actions.unmerge(done.pk, actor=ALICE)
    assert (pins_of(ours), pins_of(theirs)) == ([own.pk], [moved.pk])
    assert (texts_of(ours), texts_of(theirs)) == (["written since"], [])
    assert findings() == []


def test_undoing_the_first_of_two_merges_keeps_the_pins_of_the_second() -> None:
    ours, theirs = a_pair()
    third = make_session()
    log(third, prompt="common", idempotency_key="common")
    actions.pin_interaction(third.pk, third.interactions.get().pk, actor=BOB)
    first = actions.merge_sessions(ours.pk, absorbed=theirs.pk, actor=ALICE)
    actions.merge_sessions(ours.pk, absorbed=third.pk, actor=ALICE)
    actions.unmerge(first.pk, actor=ALICE)
    kept = ours.interactions.get(idempotency_key="common").pk
    assert pins_of(ours) == [ours.interactions.get(prompt=f"own of {ours.pk}").pk, kept]
    assert findings() == []
