"""Comparing the two copies to the last hash. Changes nothing, and may run while others write.

A session is read under its file lock and compared again when its row changed meanwhile, so a writer's half-way
house is never taken for damage. What a writer may be about to settle is looked at once more, later
(`strays` has what no session answers for).
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from sessions import mapping
from sessions.models import Interaction, Merge, Profile, Session, UserMerge
from sessions.records import SessionRecord, UserMergeRecord

from . import drain, journal, replay
from .layout import Layout
from .replay import Image

_BATCH = 500
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
    path = places.trashed_journal(session_id) if session.trashed_at else places.journal(session_id)
    image, findings = _collected(image_of(places, path, session_id, fingerprints=True))
    if image is None:
        return findings
    if image.header is not None and image.header.session_id != session_id:
        findings.append(finding(places, "damaged", session_id, path, "It is the journal of another session."))
    elif image.revision > session.revision:
        findings.append(finding(places, "ahead", session_id, path, "The row lacks the journal's last revisions."))
    elif not findings and image.revision < drain.content_revision(session):
        findings.append(_behind(places, session_id, path, image))
    elif not findings:
        reasons = _differences(session, image)
        findings += [finding(places, "differs", session_id, path, reason) for reason in reasons]
    if session.trashed_at:
        findings += _verify_trash_record(places, session)
    return findings


def _behind(places: Layout, key: str, path: Path, image: Image) -> Finding:
    """Names where the journal ends: when it has moved on by the second look, it was behind a busy writer only."""
    return finding(places, "behind", key, path, f"The journal lacks what the row has beyond revision {image.revision}.")


def _differences(session: Session, image: Image) -> Iterator[str]:
    if image.header is None:
        yield "The journal has no session line."
    elif _with_activity(session, image) != drain.header(session).record:
        yield "The journal and the row tell the session itself differently."
    told = 0
    seen = set()
    for row in Interaction.objects.of(session.pk).iterator(chunk_size=_BATCH):
        seen.add(row.pk)
        entry = image.interactions.get(row.pk)
        if entry is not None and entry[1] == replay.fingerprint(mapping.interaction_record(row)):
            continue
        told += 1
        if told <= _MOST_DIFFERENCES:
            what = "The journal lacks" if entry is None else "The journal and the row tell differently"
            yield f"{what} interaction {row.sequence} ({row.pk})."
    extra = sorted(set(image.interactions) - seen)
    # What a merge moved away stays readable in the journal that it came from.
    for start in range(0, len(extra), _BATCH):
        batch = extra[start : start + _BATCH]
        moved = set(Interaction.objects.filter(pk__in=batch).values_list("pk", flat=True))
        yield from (f"The row lacks an interaction of the journal ({pk})." for pk in batch if pk not in moved)
    merges = {row.pk: mapping.merge_record(row) for row in Merge.objects.filter(survivor_id=session.pk)}
    if {pk: merge for pk, (_, merge) in image.merges.items()} != merges:
        yield "The journal and the database tell the session's merges differently."


def _with_activity(session: Session, image: Image) -> SessionRecord:
    """The journal's header with the activity that the interactions behind it brought."""
    assert image.header is not None  # noqa: S101  (the caller looked)
    later = Interaction.objects.filter(session=session, revision__gt=image.header_revision).order_by("-recorded_at")
    latest = later.values_list("recorded_at", flat=True).first()
    if latest is None or latest <= image.header.last_activity_at:
        return image.header
    return replace(image.header, last_activity_at=latest)


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
