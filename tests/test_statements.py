"""Statements without the ORM's compiler do what the ORM would have done."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sessions import actions, statements
from sessions.models import Session, Token
from sessions.records import Actor, Face, Scope
from tests.builders import make_session

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = ("id", "name", "scope", "requests_per_minute", "expires_at", "last_used_at")


def make_token(name: str = "laptop", days: int | None = 30) -> Token:
    return actions.create_token(name, scope=Scope.READ, days=days, actor=Actor("root", Face.COMMAND))[0]


def test_it_finds_the_row_of_a_unique_value() -> None:
    wanted, _ = make_token("ä 🜂"), make_token("other")
    found = statements.find(Token, FIELDS, "digest", wanted.digest)
    assert found is not None
    assert [getattr(found, name) for name in FIELDS] == [getattr(wanted, name) for name in FIELDS]
    assert found == wanted
    assert found.expires_at is not None
    assert found.expires_at.tzinfo is not None


def test_it_finds_nothing_where_there_is_nothing() -> None:
    make_token()
    assert statements.find(Token, FIELDS, "digest", "0" * 64) is None
    assert statements.find(Token, FIELDS, "digest", "' OR 1=1 --") is None


def test_it_loads_what_it_did_not_ask_for_when_that_is_asked_for() -> None:
    token = make_token(days=None)
    found = statements.find(Token, FIELDS, "digest", token.digest)
    assert found is not None
    assert (found.expires_at, found.made_by) == (None, "command:root")
    found.name = "desk"
    found.save(update_fields=["name"])
    assert Token.objects.get().name == "desk"


def test_it_finds_a_session_by_its_key() -> None:
    session = make_session(title="T")
    found = statements.find(Session, ("session_id", "title", "model_names"), "session_id", session.pk)
    assert found is not None
    assert (found.title, found.model_names) == ("T", [])


def test_it_notes_one_field_of_one_row() -> None:
    token, other = make_token(), make_token("other")
    moment = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    statements.advance(Token, "last_used_at", moment, token.pk)
    token.refresh_from_db()
    other.refresh_from_db()
    assert (token.last_used_at, other.last_used_at) == (moment, None)
    statements.advance(Token, "last_used_at", moment - timedelta(seconds=1), token.pk)
    assert Token.objects.get(pk=token.pk).last_used_at == moment
    statements.advance(Token, "last_used_at", moment, 4711)


def test_it_puts_a_value_in_one_field_of_one_row() -> None:
    token, other = make_token(), make_token("other")
    moment = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    for value in (moment, moment - timedelta(days=1), None):
        statements.put(Token, "last_used_at", value, token.pk)
        assert Token.objects.get(pk=token.pk).last_used_at == value
    assert Token.objects.get(pk=other.pk).last_used_at is None


def test_it_notes_within_a_transaction_as_a_part_of_it() -> None:
    token = make_token()
    with transaction.atomic():
        statements.advance(Token, "last_used_at", timezone.now(), token.pk)
        transaction.set_rollback(True)
    assert Token.objects.get().last_used_at is None


def test_it_syncs_the_next_commit_again_after_a_note() -> None:
    """What is noted may be lost; what is acknowledged after it may not."""
    statements.advance(Token, "last_used_at", timezone.now(), make_token().pk)
    with connection.cursor() as cursor:
        setting = "PRAGMA synchronous" if connection.vendor == "sqlite" else "SHOW synchronous_commit"
        cursor.execute(setting)
        assert cursor.fetchone()[0] in (2, "on")
