"""Imports that a person follows: files staged, looked at, confirmed, taken in, undone. The worker does the work."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from sessions import conf, validation
from sessions.errors import Conflict, NotFound
from sessions.importers import check_format
from sessions.models import Import, ImportedPart, Session
from sessions.records import Actor, Face, new_interaction_id

from . import audit
from .import_files import drop_files, keep_files

log = logging.getLogger(__name__)
KEPT_DAYS = 7
STARTS = frozenset({Import.State.WAITING, Import.State.EXAMINING, Import.State.READY, Import.State.QUEUED})
"""The states in which nothing is stored yet."""


@dataclass(frozen=True, slots=True)
class ImportedSession:
    """A session that an import made or added to, and how it stands now; `state` is "gone" for a purged one."""

    session_id: str
    title: str
    is_new: bool
    added: int
    state: str


def stage_import(
    files: Iterable[tuple[str, Iterable[bytes]]],
    *,
    options: Mapping[str, Any],
    actor: Actor,
    confirmed: bool = False,
) -> Import:
    """Keep files, given by name and content, to be looked at; with `confirmed`, to be taken in without asking.

    `options` are `user_id`, whose is what names nobody; `tags`; `format`, to read the files as one; and `owner`, whose
    everything becomes, whatever the files say. Raises InvalidInput and UploadTooLarge.
    """
    checked = checked_options(options)
    import_id = new_interaction_id()
    names, size_bytes = keep_files(import_id, files)
    with transaction.atomic(durable=True):
        run = Import.objects.create(
            id=import_id,
            created_by=actor.name[:255],
            face=actor.face,
            state=Import.State.QUEUED if confirmed else Import.State.WAITING,
            file_names=names,
            size_bytes=size_bytes,
            options=checked,
            owner=checked["owner"],
        )
        audit.record(actor, "import_staged", run=str(run.pk), files=len(names), size_bytes=size_bytes)
    log.info("import_staged", extra={"import_id": str(run.pk), "files": len(names), "size_bytes": size_bytes})
    return run


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """All that an import may be asked for, checked. Raises InvalidInput."""
    user_id, owner = options.get("user_id") or "", options.get("owner") or ""
    check_format(options.get("format") or "")
    return {
        "user_id": validation.identifier("user_id", user_id) if user_id else "",
        "tags": validation.tags(list(options.get("tags") or [])),
        "format": options.get("format") or "",
        "owner": validation.identifier("owner", owner) if owner else "",
    }


def get_import(import_id: UUID | str, *, owner: str = "") -> Import:
    """An import, for a person of whom `owner` says whose alone they may know. Raises NotFound."""
    try:
        key = import_id if isinstance(import_id, UUID) else UUID(import_id)
    except ValueError:
        key = None
    run = Import.objects.filter(pk=key).first() if key else None
    if run is None or (owner and run.owner != owner):
        raise NotFound("There is no such import.")
    return run


def list_imports(before: UUID | None = None, limit: int = 20, *, owner: str = "") -> list[Import]:
    """The latest first, from behind the one named `before`; what was found in their files loads when asked for."""
    found = Import.objects.defer("preview").order_by("-id")
    if before is not None:
        found = found.filter(pk__lt=before)
    if owner:
        found = found.filter(owner=owner)
    return list(found[:limit])


def confirm_import(
    import_id: UUID | str, *, user_id: str | None = None, tags: Sequence[str] | None = None, actor: Actor
) -> Import:
    """Say yes to what was found. One that is confirmed already is left as it is. Raises NotFound and Conflict."""
    with transaction.atomic(durable=True):
        run = lock_import(import_id)
        if run.state in (Import.State.QUEUED, Import.State.IMPORTING, Import.State.DONE):
            return run
        if run.state not in STARTS:
            raise Conflict(f"This import is {run.state}.", hint="Send the files again.")
        changes = {"user_id": user_id} | {"tags": tags}
        given = {name: value for name, value in changes.items() if value is not None}
        run.options = checked_options({**run.options, **given})
        run.state, run.bytes_done = Import.State.QUEUED, 0
        run.save()
        audit.record(actor, "import_confirmed", run=str(run.pk))
    return run


def cancel_import(import_id: UUID | str, *, actor: Actor) -> Import:
    """Drop an import that has stored nothing yet, and its files. Raises NotFound and Conflict."""
    with transaction.atomic(durable=True):
        run = lock_import(import_id)
        if run.state != Import.State.CANCELLED:
            if run.state not in STARTS:
                raise Conflict(f"This import is {run.state}.", hint="What was taken in can be undone once it is done.")
            run.state, run.finished_at = Import.State.CANCELLED, timezone.now()
            run.save()
            audit.record(actor, "import_cancelled", run=str(run.pk))
    drop_files(run.pk)
    return run


def undo_import(import_id: UUID | str, *, actor: Actor) -> Import:
    """Begin to take an import back; the worker does it. Raises NotFound, and Conflict where nothing is to be undone."""
    with transaction.atomic(durable=True):
        run = lock_import(import_id)
        if run.state in (Import.State.UNDOING, Import.State.UNDONE):
            return run
        # One that a command broke off has nobody who goes on with it.
        broken_off = run.state == Import.State.IMPORTING and run.face == Face.COMMAND
        if run.state not in (Import.State.DONE, Import.State.FAILED) and not broken_off:
            raise Conflict(f"This import is {run.state}.", hint="Only what was taken in can be undone.")
        run.state, run.undone_by, run.bytes_done = Import.State.UNDOING, actor.name[:255], 0
        run.save()
        audit.record(actor, "import_undone", run=str(run.pk))
    return run


def sessions_of_import(import_id: UUID | str, after: str = "", limit: int = 50) -> list[ImportedSession]:
    """What an import made or added to, in the order of IDs, from behind the one named `after`."""
    parts = ImportedPart.objects.filter(run=get_import(import_id), session_id__gt=after).order_by("session_id")
    rows = list(parts.values("session_id").annotate(added=Sum("interactions"))[:limit])
    ids = [row["session_id"] for row in rows]
    new = set(parts.filter(session_id__in=ids, is_new=True).values_list("session_id", flat=True))
    found, expires = Session.objects.in_bulk(ids), conf.expires_before()
    return [_imported(row, found.get(row["session_id"]), row["session_id"] in new, expires) for row in rows]


def lock_import(import_id: UUID | str) -> Import:
    return Import.objects.select_for_update().get(pk=get_import(import_id).pk)


def drop_old_files() -> None:
    """Delete the files of what ended seven days ago, and cancel what nobody said yes to for as long."""
    old = timezone.now() - timedelta(days=KEPT_DAYS)
    unwanted = Import.objects.filter(state__in=(Import.State.WAITING, Import.State.READY), created_at__lt=old)
    for run in unwanted.order_by("pk")[:100]:
        cancelled = Import.objects.filter(pk=run.pk, state=run.state).update(
            state=Import.State.CANCELLED, finished_at=timezone.now(), error="Nobody confirmed it within seven days."
        )
        if cancelled:
            drop_files(run.pk)
    kept = conf.data_dir() / "imports"
    for folder in sorted(kept.iterdir())[:1_000] if kept.is_dir() else ():
        # A folder without a row may be one that is being filled.
        if _is_id(folder.name) and Import.objects.filter(pk=folder.name, finished_at__lt=old).exists():
            drop_files(UUID(folder.name))


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _imported(row: Mapping[str, Any], session: Session | None, is_new: bool, expires: Any) -> ImportedSession:
    title = str(session) if session else ""
    state = session.state(expires) if session else "gone"
    return ImportedSession(row["session_id"], title, is_new, row["added"], state)
