"""What each bulk verb does to one session, locked by the caller, and how that is taken back later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from sessions.models import Session
from sessions.records import JSON, Actor

from . import audit
from .begin import change_header
from .context import set_tags
from .life import hold_locked, release_locked, restore_locked, trash_locked

type Details = Mapping[str, JSON]


class Skip(Exception):
    """A session is left as it is; the message is the reason, as it is shown."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a verb does not fit a session: in words, for the database, and for a row."""

    words: str
    condition: Q
    applies: Callable[[Session], bool]


@dataclass(frozen=True, slots=True)
class Verb:
    """`do` changes a locked session and returns what `undo` needs; either raises Skip where there is nothing to do."""

    do: Callable[[Session, Details, Actor], Details]
    undo: Callable[[Session, Details, Actor], None]
    refusals: Sequence[Refusal]

    def check(self, session: Session) -> None:
        for refusal in self.refusals:
            if refusal.applies(session):
                raise Skip(refusal.words)


_MERGED = Refusal(
    "merged into another session", Q(merged_into__isnull=False), lambda row: row.merged_into_id is not None
)
_TRASHED = Refusal("in the trash", Q(trashed_at__isnull=False), lambda row: row.trashed_at is not None)
_NOT_TRASHED = Refusal("not in the trash", Q(trashed_at__isnull=True), lambda row: row.trashed_at is None)
_HELD = Refusal("held", Q(held_at__isnull=False), lambda row: row.held_at is not None)
_NOT_HELD = Refusal("not held", Q(held_at__isnull=True), lambda row: row.held_at is None)


def _trash(session: Session, parameters: Details, actor: Actor) -> Details:
    trash_locked(session, reason=str(parameters.get("reason", "")), actor=actor)
    return {"at": _told(session.trashed_at)}


def _take_back_trash(session: Session, details: Details, actor: Actor) -> None:
    _refuse_merged(session)
    if session.trashed_at is None:
        raise Skip("restored since")
    _refuse_other(session.trashed_at, details, "put into the trash again since")
    restore_locked(session, actor=actor)


def _restore(session: Session, parameters: Details, actor: Actor) -> Details:
    reason = session.trash_reason
    restore_locked(session, actor=actor)
    return {"reason": reason}


def _take_back_restore(session: Session, details: Details, actor: Actor) -> None:
    _refuse_merged(session)
    for refusal in (_TRASHED, _HELD):
        if refusal.applies(session):
            raise Skip(f"{refusal.words} since")
    trash_locked(session, reason=str(details.get("reason", "")), actor=actor)


def _hold(session: Session, parameters: Details, actor: Actor) -> Details:
    hold_locked(session, reason=str(parameters.get("reason", "")), actor=actor)
    return {"at": _told(session.held_at)}


def _take_back_hold(session: Session, details: Details, actor: Actor) -> None:
    _refuse_out_of_reach(session)
    if session.held_at is None:
        raise Skip("released since")
    _refuse_other(session.held_at, details, "held anew since")
    release_locked(session, actor=actor)


def _release(session: Session, parameters: Details, actor: Actor) -> Details:
    reason = session.hold_reason
    release_locked(session, actor=actor)
    return {"reason": reason}


def _take_back_release(session: Session, details: Details, actor: Actor) -> None:
    _refuse_out_of_reach(session)
    if session.held_at is not None:
        raise Skip("held anew since")
    hold_locked(session, reason=str(details.get("reason", "")), actor=actor)


def _tag(session: Session, parameters: Details, actor: Actor) -> Details:
    return {"names": _add_tags(session, parameters["tags"], actor, "has the tag already")}


def _untag(session: Session, parameters: Details, actor: Actor) -> Details:
    return {"names": _remove_tags(session, parameters["tags"], actor, "does not have the tag")}


def _take_back_tag(session: Session, details: Details, actor: Actor) -> None:
    _refuse_out_of_reach(session)
    _remove_tags(session, details["names"], actor, "lost the tag since")


def _take_back_untag(session: Session, details: Details, actor: Actor) -> None:
    _refuse_out_of_reach(session)
    _add_tags(session, details["names"], actor, "got the tag again since")


def _add_tags(session: Session, names: Sequence[str], actor: Actor, otherwise: str) -> list[str]:
    """Give a session tags and return those that it did not have. Not activity: nobody used the conversation."""
    present = set(session.tags.values_list("name", flat=True))
    added = sorted(set(names) - present)
    if not added:
        raise Skip(otherwise)
    set_tags(session, present | set(added))
    change_header(session)
    audit.record(actor, "tags_added", session.pk, tags=added)
    return added


def _remove_tags(session: Session, names: Sequence[str], actor: Actor, otherwise: str) -> list[str]:
    present = set(session.tags.values_list("name", flat=True))
    removed = sorted(set(names) & present)
    if not removed:
        raise Skip(otherwise)
    set_tags(session, present - set(removed))
    change_header(session)
    audit.record(actor, "tags_removed", session.pk, tags=removed)
    return removed


def _refuse_merged(session: Session) -> None:
    if session.merged_into_id is not None:
        raise Skip("merged into another session since")


def _refuse_out_of_reach(session: Session) -> None:
    _refuse_merged(session)
    if session.trashed_at is not None:
        raise Skip("put into the trash since")


def _refuse_other(moment: datetime, details: Details, otherwise: str) -> None:
    """What was done may have been taken back by hand and done again, by somebody who meant it."""
    if _told(moment) != details.get("at"):
        raise Skip(otherwise)


def _told(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


VERBS = {
    "trash": Verb(_trash, _take_back_trash, (_MERGED, _TRASHED, _HELD)),
    "restore": Verb(_restore, _take_back_restore, (_MERGED, _NOT_TRASHED)),
    "hold": Verb(_hold, _take_back_hold, (_MERGED, _TRASHED, _HELD)),
    "release": Verb(_release, _take_back_release, (_MERGED, _TRASHED, _NOT_HELD)),
    "tag": Verb(_tag, _take_back_tag, (_MERGED, _TRASHED)),
    "untag": Verb(_untag, _take_back_untag, (_MERGED, _TRASHED)),
}
