"""The worker's part in imports: one of them at a time, a second or so at a time, between its other jobs."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone

from sessions.errors import Conflict, MirrorUnavailable, SessionsiteError
from sessions.importers import Source
from sessions.models import Import, ImportedPart
from sessions.records import Actor, Face

from .import_files import named_by_person, sources_of
from .import_pieces import AddedPart
from .import_preview import Preview
from .import_runs import drop_old_files
from .import_undo import undo_steps
from .imports import ImportReport, import_steps

log = logging.getLogger(__name__)
_TIDY_SECONDS = 600.0
_STATE = Import.State
_STAGES = {
    _STATE.UNDOING: _STATE.UNDOING,
    _STATE.IMPORTING: _STATE.IMPORTING,
    _STATE.QUEUED: _STATE.IMPORTING,
    _STATE.EXAMINING: _STATE.EXAMINING,
    _STATE.WAITING: _STATE.EXAMINING,
}
"""The states that have work left, the most urgent first, and the stage that does it."""


@dataclass(slots=True)
class _Active:
    """The stage that the worker is at, kept between two calls."""

    run_id: UUID
    stage: str
    steps: Iterator[dict[str, Any]]


@dataclass(slots=True)
class _Worker:
    active: _Active | None = None
    tidied_at: float = field(default=float("-inf"))


_worker = _Worker()


def work_on_imports(seconds: float = 1.0) -> bool:
    """Advance one import for about so long; whether more waits. Raises MirrorUnavailable; the stage then begins anew.

    After a restart a stage begins anew too, and ends with the same store.
    """
    run = _next_run()
    if run is None:
        _worker.active = None
        _tidy()
        return False
    active = _worker.active
    if active is None or active.run_id != run.pk or active.stage != run.state:
        active = _worker.active = _begin(run)
    try:
        _advance(active, seconds)
    except (MirrorUnavailable, DatabaseError):
        _worker.active = None
        raise
    except Exception as error:  # noqa: BLE001  (whatever a file does to us, the next import must have its turn)
        _worker.active = None
        _fail(run, error)
    return _next_run() is not None


def _next_run() -> Import | None:
    # What a command takes in is the command's to go on with.
    waiting = Import.objects.filter(state__in=list(_STAGES)).exclude(state=_STATE.IMPORTING, face=Face.COMMAND)
    runs = list(waiting.defer("preview", "report").order_by("id")[:100])
    order = list(_STAGES)
    return min(runs, key=lambda run: order.index(_STATE(run.state)), default=None)


def _begin(run: Import) -> _Active:
    stage = _STAGES[_STATE(run.state)]
    Import.objects.filter(pk=run.pk, state=run.state).update(state=stage, bytes_done=0, started_at=timezone.now())
    actor = Actor(run.undone_by if stage == _STATE.UNDOING else run.created_by, Face(run.face))
    steps = {_STATE.UNDOING: _undoing, _STATE.IMPORTING: _importing, _STATE.EXAMINING: _examining}[stage](run, actor)
    return _Active(run.pk, stage, steps)


def _advance(active: _Active, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for progress in active.steps:
        if time.monotonic() >= deadline:
            # Nothing is changed where somebody cancelled it meanwhile; the next call sees that.
            Import.objects.filter(pk=active.run_id, state=active.stage).update(**progress)
            return
    _worker.active = None


def _examining(run: Import, actor: Actor) -> Iterator[dict[str, Any]]:
    sources = sources_of(run.pk, run.options["format"])
    preview, read = Preview(named_by_person(run.pk), owner=run.owner), _Read(run, sources)
    for _ in preview.steps(read):
        yield {"bytes_done": read.bytes_done}
    changes = {"state": _STATE.READY, "bytes_done": run.size_bytes, "preview": preview.told()}
    Import.objects.filter(pk=run.pk, state=_STATE.EXAMINING).update(**changes)


def _importing(run: Import, actor: Actor) -> Iterator[dict[str, Any]]:
    recorded = RecordedImport(run, named_by_person(run.pk))
    read = _Read(run, sources_of(run.pk, run.options["format"]))
    options = run.options
    for source in read:
        for _ in import_steps(
            source,
            actor=actor,
            report=recorded.report,
            user_id=options["user_id"] or None,
            tags=options["tags"],
            on_added=recorded.note,
            owner=options["owner"],
        ):
            yield {"bytes_done": read.bytes_done}
    recorded.finish(_STATE.DONE)


def _undoing(run: Import, actor: Actor) -> Iterator[dict[str, Any]]:
    parts = max(1, ImportedPart.objects.filter(run=run).count())
    for done, _ in enumerate(undo_steps(run, actor=actor), start=1):
        yield {"bytes_done": min(run.size_bytes, run.size_bytes * done // parts)}


def _fail(run: Import, error: Exception) -> None:
    told = str(error) if isinstance(error, SessionsiteError) else f"It stopped at an error: {type(error).__name__}."
    Import.objects.filter(pk=run.pk).update(state=_STATE.FAILED, error=told, finished_at=timezone.now())
    log.error("import_failed", exc_info=error, extra={"import_id": str(run.pk)})


def _tidy() -> None:
    if time.monotonic() - _worker.tidied_at >= _TIDY_SECONDS:
        _worker.tidied_at = time.monotonic()
        drop_old_files()


class _Read:
    """Sources one after the other, and how many of the import's bytes are read."""

    def __init__(self, run: Import, sources: list[Source]) -> None:
        self._sources = sources
        self._total = max(1, sum(source.size_bytes for source in sources))
        self._size_bytes = run.size_bytes
        self._before = 0
        self._current: Source | None = None

    def __iter__(self) -> Iterator[Source]:
        for source in self._sources:
            self._current = source
            yield source
            self._before += source.size_bytes

    @property
    def bytes_done(self) -> int:
        """Of the bytes as they were sent, which an archive's members are more than."""
        read = self._before + (self._current.bytes_read if self._current else 0)
        return min(self._size_bytes, self._size_bytes * read // self._total)


class RecordedImport:
    """An import while it is carried out: its report, and a row for each part that it adds."""

    def __init__(self, run: Import, named: Callable[[str], str] = str) -> None:
        self.run = run
        self.report = ImportReport()
        self._named = named
        parts = ImportedPart.objects.filter(run=run)
        # What it added before it was broken off is found as known when it begins anew.
        self._added_before = sum(parts.values_list("interactions", flat=True))

    def note(self, added: Sequence[AddedPart]) -> None:
        """Note what is added, within the transaction that adds it. Raises Conflict where it is being taken back."""
        # Nobody can see of a command whether it is still at it, so it may be undone meanwhile.
        if not Import.objects.select_for_update().filter(pk=self.run.pk, state=_STATE.IMPORTING).exists():
            raise Conflict("This import is being undone.", hint="Import again once that is done.")
        ImportedPart.objects.bulk_create(
            ImportedPart(run=self.run, **asdict(part)) for part in added if part.is_new or not self._joined(part)
        )

    def _joined(self, part: AddedPart) -> bool:
        """Whether a part followed another of this import, and has become one with it."""
        before = ImportedPart.objects.filter(run=self.run, session_id=part.session_id, last=part.first - 1)
        joined = before.update(last=part.last, interactions=F("interactions") + part.interactions)
        return bool(joined)

    def finish(self, state: str, error: str = "") -> dict[str, Any]:
        """Put the report down, and how it ended; the report as JSON has it."""
        told = report_told(self.report, self._named)
        parts = ImportedPart.objects.filter(run=self.run)
        told["added"] += self._added_before
        told["known"] = max(0, told["known"] - self._added_before)
        told["sessions_created"] = parts.filter(is_new=True).count()
        told["sessions_touched"] = parts.order_by().values("session_id").distinct().count()
        changes = {"state": state, "error": error, "report": told, "finished_at": timezone.now()}
        unended = Import.objects.filter(pk=self.run.pk, state=_STATE.IMPORTING)
        unended.update(bytes_done=self.run.size_bytes, **changes)
        log.info("import_finished", extra={"import_id": str(self.run.pk), "added": told["added"]})
        return told


def record_import(
    file_names: Iterable[str],
    *,
    size_bytes: int,
    options: dict[str, Any],
    actor: Actor,
    named: Callable[[str], str] = str,
) -> RecordedImport:
    """Begin an import that the caller carries out itself."""
    run = Import.objects.create(
        created_by=actor.name[:255],
        face=actor.face,
        state=_STATE.IMPORTING,
        file_names=list(file_names),
        size_bytes=size_bytes,
        options=options,
        owner=options["owner"],
        started_at=timezone.now(),
    )
    return RecordedImport(run, named)


def report_told(report: ImportReport, named: Callable[[str], str] = str) -> dict[str, Any]:
    """A report as JSON has it."""
    return {
        "files": report.files,
        "sessions_created": report.sessions_created,
        "sessions_touched": report.sessions_touched,
        "added": report.added,
        "known": report.known,
        "set_aside": dict(Counter(report.set_aside)),
        "damaged": [{"place": named(one.place), "reason": one.reason} for one in report.damaged],
        "damaged_count": report.damaged_count,
        "differing": [named(place) for place in report.differing],
        "differing_count": report.differing_count,
        "refused": dict(report.refused),
    }
