"""Langfuse's traces: `{"trace": {...}, "observations": [...]}`, or a trace with its observations inside.

`notations` reads the messages in an observation, `stories` tells each of them once. docs/importers.md has the mapping.
"""

from collections.abc import Iterator
from typing import Any

from sessions.records import JSON, ImportEvent, SetAside

from ..dialogues import SURPRISES, UNFORESEEN, accounted
from ..formats import Format, Input, set_aside
from ..jsonl import Line
from ..rows import first_rows, read_rows
from .stories import SOURCE, Story

_OF_OBSERVATIONS = frozenset({"traceId", "startTime", "parentObservationId"})


def _observations_of(row: dict[str, Any]) -> list[JSON] | None:
    for place in (row, row.get("trace")):
        listed = place.get("observations") if isinstance(place, dict) else None
        if isinstance(listed, list) and all(isinstance(one, dict) or one is None for one in listed[:3]):
            return listed
    return None


def _is_trace(row: dict[str, Any]) -> bool:
    observations = _observations_of(row)
    if observations is None:
        return False
    first = next((one for one in observations if isinstance(one, dict)), {})
    return isinstance(row.get("trace"), dict) or len(_OF_OBSERVATIONS & first.keys()) >= 2


def recognises(head: bytes) -> bool:
    """Whether one of the first objects is a trace."""
    return any(_is_trace(row) or _begins_a_trace(row) for row in first_rows(head))


def _begins_a_trace(row: dict[str, Any]) -> bool:
    """A long trace stands ahead of its observations, which the beginning of the file then does not reach."""
    trace = row.get("trace")
    return isinstance(trace, dict) and {"projectId", "timestamp"} <= trace.keys()


def read(source: Input) -> Iterator[ImportEvent]:
    """The conversations of the traces in a file."""
    return accounted(source, _read(source))


def _read(source: Input) -> Iterator[ImportEvent]:
    for row in read_rows(source):
        source.records_read += 1
        if isinstance(row, SetAside):
            yield row
            continue
        try:
            yield from list(_told(source, row))
        except SURPRISES:
            yield set_aside(row.place, UNFORESEEN, damaged=True, raw=row.raw)


def _told(source: Input, row: Line) -> Iterator[ImportEvent]:
    observations = _observations_of(row.record)
    if observations is None:
        yield set_aside(row.place, "a row without observations", damaged=False, raw=row.raw)
        return
    trace = row.record.get("trace")
    placed = [(one, f"{row.place}:observations[{number}]") for number, one in enumerate(observations)]
    source.records_read += len(placed)
    yield from Story(trace if isinstance(trace, dict) else row.record, placed, row.place).tell()


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
