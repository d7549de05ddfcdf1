"""Bookkeeping that no answer waits for."""

import logging
import threading

import pytest
from django.core.signals import request_finished
from django.db import connections, transaction

from sessions import database, statements
from sessions.api import transport  # noqa: F401  (it says when an answer is on its way)
from sessions.models import Session
from tests.builders import make_session

pytestmark = pytest.mark.django_db(transaction=True)


def note(session: Session, revision: int) -> None:
    statements.advance(Session, "documented_revision", revision, session.pk)


def noted(session: Session) -> int:
    return Session.objects.get(pk=session.pk).documented_revision


def test_what_is_put_off_comes_when_the_answer_is_on_its_way() -> None:
    session = make_session()
    with database.putting_off():
        note(session, 70)
    assert noted(session) == 0
    request_finished.send(sender=None)
    assert noted(session) == 70


def test_what_is_part_of_a_transaction_is_not_put_off() -> None:
    session = make_session()
    with database.putting_off():
        with transaction.atomic():
            note(session, 70)
        assert noted(session) == 70
        with transaction.atomic():
            note(session, 80)
            transaction.set_rollback(True)
    database.run_put_off()
    assert noted(session) == 70


def test_it_is_not_put_off_any_more_behind_the_block() -> None:
    session = make_session()
    with pytest.raises(ValueError, match="broke"), database.putting_off():
        raise ValueError("broke")
    note(session, 70)
    assert noted(session) == 70


def test_it_comes_though_the_answer_was_never_taken() -> None:
    session = make_session()
    with database.putting_off():
        note(session, 70)
    with database.putting_off():
        assert noted(session) == 70
    database.run_put_off()


def test_it_comes_once() -> None:
    session = make_session()
    with database.putting_off():
        note(session, 70)
    database.run_put_off()
    Session.objects.filter(pk=session.pk).update(documented_revision=0)
    database.run_put_off()
    assert noted(session) == 0


def test_what_the_database_refuses_is_logged_and_keeps_nothing_else_back(caplog: pytest.LogCaptureFixture) -> None:
    session = make_session()
    with database.putting_off():
        database.run_relaxed("UPDATE nowhere SET a = %s", [1])
        note(session, 70)
    with caplog.at_level(logging.WARNING):
        database.run_put_off()
    assert "bookkeeping_failed" in caplog.text
    assert noted(session) == 70


def test_a_thread_puts_off_its_own() -> None:
    session = make_session()

    def elsewhere() -> None:
        note(session, 70)
        connections.close_all()

    with database.putting_off():
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        assert noted(session) == 70
