"""Bringing the files up to the database: on every commit, and for whatever no bell announced.

The database decides what ought to be on disk; the tail of the journal tells what is. Nothing here is remembered
between calls, so any process may drain any session at any time.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from heapq import merge as merge_sorted
from itertools import islice
from operator import attrgetter
from pathlib import Path

from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from sessions import conf, mapping, statements
from sessions.errors import DamagedLine, MirrorConflict, MirrorUnavailable
from sessions.models import Interaction, Merge, Mirrored, Profile, Session, Tombstone, UserMerge
from sessions.records import SessionRecord

from . import journal, quarantine, replay
from .codec import Entry
from .layout import Layout

# So many lines are held in memory and synced at once when a journal catches up.
_LINES_PER_APPEND = 500
log = logging.getLogger(__name__)


def layout() -> Layout:
    """The layout of the configured data directory."""
    return _layout(conf.data_dir())


@lru_cache(maxsize=16)
def _layout(root: Path) -> Layout:
    return Layout(root)


def drain_session(session_id: str, known: Sequence[Entry] = ()) -> None:
    """Bring one session's files up to its row.

    `known` may hold what the caller has just committed, in revision order; when the journal lacks exactly that,
    nothing is read back from the database. A new session's begins with its header. Raises MirrorUnavailable when the
    files could not be written.
    """
    places = layout()
    with _reporting(session_id), journal.hold(places, session_id):
        if not (known and _append_known(places, session_id, known)):
            _settle_session(places, session_id)


def drain_profile(user_id: str) -> None:
    """Bring one profile's journal up to its row. Raises MirrorUnavailable."""
    places = layout()
    path = places.profile(user_id)
    with _reporting(path.stem), journal.hold(places, path.stem):
        make_way(places, path, path.stem)
        profile = Profile.objects.filter(pk=user_id).first()
        if profile is None:
            journal.remove(path)
            return
        _catch_up(
            places,
            path,
            path.stem,
            profile.revision,
            lambda since: _lacking_profile(profile, since),
            lambda: _lacking_profile(profile, -1),
            confirmed=profile.mirrored_revision,
        )
        _mark(Profile, user_id, profile.revision)


def _lacking_profile(profile: Profile, since: int) -> list[Entry]:
    """What a profile's journal that stands at revision `since` lacks; the profile's own line ends it."""
    if since >= profile.revision:
        return []
    merges = UserMerge.objects.filter(absorbed_id=profile.pk, revision__gt=since, revision__lte=profile.revision)
    return [
        *(Entry(row.revision, mapping.user_merge_record(row)) for row in merges.order_by("revision", "id")),
        Entry(profile.revision, mapping.profile_record(profile)),
    ]


def drain_tombstone(session_id: str) -> None:
    """Write a purged session's tombstone file, then remove everything else there is of it. Raises MirrorUnavailable."""
    places = layout()
    with _reporting(session_id), journal.hold(places, session_id):
        tombstone = Tombstone.objects.filter(pk=session_id).first()
        if tombstone is None:
            return
        _settle_record(places, places.tombstone(session_id), session_id, Entry(1, mapping.tombstone_record(tombstone)))
        for path in (
            places.journal(session_id),
            places.trashed_journal(session_id),
            places.trash_record(session_id),
            places.document(session_id),
            places.old_document(session_id),
        ):
            _clear(places, path, session_id)
        quarantine.purge(places, session_id)
        Tombstone.objects.filter(pk=session_id).update(mirrored_at=timezone.now())


def drain_debt(limit: int) -> int:
    """Settle up to `limit` debts of each kind; return how many were. Raises MirrorUnavailable at the first failure."""
    sessions = list(Session.objects.in_mirror_debt().order_by().values_list("pk", flat=True)[:limit])
    profiles = list(Profile.objects.filter(revision__gt=F("mirrored_revision")).values_list("pk", flat=True)[:limit])
    tombstones = list(Tombstone.objects.filter(mirrored_at=None).values_list("pk", flat=True)[:limit])
    work: list[tuple[Callable[[str], None], str]] = [
        *((drain_session, pk) for pk in sessions),
        *((drain_profile, pk) for pk in profiles),
        *((drain_tombstone, pk) for pk in tombstones),
    ]
    failure: MirrorUnavailable | None = None
    settled = 0
    for drain, pk in work:
        try:
            drain(pk)
            settled += 1
        except MirrorUnavailable as error:
            # One session's broken file must not keep the others waiting.
            failure = error
    if failure:
        raise failure
    return settled


