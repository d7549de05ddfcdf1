"""What each database searches the passages by: an FTS5 table kept in step by triggers, or a tsvector with its index."""

from django.db import migrations

FORWARDS = {
    "sqlite": [
        # The terms are stored once, in the table itself; what splits them is the blank alone, for all else is done.
        """CREATE VIRTUAL TABLE conversations_passage_index USING fts5(
            terms, facets, content='conversations_passage', content_rowid='id', columnsize=0, tokenize="ascii tokenchars '_'"
        )""",
        """CREATE TRIGGER conversations_passage_added AFTER INSERT ON conversations_passage BEGIN
            INSERT INTO conversations_passage_index (rowid, terms, facets) VALUES (new.id, new.terms, new.facets);
        END""",
        """CREATE TRIGGER conversations_passage_removed AFTER DELETE ON conversations_passage BEGIN
            INSERT INTO conversations_passage_index (conversations_passage_index, rowid, terms, facets)
            VALUES ('delete', old.id, old.terms, old.facets);
        END""",
        """CREATE TRIGGER conversations_passage_changed AFTER UPDATE ON conversations_passage BEGIN
            INSERT INTO conversations_passage_index (conversations_passage_index, rowid, terms, facets)
            VALUES ('delete', old.id, old.terms, old.facets);
            INSERT INTO conversations_passage_index (rowid, terms, facets) VALUES (new.id, new.terms, new.facets);
        END""",
    ],
    "postgresql": [
        "ALTER TABLE conversations_passage ADD COLUMN vector tsvector NOT NULL DEFAULT ''",
        # Beside the row, not in the table behind it: a phrase is looked for in the vectors of many rows.
        "ALTER TABLE conversations_passage ALTER COLUMN vector SET STORAGE MAIN",
        "CREATE INDEX conversations_passage_index ON conversations_passage USING gin (vector)",
    ],
}
BACKWARDS = {
    "sqlite": [
        *(f"DROP TRIGGER conversations_passage_{event}" for event in ("added", "removed", "changed")),
        "DROP TABLE conversations_passage_index",
    ],
    "postgresql": ["ALTER TABLE conversations_passage DROP COLUMN vector"],
}


def _run(statements):
    def run(apps, schema_editor):
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]
    operations = [migrations.RunPython(_run(FORWARDS), _run(BACKWARDS))]
