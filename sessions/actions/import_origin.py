"""Which import a session came with."""

from sessions.models import Import, ImportedPart


def import_of(session_id: str) -> Import | None:
    """The import that made a session, or else the first that added to it; None for one that was never imported.

    One lookup in an index; of the import only what names it is loaded.
    """
    parts = ImportedPart.objects.filter(session_id=session_id).select_related("run")
    part = parts.defer("run__preview", "run__report").order_by("-is_new", "pk").first()
    return part.run if part else None
