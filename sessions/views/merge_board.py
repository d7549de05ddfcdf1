"""What the pages of a merge show: the sessions by letter and colour, their questions, and the timeline in rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from django.urls import reverse

from sessions import actions
from sessions.actions import MergeBoard, MergeGroup, Timeline, TimelineItem
from sessions.actions.context_merge import BOTH, Question
from sessions.forms import MergeForm
from sessions.models import Merge, Session
from sessions.records import JSON

TONES = 6
SHOWN_QUESTIONS = 60
# What stands in one row of the side-by-side view was said within this time.
ROW_SPAN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Side:
    """A session of a merge: its letter, the number of its colour, and the addresses that change its part in it."""

    session: Session
    place: int
    keep_url: str = ""
    remove_url: str = ""

    @property
    def letter(self) -> str:
        return letter(self.place)

    @property
    def tone(self) -> int:
        return self.place % TONES + 1

    @property
    def survives(self) -> bool:
        return self.place == 0


def letter(place: int) -> str:
    return chr(ord("A") + place)


@dataclass(frozen=True, slots=True)
class Answer:
    """One option of a question: its value, the letters of the sessions that say so, and whether it is chosen."""

    keep: str
    value: JSON
    letters: Sequence[str]
    chosen: bool

    @property
    def joins(self) -> bool:
        return self.keep == BOTH


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a form asks it."""

    field: str
    key: str
    name: str
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Entry:
    """An interaction of the timeline and the side that it comes from."""

    item: TimelineItem
    side: Side


