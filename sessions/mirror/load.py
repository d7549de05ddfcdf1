"""Bringing the database up to the files: sessions, profiles and tombstones that it lacks, journals that are ahead."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils import timezone

from sessions import mapping, validation
from sessions.errors import InvalidInput, MirrorConflict
from sessions.models import Interaction, Profile, Session, Tombstone, UserMerge
from sessions.records import SessionRecord

from . import drain, insert, journal, quarantine, replay
from .layout import JOURNAL_SUFFIX, Layout, is_safe_id
from .replay import Image

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file: `outcome` is "loaded", "salvaged", "unreadable", "purged", "known" or "gone".

    `survivor` is what became of the session that it leads to, where that was loaded first.
    """

    key: str
    outcome: str
    interactions: int = 0
    damaged_lines: int = 0
    survivor: "Loaded | None" = None


def journal_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The journals below a folder, by name; whatever else stands there is passed over."""
    if not folder.is_dir():
        return
    for shard in sorted(path for path in folder.iterdir() if path.is_dir(follow_symlinks=False)):
        for path in sorted(shard.iterdir()):
            if path.suffix == JOURNAL_SUFFIX:
                yield path.stem, path


def load_session(places: Layout, session_id: str, *, on_the_way: frozenset[str] = frozenset()) -> Loaded:
    """Load a session that the database lacks from its journal, wherever that stands.

    What verifies is loaded. A file that does not wholly verify goes to the quarantine as it is and is written anew
    from what could be loaded. A session that it was merged into is loaded first; `on_the_way` are those that wait
    for this one, so that files which name each other end.
    """
    path = places.journal(session_id)
    if not path.exists(follow_symlinks=False):
        path = places.trashed_journal(session_id)
    try:
        with journal.hold(places, session_id):
            image = replay.read_image(path)
    except FileNotFoundError:
        return Loaded(session_id, "gone")
    reason = insert.unusable(session_id, image)
    header = image.header
    if header is None or reason:
        _set_aside(places, path, session_id, reason)
        return Loaded(session_id, "unreadable", damaged_lines=len(image.damages))
    if Tombstone.objects.filter(pk=session_id).exists():
        return Loaded(session_id, "purged")
    survivor = _load_survivor_first(places, header, on_the_way | {session_id})
    try:
        with transaction.atomic(durable=True):
            if Session.objects.filter(pk=session_id).exists():
                return Loaded(session_id, "known")
            in_trash = path == places.trashed_journal(session_id)
            count = insert.insert_image(places, image, header, in_trash=in_trash)
    except IntegrityError:
        # Another process loads at the same time; where it did not, the error is the file's.
        if not Session.objects.filter(pk=session_id).exists():
            raise
        return Loaded(session_id, "known")
    if not image.sound:
        _set_aside(places, path, session_id, image.damages[0].reason)
    return Loaded(session_id, "loaded" if image.sound else "salvaged", count, len(image.damages), survivor)


def catch_up_session(places: Layout, session_id: str) -> int:
    """Add to a session what its journal has beyond the row; return how many interactions came.

    Raises MirrorConflict, leaving both copies as they are, when the journal is not a continuation of the row.
    """
    with journal.hold(places, session_id), transaction.atomic(durable=True):
        row, image = _row_and_image(places, session_id)
        reason = insert.unusable(session_id, image)
        if image.header is None or reason or not image.sound:
            raise MirrorConflict(f"The journal of {session_id} is ahead of the database and does not verify.")
        mine = {
            one.pk: replay.fingerprint(mapping.interaction_record(one))
            for one in Interaction.objects.of(session_id).iterator(chunk_size=_BATCH)
        }
        for key, known in mine.items():
            if key not in image.interactions or replay.fingerprint(image.interactions[key][1]) != known:
                raise MirrorConflict(f"The journal of {session_id} and the database hold different interactions.")
        insert.remove_rows(row)
        return insert.insert_image(places, image, image.header, in_trash=row.trashed_at is not None) - len(mine)


def replace_session(places: Layout, session_id: str) -> int:
    """Let the journal's version stand: only when somebody decided so. Returns the number of interactions.

    The row's version is kept in the quarantine, as the journal that it would have been; so is a journal that does
    not wholly verify. Raises MirrorConflict when it cannot be read at all.
    """
    with journal.hold(places, session_id):
        with transaction.atomic(durable=True):
            row, image = _row_and_image(places, session_id)
            reason = insert.unusable(session_id, image)
            if image.header is None or reason:
                raise MirrorConflict(f"The journal of {session_id} cannot be read; the database's version was kept.")
            quarantine.keep(
                places,
                journal.encoded(drain.whole(row)),
                key=session_id,
                came_from="the database",
                reason="Somebody decided for the journal's version.",
            )
            insert.remove_rows(row)
            count = insert.insert_image(places, image, image.header, in_trash=row.trashed_at is not None)
        if not image.sound:
            _set_aside(places, _home(places, row), session_id, image.damages[0].reason)
    return count


def load_profile(places: Layout, name: str) -> Loaded:
    """Load a profile that the database lacks, or has in an older version.

    A file that does not verify is set aside; what could be read of it is loaded all the same.
    """
    path = places.profiles / name[:2] / (name + JOURNAL_SUFFIX)
    with journal.hold(places, name):
        image = replay.read_image(path)
        profile, reason = image.profile, _why_no_profile(places, path, image)
        if profile is None or reason:
            _set_aside(places, path, name, reason)
            return Loaded(name, "unreadable", damaged_lines=len(image.damages))
        row = mapping.profile_row(profile, image.revision)
        row.mirrored_revision = image.revision if image.sound else 0
        if not image.sound:
            _set_aside(places, path, name, image.damages[0].reason)
        with transaction.atomic(durable=True):
            Profile.objects.filter(pk=row.pk, revision__lt=row.revision)._raw_delete(Profile.objects.db)
            if not Profile.objects.filter(pk=row.pk).exists():
                _insert_profile(row, image)
    return Loaded(name, "loaded" if image.sound else "salvaged", damaged_lines=len(image.damages))


def _insert_profile(row: Profile, image: Image) -> None:
    UserMerge.objects.filter(absorbed_id=row.pk).delete()
    UserMerge.objects.bulk_create(
        [mapping.user_merge_row(merge, revision) for revision, merge in image.user_merges.values()],
        ignore_conflicts=True,
    )
    Profile.objects.bulk_create([row], ignore_conflicts=True)


def load_tombstone(places: Layout, session_id: str) -> Loaded:
    """Load a tombstone that the database lacks."""
    path = places.tombstone(session_id)
    image = replay.read_image(path)
    reason = _why_no_tombstone(session_id, image)
    if image.tombstone is None or reason:
        _set_aside(places, path, session_id, reason)
        return Loaded(session_id, "unreadable", damaged_lines=len(image.damages))
    row = mapping.tombstone_row(image.tombstone)
    row.mirrored_at = timezone.now()
    Tombstone.objects.bulk_create([row], ignore_conflicts=True)
    return Loaded(session_id, "loaded")


def _home(places: Layout, row: Session) -> Path:
    return places.trashed_journal(row.pk) if row.trashed_at else places.journal(row.pk)


def _row_and_image(places: Layout, session_id: str) -> tuple[Session, Image]:
    """A session's row, locked, and what its journal says. Raises MirrorConflict where either is missing."""
    row = Session.objects.select_for_update().filter(pk=session_id).first()
    if row is None:
        raise MirrorConflict(f"The database has no session {session_id}.")
    try:
        return row, replay.read_image(_home(places, row))
    except OSError as error:
        raise MirrorConflict(f"The journal of {session_id} cannot be read: {error.strerror}.") from error


