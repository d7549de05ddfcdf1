"""Comparing the two copies to the last hash. Changes nothing, and may run while others write.

A page of sessions is compared in a few queries and without a lock: where the copies are alike, they are. Any other
session is read under its file lock and compared again when its row changed meanwhile, so a writer's half-way house is
never taken for damage. What a writer may be about to settle is looked at once more, later (`strays` has what no session
answers for).
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from uuid import UUID

from sessions import mapping
from sessions.models import Interaction, Merge, Profile, Session, UserMerge
from sessions.records import MergeRecord, SessionRecord, UserMergeRecord

from . import journal, replay
from .layout import Layout
from .replay import Image

_BATCH = 500
_MOST_AT_ONCE = 1_000
_MOST_DIFFERENCES = 1_000
# Statements that ring no bell wait for no lock; a look at what they change all the time must end.
_MOST_LOOKS = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `kind`: "damaged" (does not verify), "missing" (no file), "behind" (the file lacks the row's last revisions),
    "ahead" (the row lacks the file's), "unknown" (a file that no row answers for), "differs" (both verify and tell
    different things), "leftover" (an unfinished write). `path` is relative to the data directory; `line` counts
    from 1, 0 means the file.
    """

    kind: str
    key: str
    path: str
    reason: str
    line: int = 0

    @property
    def may_pass(self) -> bool:
        """Whether a writer's next step may settle it."""
        return self.kind in ("behind", "missing", "unknown")


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the database has of a session; the interactions in their order, to be read once."""

    session: Session
    interactions: Iterable[Interaction]
    merges: dict[UUID, MergeRecord]

    def header(self) -> SessionRecord:
        return mapping.session_record(self.session, [tag.name for tag in self.session.tags.all()])


def verify_sessions(places: Layout, session_ids: Sequence[str]) -> Iterator[Finding]:
    """All that is wrong with the files of these sessions, in their order."""
    alike = _alike(places, session_ids)
    for session_id in session_ids:
        if session_id not in alike:
            yield from verify_session(places, session_id)


def _alike(places: Layout, session_ids: Sequence[str]) -> set[str]:
    """The sessions whose copies tell the same by a look that waits for nobody; of the others it tells nothing.

    Long ones are left out: their rows are many for one answer, and their queries few for what they hold. So are those
    with long headers or with merges, which hold headers, for the memory that a page of them would take.
    """
    short = Session.objects.with_short_header().filter(last_sequence__lte=_MOST_AT_ONCE)
    survivors = Merge.objects.filter(survivor_id__in=session_ids).order_by().values("survivor_id")
    sessions = short.exclude(pk__in=survivors).prefetch_related("tags").in_bulk(session_ids)

    def is_alike(session: Session, interactions: Iterable[Interaction]) -> bool:
        return not _compared(places, _Rows(session, interactions, {}))

    everything = Interaction.objects.filter(session_id__in=sessions).order_by("session_id", "sequence")
    alike, seen = set(), set()
    for session_id, interactions in groupby(everything.iterator(chunk_size=_BATCH), lambda row: row.session_id):
        seen.add(session_id)
        if is_alike(sessions[session_id], interactions):
            alike.add(session_id)
    return alike | {pk for pk, session in sessions.items() if pk not in seen and is_alike(session, [])}


def verify_session(places: Layout, session_id: str) -> list[Finding]:
    """All that is wrong with one session's files, every line's hash checked and compared with its row."""
    with journal.hold(places, session_id):
        # Under the lock no file changes, and each writer can commit but one change before it waits for the lock.
        for _ in range(_MOST_LOOKS):
            before = _revision(session_id)
            findings = _verify_locked(places, session_id)
            if _revision(session_id) == before:
                break
        return findings


def verify_profile(places: Layout, user_id: str) -> list[Finding]:
    """All that is wrong with one profile's journal."""
    path = places.profile(user_id)
    with journal.hold(places, path.stem):
        profile = Profile.objects.filter(pk=user_id).first()
        if profile is None:
            return []
        image, findings = _collected(image_of(places, path, path.stem))
    if image is not None and image.sound:
        if image.revision < profile.revision:
            findings.append(_behind(places, path.stem, path, image))
        elif image.revision > profile.revision:
            findings.append(finding(places, "ahead", path.stem, path, "The row lacks the journal's last revisions."))
        elif image.profile != mapping.profile_record(profile):
            reason = "The journal and the row hold different preferences, or lead to different users."
            findings.append(finding(places, "differs", path.stem, path, reason))
        elif {record.id: record for _, record in image.user_merges.values()} != _user_merges(user_id):
            reason = "The journal and the rows hold different merges of the user."
            findings.append(finding(places, "differs", path.stem, path, reason))
    return findings


def _user_merges(user_id: str) -> dict[UUID, UserMergeRecord]:
    return {row.pk: mapping.user_merge_record(row) for row in UserMerge.objects.filter(absorbed_id=user_id)}


def _revision(session_id: str) -> int | None:
    return Session.objects.filter(pk=session_id).values_list("revision", flat=True).first()


def _verify_locked(places: Layout, session_id: str) -> list[Finding]:
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        return []
    merges = {row.pk: mapping.merge_record(row) for row in Merge.objects.filter(survivor_id=session_id)}
    interactions = Interaction.objects.of(session_id).iterator(chunk_size=_BATCH)
    return _compared(places, _Rows(session, interactions, merges))


