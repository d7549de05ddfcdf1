"""Taking in what importers found: once, in order, bad lines named, known ones left as they are."""

import base64
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from sessions import conf, mapping, validation
from sessions.errors import Conflict, InvalidInput, SessionPurged
from sessions.importers import Source
from sessions.mirror import journal
from sessions.models import Interaction, Session
from sessions.records import (
    ANONYMOUS,
    JSON,
    Actor,
    ExportedInteraction,
    ExportedSession,
    ImportedInteraction,
    ImportEvent,
    InteractionDraft,
    SessionDraft,
    SetAside,
)

from . import audit
from .begin import checked_header, checked_session_id, insert_session
from .context import set_tags
from .find import lock_session
from .log import append, same_content
from .restoring import Restored, differs, draft_of, restore

log = logging.getLogger(__name__)

_BATCH = 500
_BATCH_BYTES = 8 * 1024 * 1024
_MOST_NAMED = 1_000
_ASIDE_BYTES = 64 * 1024 * 1024
_OBJECTS = ("user_preferences", "project_context", "semantic_context", "metadata")
_LATER_WINS = {"title": validation.MAX_TITLE_CHARACTERS, "context_summary": validation.MAX_TEXT_CHARACTERS}


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


@dataclass(frozen=True, slots=True)
class AddedPart:
    """What one transaction of an import added: a session, interactions `first` to `last` of it, or both.

    `last` is below `first` where only the session itself is new.
    """

    session_id: str
    is_new: bool
    first: int
    last: int


def import_source(
    source: Source,
    *,
    actor: Actor,
    report: ImportReport,
    user_id: str | None = None,
    tags: Sequence[str] = (),
    progress: Callable[[], None] = lambda: None,
    on_added: Callable[[AddedPart], None] = lambda _: None,
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
    on_added: Callable[[AddedPart], None] = lambda _: None,
) -> Iterator[None]:
    """Take in one source, adding to the report, as far as it is asked to go on: a step for each thing found.

    `user_id` stands in where the source names none. Importing it again adds nothing; importing a longer version adds
    what is new. `on_added` is told of each part within the transaction that adds it. What was found since the last
    transaction is lost when the steps are left early. Raises MirrorUnavailable.
    """
    report.files += 1
    run = _Run(actor, report, user_id, validation.tags(list(tags)), on_added)
    for event in source.read():
        run.take(event)
        yield
    run.finish()
    _keep_aside(source.path, run.aside)
    log.debug("import_finished", extra={"added": report.added, "known": report.known})


def import_events(events: Iterable[ImportEvent], *, actor: Actor, report: ImportReport) -> None:
    """Take in events that come from no file, as `import_source` does."""
    run = _Run(actor, report, None, [])
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
    run = _Run(actor, report, None, [])
    run.take(draft)
    run.finish()
    return report.sessions_created == 1