@contextmanager
def _reporting(key: str) -> Iterator[None]:
    """Turn what files and disks do into the one error that keeps an acknowledgement back."""
    try:
        yield
    except MirrorUnavailable:
        raise
    except (OSError, DamagedLine) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        log.error("mirror_unavailable", extra={"key": key, "reason": reason})
        raise MirrorUnavailable(
            f"The copy on disk of {key} could not be written ({reason}).",
            hint="Nothing is lost: the database has the change. Retry with the same idempotency key.",
        ) from error


def _append_known(places: Layout, session_id: str, known: Sequence[Entry]) -> bool:
    """Append what the caller holds if the journal lacks just that; False when it takes a look at the database."""
    path = places.journal(session_id)
    try:
        descriptor = journal.open_journal(path, os.O_RDWR)
    except FileNotFoundError:
        return _begin_journal(places, path, session_id, known)
    except DamagedLine:
        return False
    try:
        tail = journal.read_tail(descriptor)
        if tail.revision != known[0].revision - 1:
            return False
        journal.append(descriptor, tail, known)
    except DamagedLine:
        return False
    except journal.SyncFailed as error:
        _abandon(places, path, session_id, error)
        _settle_session(places, session_id)
        raise
    finally:
        os.close(descriptor)
    _mark(Session, session_id, known[-1].revision)
    return True


def _begin_journal(places: Layout, path: Path, session_id: str, known: Sequence[Entry]) -> bool:
    """Write a new session's journal from what the caller holds; False where that is not a beginning, or the session
    is no more what it was then."""
    if known[0].revision > 1 or not isinstance(known[0].record, SessionRecord):
        return False
    session = statements.find(Session, ("session_id", "trashed_at"), "session_id", session_id)
    if session is None or session.trashed_at is not None or _exists(places.trashed_journal(session_id)):
        return False
    make_way(places, path, session_id)
    journal.replace(path, known)
    _mark(Session, session_id, known[-1].revision)
    return True


def _settle_session(places: Layout, session_id: str) -> None:
    session = Session.objects.filter(pk=session_id).first()
    if session is None:
        return
    home, trash = places.journal(session_id), places.trashed_journal(session_id)
    for path in (home, trash):
        make_way(places, path, session_id)
    if session.trashed_at is None and not _exists(home) and _exists(trash):
        journal.move(trash, home)
    path = trash if session.trashed_at and not _exists(home) else home
    _catch_up(
        places,
        path,
        session_id,
        session.revision,
        lambda revision: lacking(session, revision),
        lambda: whole(session),
        rewritten_at=session.rewrite_revision,
        confirmed=session.mirrored_revision,
    )
    if session.trashed_at:
        _put_in_trash(places, session, path)
    else:
        _clear(places, places.trash_record(session_id), session_id)
    _mark(Session, session_id, session.revision)


def _put_in_trash(places: Layout, session: Session, path: Path) -> None:
    """The record first: a journal in the trash always has one. The journal itself is moved as it is."""
    record = mapping.trash_record(session)
    assert record is not None  # noqa: S101  (the caller looked)
    _settle_record(places, places.trash_record(session.pk), session.pk, Entry(session.revision, record))
    target = places.trashed_journal(session.pk)
    if path != target:
        if _exists(target):
            quarantine.quarantine(places, target, key=session.pk, reason="Another journal of the session came here.")
        journal.move(path, target)
    _clear(places, places.document(session.pk), session.pk)