def _why_no_profile(places: Layout, path: Path, image: Image) -> str:
    if image.profile is None:
        return image.damages[0].reason if image.damages else "It has no profile line."
    try:
        validation.stored_profile(image.profile)
        for _, merge in image.user_merges.values():
            validation.stored_user_merge(merge, absorbed_id=image.profile.user_id)
    except InvalidInput as error:
        return str(error)
    return "" if places.profile(image.profile.user_id) == path else "It is another user's profile."


def _why_no_tombstone(session_id: str, image: Image) -> str:
    if image.tombstone is None:
        return image.damages[0].reason if image.damages else "It has no tombstone line."
    if image.tombstone.session_id != session_id or not is_safe_id(session_id):
        return "It is another session's."
    try:
        validation.stored_tombstone(image.tombstone)
    except InvalidInput as error:
        return str(error)
    return ""


def _load_survivor_first(places: Layout, header: SessionRecord, on_the_way: frozenset[str]) -> Loaded | None:
    target = header.merged_into
    if target is None or target in on_the_way or not is_safe_id(target):
        return None
    if not Session.objects.filter(pk=target).exists() and (
        places.journal(target).exists() or places.trashed_journal(target).exists()
    ):
        return load_session(places, target, on_the_way=on_the_way)
    return None


def _set_aside(places: Layout, path: Path, key: str, reason: str) -> None:
    quarantine.quarantine(places, path, key=key, reason=reason)


__all__ = [
    "Loaded",
    "catch_up_session",
    "journal_files",
    "load_profile",
    "load_session",
    "load_tombstone",
    "replace_session",
]