@dataclass(frozen=True, slots=True)
class Row:
    """What was said within a minute, at most one entry of each side: one cell each, None where it said nothing."""

    at: datetime
    cells: Sequence[Entry | None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the timeline as rows and as a list, and the way to what is hidden behind it."""

    entries: Sequence[Entry]
    rows: Sequence[Row]
    hidden: int
    after: str
    more_url: str


@dataclass(frozen=True, slots=True)
class Candidate:
    session: Session
    add_url: str


class Board:
    """The page on which a merge is prepared."""

    def __init__(self, form: MergeForm, found: MergeBoard) -> None:
        self.form = form
        self.preview = found.preview
        self.refusals = found.refusals
        self._sessions = found.sessions
        self._ids = [session.pk for session in found.sessions]

    @property
    def is_side_by_side(self) -> bool:
        return bool(self.form.cleaned_data.get("view") == "side")

    @cached_property
    def sides(self) -> list[Side]:
        return [
            Side(
                session,
                place,
                keep_url=self._url(self._ids, into=session.pk),
                remove_url=self._url(
                    [pk for pk in self._ids if pk != session.pk], into=self._chosen_survivor(but=session.pk)
                ),
            )
            for place, session in enumerate(self._sessions)
        ]

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Who could be added; once somebody was chosen as survivor, it stays so."""
        text = self.form.cleaned_data.get("q", "")
        found = actions.mergeable_sessions(text, beside=self._sessions)
        into = self._chosen_survivor()
        return [Candidate(session, self._url([*self._ids, session.pk], into=into)) for session in found]

    @property
    def carried(self) -> str:
        """What was decided, to be added to an address: script sends what is decided by now instead."""
        answers = self.form.answers()
        return f"&{urlencode(answers)}" if answers else ""

    @property
    def views(self) -> list[tuple[str, str, str, bool]]:
        """The ways to look at the timeline: name, label, address, and whether it is the present one."""
        side = self.is_side_by_side
        return [
            (name, label, self._url(self._ids, into=self._ids[0], view=name), side == (name == "side"))
            for name, label in MergeForm.VIEWS
        ]

    @cached_property
    def questions(self) -> list[Asked]:
        assert self.preview is not None  # noqa: S101  (the page asks only then)
        letters = {side.session.pk: side.letter for side in self.sides}
        chosen = self.form.choices()
        return [_asked(question, letters, chosen) for question in self.preview.questions[:SHOWN_QUESTIONS]]

    @property
    def unasked(self) -> int:
        """How many differences are too many to be asked about; there the survivor's value stands."""
        return max(0, len(self.preview.questions) - SHOWN_QUESTIONS) if self.preview else 0

    @property
    def stretches(self) -> list[Stretch]:
        """The timeline's beginning and its end."""
        assert self.preview is not None  # noqa: S101  (the page asks only then)
        ends = (self.preview.beginning, self.preview.end)
        return [_stretch(found, self.sides, self.form) for found in ends]

    def figures(self) -> list[tuple[Side, int, int]]:
        """For each absorbed side, how many interactions come and how many an earlier one has."""
        assert self.preview is not None  # noqa: S101  (the page asks only then)
        moving, duplicates = self.preview.moving, self.preview.duplicates
        return [(side, moving[side.session.pk], duplicates[side.session.pk]) for side in self.sides[1:]]

    def _chosen_survivor(self, *, but: str = "") -> str:
        """Who was said to survive; "" leaves it to the rule."""
        into = self._ids[0] if self._ids and self.form.survivor_id() else ""
        return "" if into == but else into

    def _url(self, session_ids: Iterable[str], *, into: str, view: str = "") -> str:
        view = view or self.form.cleaned_data.get("view", "")
        return f"{reverse('sessions:merge-many')}?{_query(session_ids, into=into, view=view)}"


class Piece:
    """A piece of the timeline, on its own page or put into the board's."""

    def __init__(self, form: MergeForm, found: Timeline) -> None:
        names = [form.survivor_id(), *form.absorbed_ids()]
        rows = Session.objects.in_bulk(names)
        self.sides = [Side(rows[name], place) for place, name in enumerate(names)]
        self.stretch = _stretch(found, self.sides, form)
        self.is_side_by_side = form.cleaned_data.get("view") == "side"
        back = _query(names, into=names[0], view=form.cleaned_data.get("view", ""), **form.answers())
        self.back_url = f"{reverse('sessions:merge-many')}?{back}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a field, or a key of it: whose value, by letter, and what that value was."""

    field: str
    key: str
    whose: str
    value: JSON


@dataclass(frozen=True, slots=True)
class Part:
    """An absorbed session of a merge that was made, its row None once it is gone."""

    merge: Merge
    session: Session | None
    letter: str
    tone: int


class MergeRecord:
    """The page of a merge that was made."""

    def __init__(self, group: MergeGroup) -> None:
        self.group = group
        rows = Session.objects.in_bulk([group.survivor_id, *group.absorbed_ids])
        self.survivor = rows.get(group.survivor_id)
        self.parts = [
            Part(merge, rows.get(merge.absorbed_id), letter(place), place % TONES + 1)
            for place, merge in enumerate(group.merges, start=1)
        ]

    @property
    def first(self) -> Merge:
        return self.group.merges[0]

    @property
    def decisions(self) -> list[Decision]:
        """What was decided, in the order of the fields."""
        names = [self.group.survivor_id, *self.group.absorbed_ids]
        letters = {name: letter(place) for place, name in enumerate(names)}
        said = {merge.absorbed_id: merge.absorbed_before for merge in self.group.merges}
        said[self.group.survivor_id] = self.first.survivor_before
        said[BOTH] = self.group.merges[-1].survivor_after
        return [
            Decision(field, key, letters.get(keep, ""), _said(said.get(keep, {}), field, key))
            for field, key, keep in _flat(self.first.choices)
        ]


def _asked(question: Question, letters: Mapping[str, str], chosen: Mapping[str, Any]) -> Asked:
    decided = chosen.get(question.field)
    if isinstance(decided, Mapping):
        decided = decided.get(question.key)
    keeps = {option.keep: option.keep for option in question.options}
    keeps |= {pk: option.keep for option in question.options if option.keep != BOTH for pk in option.holders}
    keep = keeps.get(decided or "", question.default)
    name = f"keep.{question.field}" + (f".{quote(question.key, safe='')}" if question.key else "")
    return Asked(
        question.field,
        question.key,
        name,
        [
            Answer(option.keep, option.value, [letters[pk] for pk in option.holders], option.keep == keep)
            for option in question.options
        ],
    )


def _stretch(found: Timeline, sides: Sequence[Side], form: MergeForm) -> Stretch:
    by_session = {side.session.pk: side for side in sides}
    entries = [Entry(item, by_session[item.session_id]) for item in found.items]
    view = form.cleaned_data.get("view", "")
    place = {"view": view, "after": found.after, "until": found.until}
    more = _query(list(by_session), into=sides[0].session.pk, **place, **form.answers())
    more_url = f"{reverse('sessions:merge-timeline')}?{more}" if found.hidden else ""
    return Stretch(entries, _rows(entries, len(sides)), found.hidden, found.after, more_url)


def _rows(entries: Sequence[Entry], width: int) -> list[Row]:
    """Entries in rows: each row's were said within a minute, and before those of every later row."""
    rows: list[tuple[datetime, list[Entry | None]]] = []
    for entry in entries:
        at = entry.item.occurred_at
        fits = rows and rows[-1][1][entry.side.place] is None and abs(at - rows[-1][0]) <= ROW_SPAN
        if not fits:
            rows.append((at, [None] * width))
        rows[-1][1][entry.side.place] = entry
    return [Row(at, cells) for at, cells in rows]


def _flat(choices: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    flat = []
    for field, choice in choices.items():
        pairs = choice.items() if isinstance(choice, Mapping) else [("", choice)]
        flat += [(field, key, keep) for key, keep in pairs]
    return flat


def _said(record: Mapping[str, Any], field: str, key: str) -> JSON:
    value = record.get(field, "")
    return value.get(key, "") if key and isinstance(value, Mapping) else value


def _query(session_ids: Iterable[str], **values: str) -> str:
    given = {name: value for name, value in values.items() if value}
    return urlencode({"id": list(session_ids), **given}, doseq=True)
