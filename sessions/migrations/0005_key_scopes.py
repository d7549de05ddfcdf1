"""In which session an interaction's idempotency key was given; a key is unique in each.

The column is added as it is: Django would copy the largest table of all on SQLite, which takes as much room again.

What was merged before gets its scope, and the key that it gave up, from where it remembers to have come from; journals are
read likewise (`sessions.mirror.codec`).
"""

from django.db import migrations, models

import sessions.fields

ADD = {
    "sqlite": "ALTER TABLE conversations_interaction ADD COLUMN key_scope varchar(128) NOT NULL DEFAULT ''",
    "postgresql": """ALTER TABLE conversations_interaction
        ADD COLUMN key_scope varchar(128) COLLATE "C" NOT NULL DEFAULT ''""",
}
DROP = "ALTER TABLE conversations_interaction DROP COLUMN key_scope"


def _add(apps, schema_editor):
    schema_editor.execute(ADD[schema_editor.connection.vendor])


def _drop(apps, schema_editor):
    schema_editor.execute(DROP)


def _name_scopes(apps, schema_editor):
    interactions, merges = (apps.get_model("conversations", name).objects for name in ("Interaction", "Merge"))
    survivors = merges.filter(undone_at=None).values_list("survivor_id", flat=True).distinct()
    for survivor in survivors:
        rows = (
            interactions.filter(session_id=survivor).exclude(origins=[]).only("idempotency_key", "key_scope", "origins")
        )
        changed = [row for row in rows.iterator(chunk_size=500) if _named(row)]
        interactions.bulk_update(changed, ["idempotency_key", "key_scope", "origins"], batch_size=200)


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


class Migration(migrations.Migration):
    dependencies = [("conversations", "0004_imports")]
    operations = [
        migrations.RemoveConstraint(model_name="interaction", name="interaction_key_once"),
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(_add, _drop)],
            [
                migrations.AddField(
                    model_name="interaction",
                    name="key_scope",
                    field=sessions.fields.IdentifierField(blank=True, default="", max_length=128),
                )
            ],
        ),
        migrations.AddConstraint(
            model_name="interaction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key__isnull", False)),
                fields=("session", "idempotency_key", "key_scope"),
                name="interaction_key_once",
            ),
        ),
        migrations.RunPython(_name_scopes, migrations.RunPython.noop),
    ]
