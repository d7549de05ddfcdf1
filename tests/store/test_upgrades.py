"""What a migration makes of data that an earlier version wrote."""

import pytest
from django.core.management import call_command

from sessions import actions
from sessions.models import Interaction, Merge, Session
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings, lose_database, reconcile

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(to: str) -> None:
    call_command("migrate", "conversations", to, verbosity=0, interactive=False)


@pytest.fixture
def before_scopes() -> None:
    """`b` merged into `a` and `c` into both, as they were when keys had no scope."""
    for name, told in {"a": "a", "b": "b", "c": "c"}.items():
        make_session(session_id=name)
        log(name, prompt=f"{told} 0", idempotency_key="turn-0")
        log(name, prompt=f"{told} only", idempotency_key=f"{told}-only")
    actions.merge_sessions("b", absorbed="c", actor=ALICE)
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    for row in Interaction.objects.of("a"):
        if row.idempotency_key == "turn-0" and row.origins:
            row.origins[0]["idempotency_key"] = row.idempotency_key
            row.idempotency_key = None
        row.key_scope = ""
        for origin in row.origins:
            del origin["key_scope"]
        row.save()
    session = Session.objects.get(pk="a")
    session.header_revision = session.rewrite_revision = session.raise_revision()
    session.save()
    actions.settle_mirror()
    try:
        migrate("0004")
    except BaseException:
        migrate("0006")
        raise


@pytest.mark.usefixtures("before_scopes")
def test_what_was_merged_before_keys_had_scopes_gets_them() -> None:
    try:
        assert Interaction.objects.defer("key_scope").filter(session="a", idempotency_key="turn-0").count() == 1
    finally:
        migrate("0006")
    # Journals are read as the rows were migrated.
    assert findings() == []
    for _ in ("as migrated", "from the files"):
        for name in ("a", "b", "c"):
            for key in ("turn-0", f"{name}-only"):
                told = f"{name} {key.removeprefix(f'{name}-').removeprefix('turn-')}"
                log(name, prompt=told, idempotency_key=key)
        assert sorted(row.prompt for row in Interaction.objects.all()) == sorted(
            f"{name} {what}" for name in ("a", "b", "c") for what in ("0", "only")
        )
        lose_database()
        reconcile()
    for survivor in ("a", "b"):
        actions.unmerge(Merge.objects.get(survivor_id=survivor).pk, actor=ALICE)
    assert [[row.prompt for row in Interaction.objects.of(name)] for name in ("a", "b", "c")] == [
        [f"{name} 0", f"{name} only"] for name in ("a", "b", "c")
    ]
    assert not Interaction.objects.exclude(key_scope="").exists()


def test_going_back_gives_keys_up_that_would_stand_twice() -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
        for number in range(2):
            log(name, prompt=f"{name} {number}", idempotency_key=f"turn-{number}")
    log("b", prompt="b 2", idempotency_key="turn-2")
    merge = actions.merge_sessions("a", absorbed="b", actor=ALICE)
    try:
        migrate("0004")
        assert sorted(Interaction.objects.values_list("idempotency_key", flat=True), key=str) == [
            *(None, None),
            *("turn-0", "turn-1", "turn-2"),
        ]
    finally:
        migrate("0006")
    actions.unmerge(merge.pk, actor=ALICE)
    assert [log("b", prompt=f"b {number}", idempotency_key=f"turn-{number}").sequence for number in range(3)] == [
        1,
        2,
        3,
    ]
