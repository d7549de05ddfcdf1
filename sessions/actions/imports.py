"""Taking in what importers found: once, in order, bad lines named, known ones left as they are."""

import base64
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sessions import conf, validation
from sessions.errors import InvalidInput
from sessions.importers import Source
from sessions.mirror import journal
from sessions.models import Session
from sessions.records import (
    Actor,
    ExportedInteraction,
    ExportedSession,
    ImportedInteraction,
    ImportEvent,
    SessionDraft,
    SetAside,
)

from .import_pieces import AddedPart, ExportedPiece, Outcome, Piece, Writer

log = logging.getLogger(__name__)

# What is written in one transaction: others who write wait that long at most.
_BATCH = 500
_MOST_SESSIONS = 100
_BATCH_BYTES = 8 * 1024 * 1024
_MOST_NAMED = 1_000
_ASIDE_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    `known` interactions were there before; `differing` are known ones whose source says something else now, and
    were left as they are; `set_aside` counts by reason what became no interaction; `damaged` and `differing`
    name the first 1,000 places.
    """

    files: int = 0
    sessions_created: int = 0
    sessions_touched: int = 0
    added: int = 0
    known: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    damaged: list[SetAside] = field(default_factory=list)
    damaged_count: int = 0
    differing: list[str] = field(default_factory=list)
    differing_count: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, event: SetAside) -> None:
        self.set_aside[event.reason] += 1
        if event.damaged:
            self.damaged_count += 1
            if len(self.damaged) < _MOST_NAMED:
                self.damaged.append(replace(event, raw=b""))


def import_source(
    source: Source,
    *,
    actor: Actor,
    report: ImportReport,
    user_id: str | None = None,
    tags: Sequence[str] = (),
    progress: Callable[[], None] = lambda: None,
    on_added: Callable[[Sequence[AddedPart]], None] = lambda _: None,
) -> None:
    """Take in one source, adding to the report. See `import_steps`; `progress` is called after each."""
    for _ in import_steps(source, actor=actor, report=report, user_id=user_id, tags=tags, on_added=on_added):
        progress()


def import_steps(
    source: Source,
    *,
    actor: Actor,
    report: ImportReport,
    user_id: str | None = None,
    tags: Sequence[str] = (),
    on_added: Callable[[Sequence[AddedPart]], None] = lambda _: None,
    owner: str = "",
) -> Iterator[None]:
    """Take in one source, adding to the report, as far as it is asked to go on: a step for each thing found.

    `user_id` stands in where the source names none. Importing it again adds nothing; importing a longer version adds
    what is new. `on_added` is told what a transaction adds, within it. What was found since the last
    transaction is lost when the steps are left early. With `owner`, everything new is theirs, whatever the source
    says, and what is somebody else's is refused. Raises MirrorUnavailable.
    """
    report.files += 1
    run = _Run(actor, report, user_id=user_id, tags=validation.tags(list(tags)), on_added=on_added, owner=owner)
    for event in source.read():
        run.take(event)
        yield
    run.finish()
    _keep_aside(source.path, run.aside)
    log.debug("import_finished", extra={"added": report.added, "known": report.known})


def import_events(events: Iterable[ImportEvent], *, actor: Actor, report: ImportReport) -> None:
    """Take in events that come from no file, as `import_source` does."""
    run = _Run(actor, report)
    for event in events:
        run.take(event)
    run.finish()


def adopt(draft: SessionDraft, *, actor: Actor) -> bool:
    """Take in a session that comes without interactions; False when its ID is known already, or purged.

    A known one is left as it is: what was changed here since must not be filled in again from an old file.
    """
    if Session.objects.filter(pk=draft.session_id).exists():
        return False
    report = ImportReport()
    run = _Run(actor, report)
    run.take(draft)
    run.finish()
    return report.sessions_created == 1


class _Run:
    """One source on its way in: the piece at hand, and those that wait to be written together."""

    def __init__(
        self,
        actor: Actor,
        report: ImportReport,
        *,
        user_id: str | None = None,
        tags: Sequence[str] = (),
        on_added: Callable[[Sequence[AddedPart]], None] = lambda _: None,
        owner: str = "",
    ) -> None:
        self._report = report
        self._writer = Writer(actor, user_id=user_id, tags=tags, on_added=on_added, tell=self._count, owner=owner)
        self._piece: Piece | ExportedPiece | None = None
        self._waiting: list[Piece | ExportedPiece] = []
        self._interactions = 0
        self._bytes = 0
        self._touched: set[str] = set()
        self._differing_headers: set[str] = set()
        self.aside: list[SetAside] = []
        self._aside_bytes = 0

    def take(self, event: ImportEvent) -> None:
        match event:
            case ImportedInteraction():
                self._wait(event)
            case SessionDraft():
                if isinstance(self._piece, Piece) and self._piece.session_id == event.session_id:
                    self._piece.drafts.append(event)
                else:
                    self._start(Piece([event]))
            case SetAside():
                self._set_aside(event)
            case ExportedSession():
                self._start(ExportedPiece(event))
            case ExportedInteraction():
                self._wait_exported(event)

    def finish(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._piece = self._waiting, [], None
        self._interactions = self._bytes = 0
        if waiting:
            self._writer.write(waiting)

    def _start(self, piece: Piece | ExportedPiece) -> None:
        if len(self._waiting) >= _MOST_SESSIONS or self._is_full:
            self.finish()
        self._piece = piece
        self._waiting.append(piece)
        self._interactions += len(piece.interactions)
        self._bytes += piece.size_bytes

    def _wait(self, event: ImportedInteraction) -> None:
        try:
            draft = validation.interaction(validation.storable(event.draft))
        except InvalidInput as error:
            raw = event.draft.source_record or b""
            self._set_aside(SetAside(place=event.place, reason=error.message, damaged=True, raw=raw))
            return
        piece = self._piece
        if not isinstance(piece, Piece) or piece.session_id != event.session_id:
            piece = Piece([SessionDraft(session_id=event.session_id, source="import")])
            self._start(piece)
        elif self._is_full:
            piece = self._make_room(piece, Piece([piece.drafts[0]]))
        piece.interactions.append((draft, event.place))
        self._grow(piece, len(draft.source_record or b"") + len(draft.response) + len(draft.prompt))

    def _wait_exported(self, event: ExportedInteraction) -> None:
        piece = self._piece
        assert isinstance(piece, ExportedPiece)  # noqa: S101  (its session comes before it)
        if self._is_full:
            piece = self._make_room(piece, ExportedPiece(piece.export))
        piece.interactions.append(event)
        self._grow(piece, len(event.record.source_record or b"") + len(event.record.response))

    def _grow(self, piece: Piece | ExportedPiece, size_bytes: int) -> None:
        piece.size_bytes += size_bytes
        self._interactions += 1
        self._bytes += size_bytes

    def _make_room[P: (Piece, ExportedPiece)](self, piece: P, following: P) -> P:
        """Write what waits ahead of the piece at hand, which is better whole; it too where it fills a batch alone."""
        if len(self._waiting) == 1:
            self.finish()
            self._start(following)
            return following
        self._waiting.pop()
        self.finish()
        self._start(piece)
        return piece

    @property
    def _is_full(self) -> bool:
        return self._interactions >= _BATCH or self._bytes >= _BATCH_BYTES

    def _set_aside(self, event: SetAside) -> None:
        """Report it, and keep a damaged one's bytes as long as there is room for them."""
        self._report.note(event)
        if event.damaged and event.raw and self._aside_bytes + len(event.raw) <= _ASIDE_BYTES:
            self._aside_bytes += len(event.raw)
            self.aside.append(event)

    def _count(self, outcome: Outcome) -> None:
        """Add to the report what became of a piece."""
        report = self._report
        if outcome.refused:
            report.refused[outcome.refused] += outcome.refused_count
            return
        for aside in outcome.asides:
            self._set_aside(aside)
        report.known += outcome.known
        differing = outcome.differing
        if outcome.differing_header and outcome.differing_header not in self._differing_headers:
            self._differing_headers.add(outcome.differing_header)
            differing = [outcome.differing_header, *differing]
        report.differing_count += len(differing)
        report.differing += differing[: max(0, _MOST_NAMED - len(report.differing))]
        report.added += outcome.added
        report.sessions_created += outcome.is_new
        if (outcome.is_new or outcome.added) and outcome.session_id not in self._touched:
            self._touched.add(outcome.session_id)
            report.sessions_touched += 1


def _keep_aside(path: Path, damaged: Iterable[SetAside]) -> None:
    """Keep the bytes of damaged lines in the data directory, one file per source, the latest import's."""
    lines = [
        json.dumps({"place": one.place, "reason": one.reason, "base64": base64.b64encode(one.raw).decode("ascii")})
        for one in damaged
    ]
    if lines:
        name = hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        target = conf.data_dir() / "set-aside" / f"{name}.jsonl"
        journal.replace_bytes(target, [("\n".join(lines) + "\n").encode()])