def _catch_up(
    places: Layout,
    path: Path,
    key: str,
    revision: int,
    missing_after: Callable[[int], Iterable[Entry]],
    everything: Callable[[], Iterable[Entry]],
    *,
    rewritten_at: int = 0,
    confirmed: int = 0,
) -> None:
    """Append what the journal at `path` lacks, or write it anew where an append cannot do or the file is damaged.

    `confirmed` is the last revision that is known to be on the disk. Lines behind it may be a dead process's, never
    synced, and are waited for before anything is built upon them.
    """
    try:
        descriptor = journal.open_journal(path, os.O_RDWR)
    except FileNotFoundError:
        journal.replace(path, everything())
        return
    except (DamagedLine, PermissionError) as error:
        quarantine.quarantine(places, path, key=key, reason=str(error))
        journal.replace(path, everything())
        return
    try:
        tail = journal.read_tail(descriptor)
        if tail.revision > revision:
            raise MirrorConflict(
                f"The journal of {key} is at revision {tail.revision}, the database at {revision}.",
                hint="Nothing was changed. See `manage.py mirror verify`, then `mirror restore` or `mirror repair`.",
            )
        if rewritten_at > tail.revision:
            journal.replace(path, everything())
            return
        if tail.revision > confirmed:
            journal.confirm(descriptor, path)
        missing = iter(missing_after(tail.revision))
        while batch := list(islice(missing, _LINES_PER_APPEND)):
            tail = journal.append(descriptor, tail, batch)
    except DamagedLine as error:
        quarantine.quarantine(places, path, key=key, reason=str(error))
        journal.replace(path, everything())
    except journal.SyncFailed as error:
        _abandon(places, path, key, error)
        journal.replace(path, everything())
        raise
    finally:
        os.close(descriptor)


def _abandon(places: Layout, path: Path, key: str, error: OSError) -> None:
    """After a failed sync the kernel may have dropped pages that it calls clean: the file is not trusted again."""
    quarantine.quarantine(places, path, key=key, reason=f"The disk did not confirm a write: {error.strerror}")


def _settle_record(places: Layout, path: Path, key: str, entry: Entry) -> None:
    """A file of one record: written where it is missing or says something else; what does not verify is set aside."""
    make_way(places, path, key)
    if _exists(path):
        image = replay.read_image(path)
        if image.sound and entry.record in (image.trash, image.tombstone):
            return
        if not image.sound:
            quarantine.quarantine(places, path, key=key, reason=image.damages[0].reason)
    journal.replace(path, [entry])


def make_way(places: Layout, path: Path, key: str) -> None:
    """Set aside a link or a file that stands where the path's two-character folder belongs."""
    folder = path.parent
    if folder.is_dir(follow_symlinks=False) or not _exists(folder):
        return
    with journal.hold_file(places.folders_lock):
        # Another session of the same folder may have done it meanwhile.
        if _exists(folder) and not folder.is_dir(follow_symlinks=False):
            quarantine.quarantine(places, folder, key=key, reason="It stands where a folder belongs.")


def _clear(places: Layout, path: Path, key: str) -> None:
    """Remove a file of ours that is needed no more; a folder in its place is not ours and is set aside."""
    if path.is_dir(follow_symlinks=False):
        quarantine.quarantine(places, path, key=key, reason="A folder stands where a file belongs.")
    else:
        journal.remove(path)


def lacking(session: Session, since: int) -> Iterator[Entry]:
    """What a journal that stands at revision `since` lacks of this row's state, in revision order."""
    until = session.revision
    interactions = Interaction.objects.changed_after(session.pk, since).filter(revision__lte=until)
    merges = Merge.objects.filter(survivor_id=session.pk, revision__gt=since, revision__lte=until)
    return merge_sorted(
        [header(session)] if session.header_revision > since else [],
        (Entry(row.revision, mapping.merge_record(row)) for row in merges.order_by("revision", "id")),
        (Entry(row.revision, mapping.interaction_record(row)) for row in interactions.iterator(chunk_size=500)),
        key=attrgetter("revision"),
    )


def whole(session: Session) -> Iterator[Entry]:
    """A session's journal from its first line: the header opens it, and stands again where it changed last."""
    opening = header(session)
    entries = lacking(session, -1)
    first = next(entries, opening)
    if first.record != opening.record:
        yield Entry(0, opening.record)
    yield first
    yield from entries


def header(session: Session) -> Entry:
    """The session's header line as it stands in the database."""
    tags = session.tags.values_list("name", flat=True)
    return Entry(session.header_revision, mapping.session_record(session, tags))


def _mark(model: type[Mirrored], pk: str, revision: int) -> None:
    """Note how far the journal is. Lost marks are found out again, so the disk is not waited for."""
    try:
        statements.advance(model, "mirrored_revision", revision, pk)
    except DatabaseError as error:
        log.warning("mirror_mark_failed", extra={"key": pk, "reason": type(error).__name__})


def _exists(path: Path) -> bool:
    """Whether anything stands there, a dangling link included."""
    return path.exists(follow_symlinks=False)
