"""Out in one format and in again: what two stores hold, told without the exporters' and importers' own words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sessions import actions
from sessions.actions import ImportReport
from sessions.importers import open_sources
from sessions.models import Interaction, Session
from tests.actions.test_restoring import lose_everything
from tests.builders import ALICE

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def take_in(*paths: Path) -> ImportReport:
    report = ImportReport()
    for path in paths:
        for source in open_sources(path):
            actions.import_source(source, actor=ALICE, report=report)
    return report


def out(folder: Path, form: str) -> list[Path]:
    """All sessions in files of one format."""
    paths = []
    for number, pk in enumerate(sorted(Session.objects.values_list("pk", flat=True))):
        path = folder / f"{form}-{number}.json"
        path.write_text("".join(actions.export_session(pk, form)), encoding="utf-8")
        paths.append(path)
    return paths


def back_in(paths: list[Path]) -> None:
    """What such files hold, and nothing else."""
    lose_everything()
    report = take_in(*paths)
    assert (report.damaged_count, report.refused) == (0, {})


def out_and_in(folder: Path, form: str, through: str = "") -> None:
    """All sessions out, into an empty store and from there on; `through` another format on the way, if any."""
    for name in filter(None, (through, form)):
        back_in(out(folder, name))


def out_and_in_each(folder: Path, forms: Iterable[str]) -> Iterator[str]:
    """The sessions as they are now, out and in again in one format after the other."""
    written = {form: out(folder, form) for form in forms}
    for form, paths in written.items():
        back_in(paths)
        yield form


# --- what a session holds ---------------------------------------------------------------------------------------


@dataclass
class Saying:
    """Something said: by whom, what, and after which other sayings it stands on its way, as texts."""

    role: str
    what: str
    text: str
    more: tuple[Any, ...] = ()


@dataclass
class Told:
    """A conversation as all its ways from a beginning to an end, and the way that is read by default."""

    ways: list[list[Saying]] = field(default_factory=list)
    default: list[Saying] = field(default_factory=list)


def sayings_of(row: Interaction, *, exactly: bool) -> list[Saying]:
    """What a row says. `exactly` with the model and the time of each."""
    more: tuple[Any, ...] = (row.model, int(row.occurred_at.timestamp())) if exactly else ()
    role = row.metadata.get("role", "") if row.kind == "conversation_turn" else ""
    found = [
        Saying(role or "user", "text", row.prompt, more),
        Saying(role or "assistant", "thought", row.reasoning, more),
    ]
    if row.kind == "tool_call":
        found.append(Saying("assistant", "call", f"{row.tool_name} {row.tool_parameters!r}", more))
    if row.kind == "tool_response":
        found.append(Saying("tool", "result", f"{row.tool_name}: {row.response or row.error_message}", more))
    else:
        what = "result" if row.kind == "tool_call" else "text"
        found.append(Saying("tool" if what == "result" else role or "assistant", what, row.response, more))
        found.append(Saying("assistant", "error", row.error_message, more))
    return [one for one in found if one.text.strip()]


def told(session_id: str, *, exactly: bool = False) -> Told:
    rows = list(Interaction.objects.filter(session_id=session_id).order_by("sequence"))
    by_id = {row.pk: row for row in rows}
    said = {row.pk: sayings_of(row, exactly=exactly) for row in rows}
    path = actions.path_through(session_id)
    taken = set(path.sequences) if path else {row.sequence for row in rows}
    default = [one for row in rows if row.sequence in taken for one in said[row.pk]]
    parents = {row.pk for row in rows if row.parent_id in by_id for row in [by_id[row.parent_id]]}
    ways = []
    for row in rows:
        if row.pk not in parents:
            way = _way(row.pk, by_id)
            ways.append([one for pk in way for one in said[pk]])
    return Told(_whole(ways), default)


def _way(pk: UUID, by_id: dict[UUID, Interaction]) -> list[UUID]:
    way: list[UUID] = []
    here: UUID | None = pk
    while here is not None and here in by_id:
        way.append(here)
        here = by_id[here].parent_id
    return way[::-1]


def _whole(ways: Iterable[list[Saying]]) -> list[list[Saying]]:
    """The ways in no order, and without those that say nothing more than another begins with."""
    keyed = sorted((repr(way), way) for way in ways if way)
    kept: dict[str, list[Saying]] = {}
    for key, way in keyed:
        if not any(other[: len(way)] == way and other is not way for _, other in keyed if len(other) > len(way)):
            kept.setdefault(key, way)
    return list(kept.values())


def all_told(*, exactly: bool = False) -> dict[str, Told]:
    return {pk: told(pk, exactly=exactly) for pk in Session.objects.values_list("pk", flat=True)}
