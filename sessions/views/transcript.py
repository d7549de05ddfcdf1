"""A stretch of a session's interactions, ready to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from django.utils import timezone

from sessions import actions
from sessions.actions import Branch, InteractionPage, Path
from sessions.errors import InvalidInput
from sessions.models import Interaction, Session
from sessions.records import InteractionKind

_LEAD = 5
# A page of many long texts would be slow to make and to read: fewer are shown, at least so many.
_MOST_CHARACTERS = 60_000
_FEWEST = 15
_SHOWN_OF_EACH = 8_000


@dataclass(slots=True)
class Turn:
    """An interaction as it is read, a tool's call with those of its results that stand in the same stretch.

    `tool_name` is for a result the name of the tool that was called. `branch` tells that it begins one of several.
    """

    interaction: Interaction
    tool_name: str
    results: list["Turn"] = field(default_factory=list)
    branch: Branch | None = None
    is_sought: bool = False

    @property
    def number(self) -> str:
        """The sequence as an address has it."""
        return str(self.interaction.sequence)

    @property
    def has_failed(self) -> bool:
        return self.interaction.status == "error" or any(turn.has_failed for turn in self.results)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some turns in their order; `before` and `after` are the sequences to go on from, None at an end.

    `last` is the last sequence here, 0 without any; `through` the interaction that chose among the branches, if one
    did.
    """

    turns: Sequence[Turn]
    before: int | None
    after: int | None
    last: int = 0
    through: int | None = None


def window(session: Session, wanted: Mapping[str, str], *, limit: int) -> Stretch:
    """The stretch that a query asks for.

    `after` or `before` a sequence, `at` one, `on` a day or later, the `latest`, or the first; of a conversation with
    branches the way `through` an interaction, or else the way to what is asked for. Raises InvalidInput for a place
    that is none.
    """
    at = _place(wanted, "at") if wanted.get("at") else _first_on(session, wanted.get("on", ""))
    after, before, through = _place(wanted, "after"), _place(wanted, "before"), _place(wanted, "through")
    if through is None:
        through = at
    path = actions.path_through(session.pk, through)
    if at is not None:
        after = _lead(path, at)
    if "latest" in wanted:
        before = session.last_sequence + 1
    page = actions.list_interactions(
        session.pk, after=after, before=before, limit=limit, path=path.sequences if path else None
    )
    page = _lightened(page, from_end=before is not None, sought=at)
    last = path.sequences[-1] if path and path.sequences else session.last_sequence
    behind = page.after if page.after is not None and page.after < last else None
    turns = _turns(session, page.interactions, path, sought=at)
    shown = page.interactions[-1].sequence if page.interactions else 0
    return Stretch(turns, page.before, behind, last=shown, through=through if path and path.branches else None)


def following(session: Session, after: int, *, limit: int) -> Stretch:
    """What was added behind a sequence, on the way to the latest."""
    return window(session, {"after": str(after)}, limit=limit)


def _place(wanted: Mapping[str, str], name: str) -> int | None:
    value = wanted.get(name, "")
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise InvalidInput(name, "must be the number of an interaction.")
    return int(value)


def _first_on(session: Session, day: str) -> int | None:
    """The first interaction on a day of the viewer's or later; behind all there are, the last."""
    if not day:
        return None
    try:
        midnight = datetime.combine(date.fromisoformat(day), time(), timezone.get_current_timezone())
    except ValueError as error:
        raise InvalidInput("on", "must be a date, such as 2026-03-31.") from error
    return actions.first_since(session.pk, midnight) or session.last_sequence or None


def _lead(path: Path | None, at: int) -> int:
    """Where to begin so that some of what came before can be seen."""
    if path is None:
        return max(0, at - _LEAD)
    ahead = [sequence for sequence in path.sequences if sequence < at]
    return ahead[-_LEAD] if len(ahead) >= _LEAD else 0


def _lightened(page: InteractionPage, *, from_end: bool, sought: int | None) -> InteractionPage:
    """The page without what would make it too heavy; it is one of those that the links at its ends continue."""
    rows = list(reversed(page.interactions)) if from_end else list(page.interactions)
    characters, kept = 0, 0
    for row in rows:
        characters += _characters(row)
        if characters > _MOST_CHARACTERS and kept >= _FEWEST and (sought is None or row.sequence > sought):
            break
        kept += 1
    if kept == len(rows):
        return page
    if from_end:
        rows = rows[:kept][::-1]
        return InteractionPage(rows, rows[0].sequence, page.after)
    return InteractionPage(rows[:kept], page.before, rows[kept - 1].sequence)


def _characters(row: Interaction) -> int:
    texts = (row.prompt, row.response, row.reasoning)
    return sum(min(len(text), _SHOWN_OF_EACH) for text in texts)


# --- calls and their results --------------------------------------------------------------------------------


def _turns(session: Session, rows: Sequence[Interaction], path: Path | None, *, sought: int | None) -> list[Turn]:
    """A result names its call by the tool's own key, or by its parent; the call stands before it."""
    branches = path.branches if path else {}
    names = _names_from_before(session, rows)
    calls: dict[object, Turn] = {}
    turns = []
    for row in rows:
        call = _call_of(row, calls)
        name = row.tool_name or (call.tool_name if call else names.get(row.parent_id, ""))
        turn = Turn(row, name, branch=branches.get(row.sequence), is_sought=row.sequence == sought)
        if row.kind == InteractionKind.TOOL_CALL:
            calls[row.pk] = turn
            if (key := _key_of(row)) is not None:
                calls[key] = turn
        if call is not None:
            call.results.append(turn)
        else:
            turns.append(turn)
    return turns


def _call_of(row: Interaction, calls: Mapping[object, Turn]) -> Turn | None:
    if row.kind != InteractionKind.TOOL_RESPONSE:
        return None
    return calls.get(_key_of(row)) or calls.get(row.parent_id)


def _key_of(row: Interaction) -> str | None:
    key = row.metadata.get("tool_use_id") if isinstance(row.metadata, dict) else None
    return key if isinstance(key, str) and key else None


def _names_from_before(session: Session, rows: Sequence[Interaction]) -> dict[Any, str]:
    """The tools of calls that stand before this stretch, for the results in it."""
    here = {row.pk for row in rows}
    asked = [row.parent_id for row in rows if row.kind == InteractionKind.TOOL_RESPONSE and row.parent_id not in here]
    named = [parent for parent in asked if parent is not None]
    return actions.tools_called(session.pk, named) if named else {}
