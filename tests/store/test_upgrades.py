"""What a migration makes of data that an earlier version wrote."""

import pytest
from django.core.management import call_command

from sessions import actions
from sessions.models import Interaction, Session
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
        migrate("0005")
        raise


@pytest.mark.usefixtures("before_scopes")
def test_what_was_merged_before_keys_had_scopes_gets_them() -> None:
    try:
        assert Interaction.objects.defer("key_scope").filter(session="a", idempotency_key="turn-0").count() == 1
    finally:
        migrate("0005")
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
    for merge in Session.objects.get(pk="a").pk, "b":
        actions.unmerge(actions.merges_of(merge).filter(undone_at=None).latest("merged_at").pk, actor=ALICE)
    assert [[row.prompt for row in Interaction.objects.of(name)] for name in ("a", "b", "c")] == [
        [f"{name} 0", f"{name} only"] for name in ("a", "b", "c")
    ]
    assert not Interaction.objects.exclude(key_scope="").exists()
