"""Making both copies whole: what the database lacks is loaded, what the files lack is written, damage is mended.

Walks one two-character folder after the other, so memory does not grow with the store.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from django.db.models.functions import Substr

from sessions.errors import DamagedLine, MirrorConflict, SessionsiteError
from sessions.models import Profile, Session, Tombstone

from . import drain, load, quarantine, replay
from .layout import JOURNAL_SUFFIX, Layout, is_safe_id

log = logging.getLogger(__name__)
_EVERY = 500

type Progress = Callable[[str], None]


@dataclass(slots=True)
class Reconciled:
    """What was done, in sessions unless the name says otherwise. `conflicts` name what both copies tell differently."""

    checked: int = 0
    loaded: int = 0
    loaded_interactions: int = 0
    salvaged: int = 0
    caught_up: int = 0
    written: int = 0
    quarantined: int = 0
    profiles: int = 0
    tombstones: int = 0
    conflicts: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        return self.loaded + self.salvaged + self.caught_up + self.written + self.profiles + self.tombstones


def reconcile(places: Layout, progress: Progress) -> Reconciled:
    """Make both copies whole. Picks neither where they truly disagree; raises nothing for a single bad file."""
    done = Reconciled()
    for room in (places.sessions, places.trash, places.tombstones, places.profiles):
        _set_foreign_folders_aside(places, room, done)
    _load_tombstones(places, done)
    for prefix in _prefixes(places):
        _reconcile_shard(places, prefix, done, progress)
    _reconcile_profiles(places, done)
    for tombstone in Tombstone.objects.iterator(chunk_size=_EVERY):
        if tombstone.mirrored_at is None or not places.tombstone(tombstone.pk).is_file():
            _attempt(done, tombstone.pk, drain.drain_tombstone)
    # A survivor that was loaded may have claimed what an absorbed session, loaded before it, still held.
    for session_id in list(Session.objects.in_mirror_debt().order_by().values_list("pk", flat=True)):
        _attempt(done, session_id, drain.drain_session)
    log.info(
        "mirror_reconciled",
        extra={"checked": done.checked, "loaded": done.loaded, "written": done.written, "salvaged": done.salvaged},
    )
    return done


def _set_foreign_folders_aside(places: Layout, room: Path, done: Reconciled) -> None:
    """A link in place of a two-character folder is never followed."""
    if room.is_dir():
        for path in sorted(room.iterdir()):
            if path.is_symlink() and path.suffix != ".json":
                _try(done, path.name, drain.make_way, places, path / "any", path.name)
                done.quarantined += not path.is_symlink()


def _prefixes(places: Layout) -> list[str]:
    """The first two characters of every session that either copy knows."""
    known = Session.objects.order_by().annotate(prefix=Substr("session_id", 1, 2))
    prefixes = set(known.values_list("prefix", flat=True).distinct())
    for folder in (places.sessions, places.trash):
        if folder.is_dir():
            prefixes.update(path.name for path in folder.iterdir() if path.is_dir(follow_symlinks=False))
    return sorted(prefix for prefix in prefixes if is_safe_id(prefix))


def _reconcile_shard(places: Layout, prefix: str, done: Reconciled, progress: Progress) -> None:
    rooms = (places.sessions, places.trash)
    on_disk = {name for folder in rooms for name in _journals(places, folder / prefix, done)}
    rows = Session.objects.filter(session_id__startswith=prefix).order_by()
    known = {row.pk: row for row in rows.only("pk", "revision", "trashed_at").iterator() if row.pk[:2] == prefix}
    for session_id in sorted(on_disk | known.keys()):
        done.checked += 1
        if done.checked % _EVERY == 0:
            progress(f"{done.checked} sessions checked, {done.changed} mended")
        if session_id not in known:
            _try(done, session_id, _load, places, session_id, done)
        elif session_id not in on_disk:
            done.written += _attempt(done, session_id, drain.drain_session)
        else:
            _compare_tails(places, known[session_id], done)


def _journals(places: Layout, folder: Path, done: Reconciled) -> Iterator[str]:
    """The IDs of the journals in a folder. One in a folder that is not its own is set aside: nobody would find it."""
    if not folder.is_dir(follow_symlinks=False):
        return
    for path in sorted(folder.iterdir()):
        if path.suffix != JOURNAL_SUFFIX:
            continue
        if is_safe_id(path.stem) and path.stem[:2] == folder.name:
            yield path.stem
        else:
            reason = "No session's journal stands under this name in this folder."
            _try(done, path.stem, quarantine.quarantine, places, path, key=path.stem, reason=reason)
            done.quarantined += 1


def _load(places: Layout, session_id: str, done: Reconciled) -> None:
    _count_loaded(load.load_session(places, session_id), done)


def _count_loaded(loaded: load.Loaded, done: Reconciled) -> None:
    if loaded.survivor is not None:
        _count_loaded(loaded.survivor, done)
    done.loaded_interactions += loaded.interactions
    match loaded.outcome:
        case "loaded":
            done.loaded += 1
            if Session.objects.in_mirror_debt().filter(pk=loaded.key).exists():
                _attempt(done, loaded.key, drain.drain_session)
        case "salvaged":
            done.salvaged += 1
            done.quarantined += 1
            _attempt(done, loaded.key, drain.drain_session)
        case "unreadable":
            done.quarantined += 1
        case "purged":
            done.conflicts.append(f"{loaded.key}: a journal stands although the session was purged")


def _compare_tails(places: Layout, session: Session, done: Reconciled) -> None:
    """Bring whichever copy is behind up to the other."""
    path = places.trashed_journal(session.pk) if session.trashed_at else places.journal(session.pk)
    try:
        revision = replay.read_tail(path).revision
    except FileNotFoundError:
        # It may stand in the other room.
        _attempt(done, session.pk, drain.drain_session)
        return
    except (OSError, DamagedLine):
        if _is_ahead(path, session):
            done.conflicts.append(f"{session.pk}: the journal is damaged and holds what the database lacks")
        else:
            # The drain quarantines and writes anew from the database.
            written = _attempt(done, session.pk, drain.drain_session)
            done.written += written
            done.quarantined += written
        return
    if revision < session.revision:
        _attempt(done, session.pk, drain.drain_session)
    elif revision > session.revision:
        try:
            done.loaded_interactions += load.catch_up_session(places, session.pk)
            done.caught_up += 1
        except MirrorConflict as conflict:
            done.conflicts.append(conflict.message)


def _is_ahead(path: Path, session: Session) -> bool:
    """Whether the sound lines of a damaged journal go beyond the row: then it is more than a broken copy."""
    try:
        return replay.read_image(path, replay.fingerprint).revision > session.revision
    except OSError:
        return False


def _reconcile_profiles(places: Layout, done: Reconciled) -> None:
    rows = Profile.objects.only("pk", "revision")
    known = {places.profile(row.pk).stem: (row.pk, row.revision) for row in rows.iterator(chunk_size=_EVERY)}
    on_disk = dict(load.journal_files(places.profiles))
    for name in sorted(on_disk.keys() | known.keys()):
        user_id, revision = known.get(name, ("", -1))
        if name in on_disk and _tail_revision(on_disk[name]) > revision:
            _try(done, name, _load_profile, places, name, done)
        elif user_id:
            _attempt(done, user_id, drain.drain_profile)
        else:
            _try(done, name, _load_profile, places, name, done)


def _tail_revision(path: Path) -> int:
    try:
        return replay.read_tail(path).revision
    except (OSError, DamagedLine):
        return -1


def _load_profile(places: Layout, name: str, done: Reconciled) -> None:
    loaded = load.load_profile(places, name)
    done.profiles += loaded.outcome != "unreadable"
    done.quarantined += loaded.outcome != "loaded"


def _load_tombstones(places: Layout, done: Reconciled) -> None:
    known = set(Tombstone.objects.values_list("pk", flat=True))
    for session_id, path in load.journal_files(places.tombstones):
        if session_id in known:
            continue
        if is_safe_id(session_id) and Session.objects.filter(pk=session_id).exists():
            done.conflicts.append(f"{session_id}: a tombstone stands although the database has the session")
        elif not is_safe_id(session_id) or path != places.tombstone(session_id):
            reason = "No tombstone stands under this name in this folder."
            _try(done, session_id, quarantine.quarantine, places, path, key=path.stem, reason=reason)
            done.quarantined += 1
        else:
            _try(done, session_id, _load_tombstone, places, session_id, done)


def _load_tombstone(places: Layout, session_id: str, done: Reconciled) -> None:
    loaded = load.load_tombstone(places, session_id)
    done.tombstones += loaded.outcome == "loaded"
    done.quarantined += loaded.outcome == "unreadable"


def _attempt(done: Reconciled, key: str, drain_one: Callable[[str], None]) -> bool:
    return _try(done, key, drain_one, key)


def _try(done: Reconciled, name: str, act: Callable[..., object], /, *args: Any, **named: Any) -> bool:
    """Whether an act went through; what one file or row makes fail is named, and the others are gone on with."""
    try:
        act(*args, **named)
    except (SessionsiteError, OSError, DatabaseError, ValueError, OverflowError) as error:
        reason = error.message if isinstance(error, SessionsiteError) else f"{type(error).__name__}: {error}"
        done.failures.append(f"{name}: {reason}")
        log.error("reconcile_failed", extra={"key": ascii(name), "reason": type(error).__name__})
        return False
    return True
