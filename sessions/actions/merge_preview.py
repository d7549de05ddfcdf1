"""What a merge would become, before it is made: the sums, what has to be decided, and the interactions in new order.

Nothing is loaded whole: of a long timeline its beginning and its end are shown, and what lies between in pieces.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Left

from sessions.errors import InvalidInput
from sessions.models import Interaction, Session

from . import context_merge, weaving
from .context_merge import Question
from .duplicates import find_duplicates
from .find import find_row, get_session
from .merging import records_of, refuse_unfit

EDGE_ITEMS = 20
PIECE_ITEMS = 100
_OPENING_CHARACTERS = 600
_SHOWN_CHARACTERS = 160
_ORDER_FIELDS = ("id", "session_id", "sequence", "occurred_at", "kind", "tool_name")
_TEXTS = ("prompt", "response", "error_message")


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """An interaction as a preview shows it: where it comes from, when, and how it begins.

    A duplicate stays behind, because a session before its own has the same.
    """

    session_id: str
    sequence: int
    occurred_at: datetime
    kind: str
    opening: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A stretch of the woven interactions, and how many lie between it and what is shown behind it.

    `after` is the place to go on from, `until` where the stretch behind begins; see `merge_timeline`.
    """

    items: Sequence[TimelineItem]
    hidden: int
    after: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """What a merge would combine; `sessions` holds the survivor first.

    `moving` and `duplicates` count, by session, the interactions that would come and those that an earlier one has.
    `beginning` and `end` are the edges of the timeline, duplicates among them.
    """

    sessions: Sequence[Session]
    moving: Mapping[str, int]
    duplicates: Mapping[str, int]
    total: int
    questions: Sequence[Question]
    beginning: Timeline
    end: Timeline

    @property
    def survivor(self) -> Session:
        return self.sessions[0]

    @property
    def users(self) -> Sequence[str]:
        """Whose conversations would become one."""
        return list(dict.fromkeys(session.user_id for session in self.sessions))


def preview_merge(survivor_id: str, absorbed: str | Sequence[str]) -> MergePreview:
    """What merging would do. Changes nothing. Raises SessionNotFound and MergeRefused as merging would."""
    return preview_of(_sessions(survivor_id, absorbed))


def preview_of(sessions: Sequence[Session]) -> MergePreview:
    """What merging these would do, the first being the one that stays. Raises MergeRefused."""
    survivor, *others = sessions
    refuse_unfit(survivor, others)
    duplicates = find_duplicates([session.pk for session in sessions])
    records = records_of(sessions)
    moving = {other.pk: other.interaction_count - len(duplicates[other.pk]) for other in others}
    beginning, end = _edges(sessions, _all(duplicates))
    return MergePreview(
        sessions=sessions,
        moving=moving,
        duplicates={pk: len(found) for pk, found in duplicates.items()},
        total=survivor.interaction_count + sum(moving.values()),
        questions=context_merge.questions(records),
        beginning=beginning,
        end=end,
    )


def merge_timeline(survivor_id: str, absorbed: str | Sequence[str], *, after: str, until: str) -> Timeline:
    """A piece of the timeline between two places, each the sequences that the sessions have got to: "20.0.3".

    Raises what `preview_merge` raises, and InvalidInput for a place that is none.
    """
    sessions = _sessions(survivor_id, absorbed)
    refuse_unfit(sessions[0], sessions[1:])
    twins = _all(find_duplicates([session.pk for session in sessions]))
    return _stretch(sessions, twins, _read_place(after, sessions), _read_place(until, sessions), PIECE_ITEMS)


def _sessions(survivor_id: str, absorbed: str | Sequence[str]) -> list[Session]:
    named = [absorbed] if isinstance(absorbed, str) else [*dict.fromkeys(absorbed)]
    return [get_session(survivor_id), *(find_row(name) for name in named)]


def _all(duplicates: Mapping[str, Mapping[UUID, UUID]]) -> set[UUID]:
    return {pk for found in duplicates.values() for pk in found}