class _Run:
    """One source on its way in: the session at hand, and what waits to be written to it."""

    def __init__(
        self,
        actor: Actor,
        report: ImportReport,
        user_id: str | None,
        tags: list[str],
        on_added: Callable[[AddedPart], None] = lambda _: None,
    ) -> None:
        self._actor = actor
        self._on_added = on_added
        self._report = report
        self._user_id = user_id
        self._tags = tags
        self._draft: SessionDraft | None = None
        self._waiting: list[ImportedInteraction] = []
        self._waiting_bytes = 0
        self._export: ExportedSession | None = None
        self._exported: list[ExportedInteraction] = []
        self._differing_headers: set[str] = set()
        self._given: dict[str, dict[str, Any]] = {}
        self._created: set[str] = set()
        self._touched: set[str] = set()
        self.aside: list[SetAside] = []
        self._aside_bytes = 0

    def take(self, event: ImportEvent) -> None:
        match event:
            case SetAside():
                self._set_aside(event)
            case SessionDraft():
                self.finish()
                self._draft, self._export = event, None
            case ImportedInteraction():
                self._wait(event)
            case ExportedSession():
                self.finish()
                self._draft, self._export = None, event
            case ExportedInteraction():
                self._wait_exported(event)

    def _wait_exported(self, event: ExportedInteraction) -> None:
        if len(self._exported) >= _BATCH or self._waiting_bytes >= _BATCH_BYTES:
            self.finish()
        self._exported.append(event)
        self._waiting_bytes += len(event.record.source_record or b"") + len(event.record.response)

    def _wait(self, event: ImportedInteraction) -> None:
        is_full = len(self._waiting) >= _BATCH or self._waiting_bytes >= _BATCH_BYTES
        if self._draft is None or event.session_id != self._draft.session_id:
            self.finish()
            self._draft, self._export = SessionDraft(session_id=event.session_id, source="import"), None
        elif is_full:
            self.finish()
        self._waiting.append(event)
        self._waiting_bytes += len(event.draft.source_record or b"") + len(event.draft.response)

    def _set_aside(self, event: SetAside) -> None:
        """Report it, and keep a damaged one's bytes as long as there is room for them."""
        self._report.note(event)
        if event.damaged and event.raw and self._aside_bytes + len(event.raw) <= _ASIDE_BYTES:
            self._aside_bytes += len(event.raw)
            self.aside.append(event)

    def finish(self) -> None:
        """Write what waits, in one transaction."""
        draft, waiting, export, exported = self._draft, self._waiting, self._export, self._exported
        self._waiting, self._exported, self._waiting_bytes = [], [], 0
        try:
            if export is not None:
                _tried_twice(lambda: self._restore(export, exported))
            elif draft is not None:
                _tried_twice(lambda: self._write(draft, waiting))
        except (InvalidInput, SessionPurged, Conflict) as error:
            self._report.refused[error.message] += max(1, len(waiting), len(exported))

    def _restore(self, export: ExportedSession, waiting: Sequence[ExportedInteraction]) -> None:
        """Write a part of an export of our own."""
        is_exact = export.record.session_id in self._created
        restored = restore(export, waiting, is_exact=is_exact, user_id=self._user_id, tags=self._tags)
        session = restored.session
        if session.trashed_at is not None:
            self._report.refused[f"Session {session.pk!r} lies in the trash."] += len(waiting)
            return
        is_amended = not restored.is_new and not is_exact and self._amend(session, draft_of(export.record), False)
        if restored.is_new or restored.added or is_amended:
            session.header_revision = session.raise_revision()
            names = list(session.tags.values_list("name", flat=True))
            header = checked_header(session, names)
            session.unmirrored = None if restored.has_merges else [*restored.entries, header]
            session.save()
        if restored.is_new or restored.added:
            first = restored.first or session.last_sequence + 1
            self._on_added(AddedPart(session.pk, restored.is_new, first, session.last_sequence))
        if restored.is_new:
            audit.record(self._actor, "session_imported", session.pk, source=session.source)
        is_differing = not is_exact and not restored.is_new and differs(session, export.record)
        is_differing = is_differing and export.place not in self._differing_headers
        transaction.on_commit(lambda: self._report_restored(restored, [export.place] if is_differing else []))

    def _report_restored(self, restored: Restored, headers: Sequence[str]) -> None:
        self._differing_headers.update(headers)
        for aside in restored.asides:
            self._set_aside(aside)
        self._report.known += restored.known
        self._report.differing_count += len(headers) + len(restored.differing)
        room = _MOST_NAMED - len(self._report.differing)
        self._report.differing += [*headers, *restored.differing][: max(0, room)]
        if restored.is_new:
            self._created.add(restored.session.pk)
        self._count(restored.session, restored.is_new, restored.added)

    def _write(self, draft: SessionDraft, waiting: Sequence[ImportedInteraction]) -> None:
        session, is_new = self._session(draft, waiting)
        if session.trashed_at is not None:
            self._report.refused[f"Session {session.pk!r} lies in the trash."] += len(waiting)
            return
        new = self._unknown(session, waiting)
        appended = append(session, new)
        changed = self._amend(session, draft, is_new)
        if appended.added and not is_new:
            latest = max(row.occurred_at for row in appended.rows)
            session.last_activity_at = max(session.last_activity_at, min(latest, timezone.now()))
        if appended.added or changed:
            # The header goes last, so that a replay takes the source's times and not those of this import.
            session.header_revision = session.raise_revision()
            names = list(session.tags.values_list("name", flat=True))
            session.unmirrored = [*appended.entries, checked_header(session, names)]
            session.save()
        if is_new or appended.added:
            first = session.last_sequence - appended.added + 1
            self._on_added(AddedPart(session.pk, is_new, first, session.last_sequence))
        if is_new:
            audit.record(self._actor, "session_imported", session.pk, source=session.source)
        self._count(session, is_new, appended.added)

    def _count(self, session: Session, is_new: bool, added: int) -> None:
        self._report.added += added
        self._report.sessions_created += is_new
        if (is_new or added) and session.pk not in self._touched:
            self._touched.add(session.pk)
            self._report.sessions_touched += 1

    def _session(self, draft: SessionDraft, waiting: Sequence[ImportedInteraction]) -> tuple[Session, bool]:
        """The session that the draft means, locked; inserted when it is not there yet."""
        checked_session_id(draft.session_id)
        if Session.objects.filter(pk=draft.session_id).exists():
            return lock_session(draft.session_id), False
        times = [one.draft.occurred_at for one in waiting if one.draft.occurred_at is not None]
        now = timezone.now()
        session = Session(
            session_id=draft.session_id,
            user_id=validation.identifier("user_id", draft.user_id or self._user_id or ANONYMOUS),
            # What the source states stands; the profile fills in the rest.
            user_preferences=validation.json_object(
                "user_preferences", validation.storable_json(dict(draft.user_preferences or {}))
            ),
            source=validation.storable_text(draft.source, 64),
            stated_interactions=validation.count("stated_interactions", draft.stated_interactions) or 0,
            created_at=_within(draft.created_at or min(times, default=now), now),
            last_activity_at=_within(draft.last_activity_at or max(times, default=draft.created_at or now), now),
            settled_at=now,
        )
        insert_session(session, [])
        return session, True

    def _unknown(self, session: Session, waiting: Sequence[ImportedInteraction]) -> list[InteractionDraft]:
        """The drafts that the session does not have yet; what it has otherwise is named and left."""
        keys = [one.draft.idempotency_key for one in waiting if one.draft.idempotency_key is not None]
        rows = Interaction.objects.filter(session=session, idempotency_key__in=keys).order_by()
        known: dict[str | None, Interaction | InteractionDraft] = {row.idempotency_key: row for row in rows}
        new = []
        for one in waiting:
            try:
                draft = validation.interaction(validation.storable(one.draft))
            except InvalidInput as error:
                raw = one.draft.source_record or b""
                self._set_aside(SetAside(place=one.place, reason=error.message, damaged=True, raw=raw))
                continue
            present = known.get(draft.idempotency_key) if draft.idempotency_key is not None else None
            if present is None:
                new.append(draft)
                if draft.idempotency_key is not None:
                    known[draft.idempotency_key] = draft
                continue
            self._report.known += 1
            if not same_content(present, draft):
                self._report.differing_count += 1
                if len(self._report.differing) < _MOST_NAMED:
                    self._report.differing.append(one.place)
        return new

    def _amend(self, session: Session, draft: SessionDraft, is_new: bool) -> bool:
        """Fill in what the source says and the store does not; what this run itself set may be set again."""
        before = mapping.session_record(session, ())
        given = self._given.setdefault(session.pk, {})
        for name, longest in _LATER_WINS.items():
            value = validation.storable_text(getattr(draft, name), longest)
            if value and getattr(session, name) in ("", given.get(name)):
                given[name] = value
                setattr(session, name, value)
        for name in _OBJECTS:
            merged = _with_missing(getattr(session, name), getattr(draft, name), given.setdefault(name, {}))
            setattr(session, name, validation.json_object(name, merged))
        if draft.active_topics and not session.active_topics:
            topics = [validation.storable_text(one, validation.MAX_TITLE_CHARACTERS) for one in draft.active_topics]
            session.active_topics = validation.strings("active_topics", topics)
        now = timezone.now()
        if draft.last_activity_at is not None:
            session.last_activity_at = max(session.last_activity_at, _within(draft.last_activity_at, now))
        if draft.created_at is not None:
            session.created_at = min(session.created_at, _within(draft.created_at, now))
        added_tags = {*self._tags, *validation.storable_tags(draft.tags or [])}
        present = set(session.tags.values_list("name", flat=True))
        if is_new:
            self._created.add(session.pk)
        # On a session that was there before, a tag that somebody took off stays off.
        wanted = added_tags if session.pk in self._created else set(self._tags)
        if not wanted <= present:
            set_tags(session, wanted | present)
        return is_new or mapping.session_record(session, ()) != before or not wanted <= present


def _tried_twice(write: Callable[[], None]) -> None:
    """Write in one transaction; once more where another import made the session since it was looked for."""
    try:
        with transaction.atomic(durable=True):
            write()
    except IntegrityError:
        with transaction.atomic(durable=True):
            write()


def _with_missing(
    present: Mapping[str, JSON], offered: Mapping[str, JSON] | None, given: dict[str, JSON]
) -> dict[str, JSON]:
    """The object with the offered members that it lacks, or that this run itself gave it."""
    result = dict(present)
    for name, value in validation.storable_json(dict(offered or {})).items():
        if name not in result or (name in given and result[name] == given[name]):
            result[name] = given[name] = value
    return result


def _within(moment: datetime, latest: datetime) -> datetime:
    """A source's clock may be ahead; the store's order must not be."""
    try:
        return min(validation.moment("time", moment), latest)
    except InvalidInput:
        return latest


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
