"""Hold, trash, restore, purge: a single session's way through its life."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from sessions import validation
from sessions.analytics import tally
from sessions.database import LedElsewhere, releasing_locks
from sessions.errors import AlreadyHeld, Conflict, NotFound, SessionTrashed
from sessions.models import Interaction, Merge, Session, SessionModel, SessionTag, Tombstone
from sessions.records import Actor

from . import audit
from .begin import change_header, take_out_of_trash
from .find import get_session, lock_rows, lock_session

log = logging.getLogger(__name__)


def hold_session(session_id: str, *, reason: str = "", replace: bool = True, actor: Actor) -> Session:
    """Exempt a session from every cleanup until released. A session in the trash is refused: restore it first.

    One that is held already is held anew, for this reason; without `replace` that raises AlreadyHeld.
    """
    validation.text("reason", reason, longest=validation.MAX_TITLE_CHARACTERS)
    with transaction.atomic(durable=True):
        session = _lock_live(session_id)
        if session.held_at is not None and not replace:
            by, why = (
                f" by {session.held_by}" * bool(session.held_by),
                f": {session.hold_reason}" * bool(session.hold_reason),
            )
            raise AlreadyHeld(f"It is held already{by}{why}.", hint="That hold stays as it is.")
        hold_locked(session, reason=reason, actor=actor)
    log.info("session_held", extra={"session_id": session.pk, "face": actor.face})
    return session


def release_hold(session_id: str, *, actor: Actor) -> Session:
    """End a hold. The scheduled cleanup counts anew from now, so that nothing vanishes the same night."""
    with transaction.atomic(durable=True):
        session = _lock_live(session_id)
        release_locked(session, actor=actor)
    log.info("session_released", extra={"session_id": session.pk, "face": actor.face})
    return session


def trash_session(session_id: str, *, reason: str = "", actor: Actor) -> Session:
    """Put a session into the trash; its journal moves there as it is. Raises Conflict for a held one."""
    validation.text("reason", reason, longest=validation.MAX_TITLE_CHARACTERS)
    with transaction.atomic(durable=True):
        session = lock_session(session_id)
        if session.held_at is not None:
            raise Conflict(f"Session {session.pk!r} is held.", hint="Release the hold first.")
        if session.trashed_at is None:
            trash_locked(session, reason=reason, actor=actor)
    log.info("session_trashed", extra={"session_id": session.pk, "face": actor.face})
    return session


def restore_session(session_id: str, *, actor: Actor) -> Session:
    """Take a session out of the trash, byte for byte as it went in. One that is not there is left as it is."""
    with transaction.atomic(durable=True):
        session = lock_session(session_id)
        if session.trashed_at is not None:
            restore_locked(session, actor=actor)
    log.info("session_restored", extra={"session_id": session.pk, "face": actor.face})
    return session


def restore_sessions(session_ids: Iterable[str], *, actor: Actor) -> int:
    """Restore several sessions, each in a transaction of its own; return how many came out of the trash.

    What is not in the trash any more, or not there at all, is passed over.
    """
    restored = 0
    for session_id in dict.fromkeys(session_ids):
        with suppress(NotFound):
            if get_session(session_id).trashed_at is not None:
                restore_session(session_id, actor=actor)
                restored += 1
    return restored


def purge_sessions(session_ids: Iterable[str], *, actor: Actor) -> int:
    """Purge several sessions, each in a transaction of its own; return how many were purged.

    What is not in the trash any more, or not there at all, is passed over.
    """
    purged = 0
    for session_id in dict.fromkeys(session_ids):
        with suppress(NotFound, Conflict):
            purge_session(session_id, actor=actor)
            purged += 1
    return purged


# The same for a session that the caller has locked, and has seen to be fit.


def hold_locked(session: Session, *, reason: str, actor: Actor) -> None:
    session.held_at = timezone.now()
    session.held_by = actor.name[:255]
    session.hold_reason = reason
    change_header(session)
    audit.record(actor, "session_held", session.pk, reason=reason)


def release_locked(session: Session, *, actor: Actor) -> None:
    session.held_at = None
    session.held_by = session.hold_reason = ""
    session.settled_at = timezone.now()
    change_header(session)
    audit.record(actor, "session_released", session.pk)


def trash_locked(session: Session, *, reason: str, actor: Actor) -> None:
    session.trashed_at = timezone.now()
    session.trashed_by = actor.name[:255]
    session.trash_reason = reason
    session.raise_revision()
    session.save()
    audit.record(actor, "session_trashed", session.pk, reason=reason)


def restore_locked(session: Session, *, actor: Actor) -> None:
    take_out_of_trash(session)
    session.raise_revision()
    session.save()
    audit.record(actor, "session_restored", session.pk)


def purge_session(session_id: str, *, reason: str = "", actor: Actor) -> Tombstone:
    """Delete a trashed session for good, with all that it absorbed; tombstones remain.

    Raises Conflict for a session that is not in the trash.
    """
    validation.text("reason", reason, longest=validation.MAX_TITLE_CHARACTERS)
    with transaction.atomic(durable=True):
        family = lock_family(get_session(session_id).pk)
        if family[0].trashed_at is None:
            raise Conflict(
                f"Session {family[0].pk!r} is not in the trash.", hint="Only what lies in the trash can be purged."
            )
        tombstone = purge_locked(family, reason=reason, actor=actor)
    log.info("session_purged", extra={"session_id": tombstone.pk, "face": actor.face})
    return tombstone


def lock_family(session_id: str) -> list[Session]:
    """A session, locked, and behind it all that it absorbed, however deep; their former survivors are locked too."""
    while True:
        with suppress(LedElsewhere), releasing_locks():
            names = _family(session_id)
            former = Merge.objects.filter(absorbed_id__in=names).values_list("survivor_id", flat=True)
            rows = lock_rows({*names, *Session.objects.filter(pk__in=former).values_list("pk", flat=True)})
            if _family(session_id) == names:
                return [rows[name] for name in names]
            raise LedElsewhere


def _family(session_id: str) -> list[str]:
    names = [session_id]
    for name in names:
        absorbed = Session.objects.filter(merged_into=name).exclude(pk__in=names).order_by("pk")
        names.extend(absorbed.values_list("pk", flat=True))
    return names


def purge_locked(family: Sequence[Session], *, reason: str, actor: Actor) -> Tombstone:
    """Replace a locked session, and all that it absorbed, by tombstones; return its own."""
    head, *absorbed = family
    for session in reversed(absorbed):
        _bury(session, reason=reason or f"absorbed by {head.pk}", actor=actor)
    return _bury(head, reason=reason or head.trash_reason, actor=actor)


def _bury(session: Session, *, reason: str, actor: Actor) -> Tombstone:
    _forget_merges(session.pk)
    tombstone = Tombstone(
        pk=session.pk,
        purged_by=actor.name[:255],
        reason=reason,
        interaction_count=session.interaction_count,
    )
    tally.subtract(Interaction.objects.filter(session=session))
    Interaction.objects.filter(session=session).unordered_delete()
    SessionTag.objects.filter(session=session).delete()
    SessionModel.objects.filter(session=session).delete()
    Session.objects.filter(pk=session.pk)._raw_delete(session._state.db)
    tombstone.save(force_insert=True)
    audit.record(actor, "session_purged", tombstone.pk, interactions=tombstone.interaction_count)
    return tombstone


def _forget_merges(session_id: str) -> None:
    """Drop the merge records that quote the session's context, from former survivors' journals too.

    A survivor's other undone merges may quote it as the survivor's own; what they say is needed no more.
    """
    absorbed_by = Merge.objects.filter(absorbed_id=session_id)
    for survivor in Session.objects.filter(pk__in=absorbed_by.values("survivor_id")):
        survivor.rewrite_revision = survivor.raise_revision()
        Merge.objects.filter(survivor_id=survivor.pk, undone_at__isnull=False).update(
            survivor_before={}, survivor_after={}, choices={}, revision=survivor.revision
        )
        survivor.save()
    absorbed_by.delete()
    Merge.objects.filter(survivor_id=session_id).delete()


def _lock_live(session_id: str) -> Session:
    session = lock_session(session_id)
    if session.trashed_at is not None:
        raise SessionTrashed(f"Session {session.pk!r} lies in the trash.", hint="Restore it first.")
    return session
