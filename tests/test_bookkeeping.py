"""Notes that nobody waits for."""

import threading
import time
from collections.abc import Iterator

import pytest
from django.core.signals import request_finished
from django.db import OperationalError, connections, transaction

from sessions import bookkeeping, database, statements
from sessions.api import transport  # noqa: F401  (it says when an answer is on its way)
from sessions.models import Session
from tests.builders import make_session

pytestmark = pytest.mark.django_db(transaction=True)


def note(session: Session, revision: int) -> None:
    statements.advance(Session, "documented_revision", revision, session.pk)


def noted(session: Session) -> int:
    return Session.objects.get(pk=session.pk).documented_revision


def put_off(session: Session, revision: int) -> None:
    with bookkeeping.putting_off():
        note(session, revision)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    bookkeeping.write_kept()
    yield
    bookkeeping.write_kept()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that tells when nobody waits, with a clock that the test moves."""
    monkeypatch.setattr(bookkeeping, "_quiet_is_told", False)
    bookkeeping.wait_for_quiet()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_what_is_put_off_comes_when_the_answer_is_on_its_way() -> None:
    session = make_session()
    put_off(session, 70)
    assert noted(session) == 0
    request_finished.send(sender=None)
    assert noted(session) == 70


def test_what_is_part_of_a_transaction_is_not_put_off() -> None:
    session = make_session()
    with bookkeeping.putting_off():
        with transaction.atomic():
            note(session, 70)
        assert noted(session) == 70
        with transaction.atomic():
            note(session, 80)
            transaction.set_rollback(True)
    bookkeeping.write_kept()
    assert noted(session) == 70


def test_it_is_not_put_off_any_more_behind_the_block() -> None:
    session = make_session()
    with pytest.raises(ValueError, match="broke"), bookkeeping.putting_off():
        raise ValueError("broke")
    note(session, 70)
    assert noted(session) == 70


def test_it_comes_once() -> None:
    session = make_session()
    put_off(session, 70)
    bookkeeping.write_kept()
    Session.objects.filter(pk=session.pk).update(documented_revision=0)
    bookkeeping.write_kept()
    assert noted(session) == 0


def test_of_one_value_only_the_latest_is_written_and_all_together(quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    session, other = make_session(), make_session()
    with bookkeeping.putting_off():
        for revision in (70, 72, 71):
            note(session, revision)
        note(other, 60)
    together: list[int] = []

    def run_relaxed(*given: database.Statement, patience_seconds: float) -> None:
        together.append(len(given))
        written(*given, patience_seconds=patience_seconds)

    written = database.run_relaxed
    monkeypatch.setattr(database, "run_relaxed", run_relaxed)
    bookkeeping.write_kept()
    assert together == [2]
    assert (noted(session), noted(other)) == (72, 60)


def test_a_note_never_leads_back() -> None:
    session = make_session()
    note(session, 70)
    put_off(session, 60)
    bookkeeping.write_kept()
    assert noted(session) == 70


def test_a_server_that_tells_of_quiet_is_waited_for(quiet: None, clock: list[float]) -> None:
    session = make_session()
    put_off(session, 70)
    clock[0] += bookkeeping.LONGEST_SECONDS / 2
    request_finished.send(sender=None)
    assert noted(session) == 0
    bookkeeping.write_kept()
    assert noted(session) == 70


def test_no_note_lies_longer_than_it_may_though_nobody_comes_to_rest(quiet: None, clock: list[float]) -> None:
    session = make_session()
    put_off(session, 70)
    clock[0] += bookkeeping.LONGEST_SECONDS * 0.6
    put_off(session, 71)
    clock[0] += bookkeeping.LONGEST_SECONDS * 0.6
    request_finished.send(sender=None)
    assert noted(session) == 71


def test_what_the_database_refuses_is_logged_and_keeps_nothing_else_back(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(bookkeeping.log, "warning", lambda event, **_: told.append(event))
    first, last = make_session(), make_session()
    with bookkeeping.putting_off():
        note(first, 70)
        everywhere = "UPDATE conversations_session SET title = NULL WHERE session_id IN (%s, %s, %s)"
        bookkeeping.note(everywhere, first.pk, last.pk)
        note(last, 70)
    bookkeeping.write_kept()
    assert told == ["bookkeeping_failed"]
    assert (noted(first), noted(last)) == (70, 70)


def test_what_the_database_is_too_busy_for_is_kept_and_waited_for_no_longer_than_a_moment() -> None:
    session = make_session()
    put_off(session, 70)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Session.objects.select_for_update().get(pk=session.pk)
            locked.set()
            done.wait(20)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(20)
    began = time.monotonic()
    bookkeeping.write_kept()
    seconds = time.monotonic() - began
    done.set()
    holder.join()
    assert noted(session) == 0
    # The holder would have held it for twenty.
    assert seconds < 5
    bookkeeping.write_kept()
    assert noted(session) == 70


def test_a_later_note_is_not_lost_to_one_that_was_kept_on(quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    put_off(session, 70)

    def busy(*_: database.Statement, patience_seconds: float) -> None:
        put_off(session, 71)
        raise OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(database, "run_relaxed", busy)
        bookkeeping.write_kept()
    bookkeeping.write_kept()
    assert noted(session) == 71


def test_a_thread_puts_off_its_own_alone() -> None:
    session = make_session()

    def elsewhere() -> None:
        note(session, 70)
        connections.close_all()

    with bookkeeping.putting_off():
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        assert noted(session) == 70


def test_a_thread_writes_what_another_noted(quiet: None) -> None:
    session = make_session()

    def elsewhere() -> None:
        put_off(session, 70)
        connections.close_all()

    other = threading.Thread(target=elsewhere)
    other.start()
    other.join()
    assert noted(session) == 0
    bookkeeping.write_kept()
    assert noted(session) == 70