def _compared(places: Layout, rows: _Rows) -> list[Finding]:
    session = rows.session
    path = places.trashed_journal(session.pk) if session.trashed_at else places.journal(session.pk)
    image, findings = _collected(image_of(places, path, session.pk, fingerprints=True))
    if image is None:
        return findings
    if image.header is not None and image.header.session_id != session.pk:
        findings.append(finding(places, "damaged", session.pk, path, "It is the journal of another session."))
    elif image.revision > session.revision:
        findings.append(finding(places, "ahead", session.pk, path, "The row lacks the journal's last revisions."))
    elif not findings:
        differences = _Differences(image)
        reasons = list(differences.of(rows))
        if image.revision < max(differences.newest, session.header_revision, session.rewrite_revision):
            findings.append(_behind(places, session.pk, path, image))
        else:
            findings += [finding(places, "differs", session.pk, path, reason) for reason in reasons]
    if session.trashed_at:
        findings += _verify_trash_record(places, session)
    return findings


def _behind(places: Layout, key: str, path: Path, image: Image) -> Finding:
    """Names where the journal ends: when it has moved on by the second look, it was behind a busy writer only."""
    return finding(places, "behind", key, path, f"The journal lacks what the row has beyond revision {image.revision}.")


class _Differences:
    """What a journal and the rows tell differently. `newest` is the last revision of a row that the journal must hold;
    later ones only moved the file."""

    def __init__(self, image: Image) -> None:
        self._image = image
        # What was said after the journal's last header line moved the session's activity without a line of its own.
        self._active_at: datetime | None = None
        self._told = 0
        self.newest = 0

    def of(self, rows: _Rows) -> Iterator[str]:
        """Why they differ, a sentence each."""
        by_interactions = list(self._of_interactions(rows.interactions))
        header = self._image.header
        if header is None:
            yield "The journal has no session line."
        elif self._with_activity(header) != rows.header():
            yield "The journal and the row tell the session itself differently."
        yield from by_interactions
        if {pk: merge for pk, (_, merge) in self._image.merges.items()} != rows.merges:
            yield "The journal and the database tell the session's merges differently."

    def _of_interactions(self, rows: Iterable[Interaction]) -> Iterator[str]:
        known = self._image.interactions
        seen = set()
        for row in rows:
            seen.add(row.pk)
            self._note(row)
            entry = known.get(row.pk)
            if entry is None:
                yield from self._tell(f"The journal lacks interaction {row.sequence} ({row.pk}).")
            elif entry[1] != replay.fingerprint(mapping.interaction_record(row)):
                yield from self._tell(
                    f"The journal and the row tell interaction {row.sequence} differently ({row.pk})."
                )
        extra = sorted(known.keys() - seen)
        # What a merge moved away stays readable in the journal that it came from.
        for start in range(0, len(extra), _BATCH):
            batch = extra[start : start + _BATCH]
            moved = set(Interaction.objects.filter(pk__in=batch).values_list("pk", flat=True))
            yield from (f"The row lacks an interaction of the journal ({pk})." for pk in batch if pk not in moved)

    def _note(self, row: Interaction) -> None:
        self.newest = max(self.newest, row.revision)
        if row.revision > self._image.header_revision and (self._active_at or row.recorded_at) <= row.recorded_at:
            self._active_at = row.recorded_at

    def _tell(self, reason: str) -> Iterator[str]:
        self._told += 1
        if self._told <= _MOST_DIFFERENCES:
            yield reason

    def _with_activity(self, header: SessionRecord) -> SessionRecord:
        if self._active_at is None or self._active_at <= header.last_activity_at:
            return header
        return replace(header, last_activity_at=self._active_at)


def _verify_trash_record(places: Layout, session: Session) -> list[Finding]:
    path = places.trash_record(session.pk)
    image, findings = _collected(image_of(places, path, session.pk))
    if image is not None and image.sound and image.trash != mapping.trash_record(session):
        reason = "The trash record and the row tell different things."
        findings.append(finding(places, "differs", session.pk, path, reason))
    return findings


def image_of(
    places: Layout, path: Path, key: str, *, fingerprints: bool = False
) -> Generator[Finding, None, Image | None]:
    """Read a journal, name what is damaged, and hand the image back; None where there is no file."""
    try:
        image = replay.read_image(path, replay.fingerprint if fingerprints else replay.whole_record)
    except FileNotFoundError:
        yield finding(places, "missing", key, path, "There is no file.")
        return None
    except OSError as error:
        yield finding(places, "damaged", key, path, f"It cannot be read: {error.strerror}.")
        return None
    for damage in image.damages:
        yield finding(places, "damaged", key, path, damage.reason, damage.line)
    return image


def _collected(reading: Generator[Finding, None, Image | None]) -> tuple[Image | None, list[Finding]]:
    findings = []
    while True:
        try:
            findings.append(next(reading))
        except StopIteration as end:
            return end.value, findings


def finding(places: Layout, kind: str, key: str, path: Path, reason: str, line: int = 0) -> Finding:
    return Finding(kind, key, str(path.relative_to(places.root)), reason, line)
