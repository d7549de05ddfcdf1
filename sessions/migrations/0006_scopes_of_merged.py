"""What was merged before keys had scopes gets its scope, and the key that it gave up, from where it came from.

Journals are read likewise (`sessions.mirror.codec`), so none has to be written anew.
"""

from django.db import migrations

_CHANGED = ["idempotency_key", "key_scope", "origins"]


def _name_scopes(apps, schema_editor):
    interactions, merges = (apps.get_model("conversations", name).objects for name in ("Interaction", "Merge"))
    survivors = merges.filter(undone_at=None).values_list("survivor_id", flat=True).distinct()
    for survivor in survivors:
        rows = interactions.filter(session_id=survivor).exclude(origins=[]).only(*_CHANGED)
        changed = [row for row in rows.iterator(chunk_size=500) if _named(row)]
        interactions.bulk_update(changed, _CHANGED, batch_size=200)


def _named(row):
    """Give a row that a merge moved its key's scope; whether it has a key."""
    given_up = [origin["idempotency_key"] for origin in row.origins if origin["idempotency_key"] is not None]
    row.idempotency_key = row.idempotency_key or next(iter(given_up), None)
    if row.idempotency_key is None:
        return False
    row.key_scope = row.origins[0]["session_id"]
    for place, origin in enumerate(row.origins):
        origin.update(key_scope=row.key_scope if place else "", idempotency_key=None)
    return True


def _give_up(apps, schema_editor):
    """Backwards: of those with one key in one session, those whose scope is another's give it up."""
    interactions = apps.get_model("conversations", "Interaction").objects
    scoped = interactions.exclude(key_scope="").exclude(idempotency_key=None)
    for session_id in scoped.values_list("session_id", flat=True).distinct():
        own = interactions.filter(session_id=session_id, key_scope="").exclude(idempotency_key=None)
        taken = set(own.values_list("idempotency_key", flat=True))
        changed = []
        for row in scoped.filter(session_id=session_id).order_by("sequence").only(*_CHANGED):
            if row.idempotency_key in taken:
                if row.origins:
                    row.origins[-1]["idempotency_key"] = row.idempotency_key
                row.idempotency_key = None
                changed.append(row)
            taken.add(row.idempotency_key)
        interactions.bulk_update(changed, _CHANGED, batch_size=200)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0005_key_scopes")]
    operations = [migrations.RunPython(_name_scopes, _give_up)]
