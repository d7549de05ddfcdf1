"""In which session an interaction's idempotency key was given; a key is unique in each.

The column is added as it is: Django would copy the largest table of all on SQLite, which takes as much room again.
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
    ]
