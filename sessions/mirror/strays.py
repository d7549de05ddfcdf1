"""Files that nothing in the database answers for, and tombstones that the two copies do not share. Changes nothing."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sessions import mapping
from sessions.models import Profile, Session, Tombstone

from . import load
from .layout import DOCUMENT_SUFFIX, JOURNAL_SUFFIX, TEMPORARY_PREFIX, TRASH_SUFFIX, Layout, is_safe_id
from .verify import Finding, finding, image_of

# Nobody writes one file for so long.
_UNFINISHED_SECONDS = 60
_NAMES_A_QUERY = 500


def verify_strays(places: Layout) -> Iterator[Finding]:
    """What stands in the mirror's folders and should not."""
    for room in (places.sessions, places.trash, places.tombstones, places.profiles):
        yield from _verify_folders(places, room)
    for room in (places.sessions, places.trash):
        for shard in _folders(room):
            yield from _verify_folder(places, room, shard)
    yield from _verify_profiles(places)
    yield from _verify_tombstones(places)


def _folders(room: Path) -> list[Path]:
    if not room.is_dir():
        return []
    return sorted(path for path in room.iterdir() if path.is_dir(follow_symlinks=False))


def _verify_folders(places: Layout, room: Path) -> Iterator[Finding]:
    if not room.is_dir():
        return
    for path in sorted(room.iterdir()):
        old_document = room == places.sessions and path.suffix == DOCUMENT_SUFFIX
        if not path.is_dir(follow_symlinks=False) and not old_document:
            yield finding(places, "unknown", path.name, path, "It stands where only folders of the store belong.")
    for path in sorted(room.glob(f"*/{TEMPORARY_PREFIX}*")):
        if _age_seconds(path) > _UNFINISHED_SECONDS:
            yield finding(places, "leftover", path.name, path, "A write that never finished; nobody was promised it.")


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0


def _verify_folder(places: Layout, room: Path, shard: Path) -> Iterator[Finding]:
    paths = sorted(path for path in shard.iterdir() if not path.name.startswith(TEMPORARY_PREFIX))
    for start in range(0, len(paths), _NAMES_A_QUERY):
        batch = paths[start : start + _NAMES_A_QUERY]
        names = [path.stem for path in batch if is_safe_id(path.stem)]
        trashed = dict(Session.objects.filter(pk__in=names).values_list("pk", "trashed_at"))
        for path in batch:
            if reason := _why_stray(places, room, path, trashed):
                yield finding(places, "unknown", path.stem, path, reason)


def _why_stray(places: Layout, room: Path, path: Path, trashed: Mapping[str, object]) -> str:
    in_trash = room == places.trash
    suffixes = (JOURNAL_SUFFIX, TRASH_SUFFIX) if in_trash else (JOURNAL_SUFFIX, DOCUMENT_SUFFIX)
    if path.suffix not in suffixes or not is_safe_id(path.stem) or path.stem[:2] != path.parent.name:
        return "This is no file of the store."
    if path.stem not in trashed:
        # A document whose session is gone is adopted by the next start.
        return "" if path.suffix == DOCUMENT_SUFFIX else "No session in the database answers for this file."
    if (trashed[path.stem] is not None) != in_trash:
        return "The session's files belong into the other room."
    return ""


def _verify_profiles(places: Layout) -> Iterator[Finding]:
    names = {places.profile(user_id).stem for user_id in Profile.objects.values_list("pk", flat=True)}
    for name, path in load.journal_files(places.profiles):
        if name not in names or path.parent.name != name[:2]:
            yield finding(places, "unknown", name, path, "No profile in the database answers for this file.")


def _verify_tombstones(places: Layout) -> Iterator[Finding]:
    for session_id, path in load.journal_files(places.tombstones):
        image = yield from image_of(places, path, session_id)
        row = Tombstone.objects.filter(pk=session_id).first() if is_safe_id(session_id) else None
        if row is None:
            yield finding(places, "unknown", session_id, path, "The database does not know this tombstone.")
        elif image is not None and image.sound and image.tombstone != mapping.tombstone_record(row):
            yield finding(places, "damaged", session_id, path, "It is not this session's tombstone.")
    for tombstone in Tombstone.objects.filter(mirrored_at__isnull=False):
        path = places.tombstone(tombstone.pk)
        if not path.exists(follow_symlinks=False):
            yield finding(places, "missing", tombstone.pk, path, "There is no tombstone file.")
