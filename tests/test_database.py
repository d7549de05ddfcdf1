"""Transactions that do not wait for the disk, and that no other stops waiting because of them."""

import pytest
from django.db import connection, transaction

from sessions import database
from sessions.models import Session
from tests.builders import make_session

pytestmark = pytest.mark.django_db(transaction=True)

SET = "UPDATE conversations_session SET documented_revision = %s WHERE session_id = %s"


def noted(session: Session) -> int:
    return Session.objects.get(pk=session.pk).documented_revision


def waits_for_the_disk() -> bool:
    """Whether a commit would, as things stand."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous" if connection.vendor == "sqlite" else "SHOW synchronous_commit")
        return cursor.fetchone()[0] in (2, "on")


def test_relaxed_statements_are_one_transaction_where_no_row_can_be_waited_for() -> None:
    session = make_session()
    with pytest.raises(Exception, match="nowhere"):
        database.run_relaxed((SET, [70, session.pk]), ("UPDATE nowhere SET a = %s", [1]))
    assert noted(session) == (0 if connection.vendor == "sqlite" else 70)
    database.run_relaxed((SET, [70, session.pk]), (SET, [71, session.pk]))
    assert noted(session) == 71


def test_a_relaxed_transaction_does_not_wait_and_the_next_one_does() -> None:
    session = make_session()
    with database.relaxed_transaction():
        assert not waits_for_the_disk()
        Session.objects.filter(pk=session.pk).update(documented_revision=70)
    assert waits_for_the_disk()
    assert noted(session) == 70


def test_what_breaks_in_a_relaxed_transaction_leaves_nothing_behind() -> None:
    session = make_session()

    def breaking() -> None:
        Session.objects.filter(pk=session.pk).update(documented_revision=70)
        raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"), database.relaxed_transaction():
        breaking()
    assert noted(session) == 0
    assert waits_for_the_disk()


def test_a_connection_that_is_lost_in_a_relaxed_transaction_comes_back_durable() -> None:
    def losing() -> None:
        connection.close()
        raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"), database.relaxed_transaction():
        losing()
    assert waits_for_the_disk()


def test_within_a_transaction_that_waits_nothing_is_relaxed() -> None:
    session = make_session()
    with transaction.atomic():
        with database.relaxed_transaction():
            assert waits_for_the_disk()
        database.run_relaxed((SET, [70, session.pk]))
        assert waits_for_the_disk()
    assert noted(session) == 70