def _edges(sessions: Sequence[Session], twins: Set[UUID]) -> tuple[Timeline, Timeline]:
    """The timeline's beginning and its end; a short one is all beginning."""
    end = _end(sessions, twins)
    beginning = _stretch(sessions, twins, [0] * len(sessions), _read_place(end.after, sessions), EDGE_ITEMS)
    if beginning.hidden:
        return beginning, end
    return Timeline([*beginning.items, *end.items], 0, end.after, ""), Timeline([], 0, "", "")


def _end(sessions: Sequence[Session], twins: Set[UUID]) -> Timeline:
    """The last items; its `after` is the place where it begins."""
    tails = [list(_light(session.pk).order_by("-sequence")[:EDGE_ITEMS])[::-1] for session in sessions]
    since = _latest(sessions, [rows[0].sequence - 1 if rows else 0 for rows in tails])
    shown = _woven(sessions, tails, since)[-EDGE_ITEMS:]
    place = [
        min((row.sequence for row in shown if row.session_id == session.pk), default=session.last_sequence + 1) - 1
        for session in sessions
    ]
    return Timeline([_item(row, twins) for row in shown], 0, _write_place(place), "")


def _stretch(
    sessions: Sequence[Session], twins: Set[UUID], after: Sequence[int], until: Sequence[int], limit: int
) -> Timeline:
    """Up to so many items behind the one place and ahead of the other."""
    heads = [
        _light(session.pk).filter(sequence__gt=start, sequence__lte=end).order_by("sequence")[:limit]
        for session, start, end in zip(sessions, after, until, strict=True)
    ]
    since = _latest(sessions, after) if any(after) else {}
    shown = _woven(sessions, heads, since)[:limit]
    place = [
        max((row.sequence for row in shown if row.session_id == session.pk), default=start)
        for session, start in zip(sessions, after, strict=True)
    ]
    # Sequences have no gaps but in a session that was salvaged, where this is an estimate.
    hidden = sum(max(0, end - start) for start, end in zip(place, until, strict=True)) if shown else 0
    return Timeline([_item(row, twins) for row in shown], hidden, _write_place(place), _write_place(until))


def _woven(
    sessions: Sequence[Session], stretches: Sequence[Iterable[Interaction]], since: Mapping[str, datetime]
) -> list[Interaction]:
    sides = [
        weaving.with_running_time(rows, since.get(session.pk))
        for session, rows in zip(sessions, stretches, strict=True)
    ]
    return weaving.in_time_order(*sides)


def _light(session_id: str) -> "QuerySet[Interaction]":
    """A session's interactions with no more of their texts than a preview shows."""
    openings = {f"{name}_opening": Left(name, _OPENING_CHARACTERS) for name in _TEXTS}
    return Interaction.objects.filter(session_id=session_id).only(*_ORDER_FIELDS).annotate(**openings)


def _latest(sessions: Sequence[Session], place: Sequence[int]) -> dict[str, datetime]:
    """By session, the latest time up to a place: what the order of those behind it goes by."""
    ahead = Q()
    for session, sequence in zip(sessions, place, strict=True):
        ahead |= Q(session_id=session.pk, sequence__lte=sequence)
    rows = Interaction.objects.filter(ahead).order_by().values("session_id").annotate(latest=Max("occurred_at"))
    return dict(rows.values_list("session_id", "latest"))


def _item(row: Interaction, twins: Set[UUID]) -> TimelineItem:
    text = next((found for name in _TEXTS if (found := getattr(row, f"{name}_opening"))), "") or row.tool_name
    opening = " ".join(text.split())[:_SHOWN_CHARACTERS]
    return TimelineItem(row.session_id, row.sequence, row.occurred_at, row.kind, opening, row.pk in twins)


def _write_place(sequences: Sequence[int]) -> str:
    return ".".join(str(sequence) for sequence in sequences)


def _read_place(place: str, sessions: Sequence[Session]) -> list[int]:
    parts = place.split(".")
    if len(parts) != len(sessions) or not all(one.isascii() and one.isdigit() and len(one) < 19 for one in parts):
        raise InvalidInput("place", "is not a place in these sessions.", hint="Open the preview anew.")
    return [int(part) for part in parts]


__all__ = ["MergePreview", "Timeline", "TimelineItem", "merge_timeline", "preview_merge", "preview_of"]
