"""A stretch of a session's interactions, ready to be read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sessions import actions
from sessions.errors import InvalidInput
from sessions.models import Interaction, Session
from sessions.records import InteractionKind

_LEAD = 5


@dataclass(frozen=True, slots=True)
class Turn:
    """An interaction, with the name of the tool that it is about, a response's being that of its call."""

    interaction: Interaction
    tool_name: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some turns in their order; `before` and `after` are the sequences to go on from, None at an end."""

    turns: Sequence[Turn]
    before: int | None
    after: int | None


def window(session: Session, wanted: Mapping[str, str], *, limit: int) -> Stretch:
    """The stretch that a query asks for: `after` or `before` a sequence, `at` one, the `latest`, or the first.

    Raises InvalidInput for a place that is no number.
    """
    after, before = _place(wanted, "after"), _place(wanted, "before")
    if (at := _place(wanted, "at")) is not None:
        after = max(0, at - _LEAD)
    if "latest" in wanted:
        before = session.last_sequence + 1
    page = actions.list_interactions(session.pk, after=after, before=before, limit=limit)
    behind = page.after if page.after is not None and page.after < session.last_sequence else None
    return Stretch(_turns(page.interactions), page.before, behind)


def _place(wanted: Mapping[str, str], name: str) -> int | None:
    value = wanted.get(name, "")
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise InvalidInput(name, "must be the number of an interaction.")
    return int(value)


def _turns(interactions: Iterable[Interaction]) -> list[Turn]:
    """A result names its call by the tool's own key, or by its parent; the call stands before it."""
    names: dict[object, str] = {}
    turns = []
    for row in interactions:
        call = row.metadata.get("tool_use_id") if isinstance(row.metadata, dict) else None
        call = call if isinstance(call, str) else None
        if row.tool_name:
            names[row.pk] = row.tool_name
            if call is not None:
                names[call] = row.tool_name
        turns.append(Turn(row, row.tool_name or _named_by_call(row, call, names)))
    return turns


def _named_by_call(row: Interaction, call: str | None, names: Mapping[object, str]) -> str:
    if row.kind != InteractionKind.TOOL_RESPONSE:
        return ""
    return names.get(call) or names.get(row.parent_id, "")
