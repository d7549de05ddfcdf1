"""Taking an import back: nothing is lost, all of it lies in the trash afterwards, or is named as left where it is.

A session that the import made goes into the trash, unless somebody went on with it. From one that was there before, or
that somebody went on with, the interactions that the import added are parted into a session of their own in the trash.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from sessions import mapping
from sessions.errors import NotFound
from sessions.figures import recount
from sessions.models import Import, ImportedPart, Interaction, Merge, Session, SessionTag
from sessions.records import Actor

from . import audit
from .begin import change_header, refuse_used_id
from .find import lock_rows
from .life import trash_locked
from .merging import records_of, save_rewritten, write_record
from .pinning import parted_pins, with_more_pins
from .weaving import place_rows

log = logging.getLogger(__name__)
_REASON = "import undone"
_MOST_NAMED = 1_000
_LONGEST_STEM = 96
_MOVED = ("id", "session_id", "sequence", "revision", "origins", "idempotency_key", "key_scope", "occurred_at")


def undo_steps(run: Import, *, actor: Actor) -> Iterator[None]:
    """Take back one session after the other, each in a transaction of its own with the note of it; then it is undone.

    Begun anew it goes on behind the last one. Raises MirrorUnavailable.
    """
    while True:
        with transaction.atomic(durable=True):
            # What was found in its files may be long, and is neither asked for nor written here.
            locked = Import.objects.defer("preview").select_for_update().get(pk=run.pk)
            if locked.state != Import.State.UNDOING:
                return
            undone = _begun(locked)
            session_id = _next(locked, undone["after"])
            if session_id is not None:
                _take_back(locked, session_id, undone, actor)
                undone["after"] = session_id
            else:
                locked.state, locked.undone_at = Import.State.UNDONE, timezone.now()
                locked.bytes_done = locked.size_bytes
            locked.report = {**locked.report, "undo": undone}
            locked.save()
        if session_id is None:
            log.info("import_undone", extra={"import_id": str(run.pk), "trashed": undone["trashed_count"]})
            return
        yield


def carry_out_undo(import_id: UUID, *, actor: Actor) -> Import:
    """Take an import back that is to be, to its end."""
    run = Import.objects.get(pk=import_id)
    for _ in undo_steps(run, actor=actor):
        pass
    run.refresh_from_db()
    return run


def _begun(run: Import) -> dict[str, Any]:
    counts = {f"{what}_count": 0 for what in ("trashed", "parted", "left")}
    return dict(run.report.get("undo") or {**counts, "trashed": [], "parted": [], "left": [], "after": ""})


def _next(run: Import, after: str) -> str | None:
    parts = ImportedPart.objects.filter(run=run, session_id__gt=after).order_by("session_id")
    found: str | None = parts.values_list("session_id", flat=True).first()
    return found


def _take_back(run: Import, session_id: str, undone: dict[str, Any], actor: Actor) -> None:
    parts = list(ImportedPart.objects.filter(run=run, session_id=session_id).order_by("first"))
    try:
        session = lock_rows({session_id})[session_id]
    except NotFound:
        _note(undone, "left", session_id, "deleted for good since")
        return
    if reason := _obstacle(session):
        _note(undone, "left", session_id, reason)
        return
    ours = [row for part in parts for row in _rows(session, part)]
    if any(part.is_new for part in parts) and len(ours) == session.interaction_count:
        trash_locked(session, reason=_REASON, actor=actor)
        _note(undone, "trashed", session_id)
    elif ours:
        apart = _part(session, ours, run, actor)
        _note(undone, "parted", session_id, apart=apart.pk)
    elif parts[0].is_new:
        _note(undone, "left", session_id, "somebody went on with it, and it holds nothing else of the import")


def _obstacle(session: Session) -> str:
    """Why a session must be left as it is, "" where nothing stands in the way."""
    if session.merged_into_id is not None:
        return f"merged into {session.merged_into_id} since; undo the merge first"
    if Merge.objects.filter(survivor_id=session.pk, undone_at=None).exists():
        return "others were merged into it since; undo the merge first"
    if session.trashed_at is not None:
        return "in the trash already"
    return "held; release the hold first" if session.held_at is not None else ""


def _rows(session: Session, part: ImportedPart) -> list[Interaction]:
    between = Interaction.objects.of(session.pk).filter(sequence__gte=part.first, sequence__lte=part.last)
    return list(between.only(*_MOVED))


def _part(session: Session, ours: Sequence[Interaction], run: Import, actor: Actor) -> Session:
    """Move interactions into a new session in the trash."""
    taken = {row.pk for row in ours}
    rows = list(Interaction.objects.of(session.pk).only(*_MOVED))
    staying = [row for row in rows if row.pk not in taken]
    _renumber_parts(session, run, [row.sequence for row in ours], [row.sequence for row in staying])
    apart = _new_beside(session, ours, run)
    for row in ours:
        # Merged back, it is known as what it was.
        row.key_scope = row.key_scope or (session.pk if row.idempotency_key is not None else "")
    place_rows(apart, ours)
    place_rows(session, staying)
    record, leaving = parted_pins(*records_of([session]))
    write_record(session, record)
    write_record(apart, with_more_pins(replace(records_of([apart])[0], pins=[]), leaving.get(apart.pk, ())))
    # The new session's file first: until the other's is rewritten, both hold what was moved.
    recount(apart)
    change_header(apart)
    trash_locked(apart, reason=_REASON, actor=actor)
    save_rewritten(session, [])
    audit.record(actor, "import_parted", session.pk, parted=apart.pk, interactions=len(ours))
    return apart


def _new_beside(session: Session, ours: Sequence[Interaction], run: Import) -> Session:
    record = records_of([session])[0]
    name = f"{session.pk[:_LONGEST_STEM]}-import-{run.pk.hex[-12:]}"
    refuse_used_id(name)
    times = [row.occurred_at for row in ours]
    apart = mapping.session_row(
        replace(record, session_id=name, pins=[], notes=[], created_at=min(times), last_activity_at=max(times))
    )
    apart.settled_at = timezone.now()
    apart.header_revision = apart.raise_revision()
    apart.save(force_insert=True)
    SessionTag.objects.bulk_create([SessionTag(session=apart, name=tag) for tag in record.tags])
    return apart


def _renumber_parts(session: Session, run: Import, leaving: Sequence[int], staying: Sequence[int]) -> None:
    """What other imports added to the session keeps its place in it under the new numbers."""
    numbers = {sequence: place for place, sequence in enumerate(staying, start=1)}
    for part in ImportedPart.objects.filter(session_id=session.pk).exclude(run=run):
        kept = [numbers[one] for one in range(part.first, part.last + 1) if one in numbers]
        if kept:
            part.first, part.last, part.interactions = kept[0], kept[-1], len(kept)
            part.save()


def _note(undone: dict[str, Any], what: str, session_id: str, reason: str = "", **more: str) -> None:
    undone[f"{what}_count"] += 1
    if len(undone[what]) < _MOST_NAMED:
        undone[what].append({"session_id": session_id, **({"reason": reason} if reason else {}), **more})


__all__ = ["carry_out_undo", "undo_steps"]
