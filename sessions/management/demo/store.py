"""Bringing the sample conversations into the store, and taking exactly them out again.

A purged ID is never used again, so each filling after a removal is a new round with IDs of its own: `demo-name`,
then `demo-name-2`. Within a round, what is there is left as it is, whatever somebody did to it since, and what
somebody purged stays purged.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from sessions import actions
from sessions.actions import ImportReport
from sessions.models import Interaction, Profile, Session, Tombstone
from sessions.records import Actor, Face, InteractionDraft

from .cast import PROFILES
from .drafts import KEY_PREFIX, events, interactions
from .transcript import Conversation, conversations

ACTOR = Actor("demo", Face.COMMAND)
_REMOVED = "sample data removed"
type Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Filled:
    """What filling did: IDs made now, there before, and purged by somebody; `ids` has all by conversation name."""

    conversations: Sequence[Conversation]
    ids: Mapping[str, str]
    created: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)
    interactions: int = 0


@dataclass(slots=True)
class Removed:
    """What a removal did: IDs purged, and by ID why one was left."""

    purged: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def fill(*, now: datetime, progress: Progress) -> Filled:
    """Add what is missing. Each conversation is one transaction; a hold, the trash or a merge follows right after.

    Those come to conversations alone that this call made: what was released, restored or parted again stays so.
    """
    samples = conversations()
    filled = Filled(samples, _current_ids([sample.name for sample in samples]))
    taken = _rows(filled.ids.values())
    purged = _tombstones(filled.ids.values())
    drafts: dict[str, list[InteractionDraft]] = {}
    for number, sample in enumerate(samples, start=1):
        session_id, ended_at = filled.ids[sample.name], _ended_at(sample, now)
        shared = drafts[sample.fork_of][: sample.fork_pieces] if sample.fork_of else []
        drafts[sample.name] = [*shared, *interactions(sample, ended_at)]
        if session_id in taken or session_id in purged:
            (filled.present if session_id in taken else filled.purged).append(session_id)
            continue
        _add_preferences(sample.user)
        report = ImportReport()
        actions.import_events(events(sample, session_id, drafts[sample.name], ended_at), actor=ACTOR, report=report)
        filled.created.append(session_id)
        filled.interactions += report.added
        _live_on(sample, filled)
        progress(number, len(samples))
    return filled


def remove(*, progress: Progress) -> Removed:
    """Purge the samples of all rounds, through the trash; one that holds anything else is left and named."""
    names = [sample.name for sample in conversations()]
    ids = {session_id for used in _used_rounds(names) for session_id in used.values()}
    removed = Removed()
    rows = sorted(_rows(ids))
    for number, session_id in enumerate(rows, start=1):
        # An absorbed one went with its survivor.
        if session_id not in removed.purged:
            family = _family(session_id)
            if reason := _reason_to_leave(family, ids):
                removed.left[session_id] = reason
            elif family[0] == session_id:
                _purge(session_id)
                removed.purged.extend(family)
        progress(number, len(rows))
    return removed


def _ended_at(sample: Conversation, now: datetime) -> datetime:
    """So many days ago, and some minutes, lest everybody stops on the same minute of the hour."""
    minutes = zlib.crc32(sample.name.encode()) % 3600 / 60
    return now - timedelta(days=sample.days_ago, minutes=minutes)


# --- rounds -------------------------------------------------------------------------------------------------


def _round(names: Iterable[str], number: int) -> dict[str, str]:
    suffix = "" if number == 1 else f"-{number}"
    return {name: f"demo-{name}{suffix}" for name in names}


def _used_rounds(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rounds that left anything in the store, tombstones included; there are no gaps between them."""
    for number in count(1):
        ids = _round(names, number)
        if not _rows(ids.values()) and not _tombstones(ids.values()):
            return
        yield ids


def _current_ids(names: Sequence[str]) -> dict[str, str]:
    """The last round, or the next once that was removed or nothing of it is there any more."""
    used = list(_used_rounds(names))
    if not used or not _rows(used[-1].values()) or _was_removed(used[-1].values()):
        return _round(names, len(used) + 1)
    return used[-1]


def _was_removed(ids: Iterable[str]) -> bool:
    """Whether `remove` took any of them; some may have been left because they hold more than samples."""
    return Tombstone.objects.filter(pk__in=list(ids), reason=_REMOVED).exists()


def _rows(ids: Iterable[str]) -> set[str]:
    return set(Session.objects.filter(pk__in=list(ids)).values_list("pk", flat=True))


def _tombstones(ids: Iterable[str]) -> set[str]:
    return set(Tombstone.objects.filter(pk__in=list(ids)).values_list("pk", flat=True))


# --- what becomes of them -----------------------------------------------------------------------------------


def _add_preferences(user_id: str) -> None:
    """Give the user's profile what it does not say yet."""
    profile = Profile.objects.filter(pk=user_id).first()
    known = {} if profile is None else profile.preferences
    missing = {name: value for name, value in PROFILES[user_id].items() if name not in known}
    if missing:
        actions.update_profile(user_id, actor=ACTOR, replace=missing)


def _live_on(sample: Conversation, filled: Filled) -> None:
    session_id = filled.ids[sample.name]
    if sample.held:
        actions.hold_session(session_id, reason=sample.held, actor=ACTOR)
    if sample.trashed:
        actions.trash_session(session_id, reason=sample.trashed, actor=ACTOR)
    if sample.merged_into and filled.ids[sample.merged_into] in filled.created:
        actions.merge_sessions(filled.ids[sample.merged_into], absorbed=session_id, actor=ACTOR)


# --- taking them out ----------------------------------------------------------------------------------------


def _family(session_id: str) -> list[str]:
    """The session that an ID leads to, and behind it all that it absorbed: what a purge would take."""
    family = [actions.get_session(session_id).pk]
    for member in family:
        family.extend(Session.objects.filter(merged_into=member).order_by("pk").values_list("pk", flat=True))
    return family


def _reason_to_leave(family: Sequence[str], ids: Collection[str]) -> str:
    if not set(family) <= set(ids):
        return "merged with a session that is no sample; undo the merge first"
    others = Interaction.objects.filter(session__in=family).exclude(idempotency_key__startswith=KEY_PREFIX)
    if others.order_by().exists():
        return "holds interactions that are no samples"
    return ""


def _purge(session_id: str) -> None:
    session = actions.get_session(session_id)
    if session.held_at is not None:
        actions.release_hold(session_id, actor=ACTOR)
    actions.trash_session(session_id, reason=_REMOVED, actor=ACTOR)
    actions.purge_session(session_id, reason=_REMOVED, actor=ACTOR)
