"""What was found in an import's files, and what became of it, as its page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .import_origins import label_of

WORKING = frozenset({"waiting", "examining", "queued", "importing", "undoing"})
"""The states in which something goes on by itself."""
WAITING = frozenset({"waiting", "queued"})
PAGE_FILES = 100
MOST_PLACES = 50


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many things were set aside, or may not come in."""

    text: str
    count: int
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where something damaged stands, and what is the matter with it."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileFound:
    """A file: its name, what its format is called, and counts of what it holds."""

    name: str
    format: str
    counts: Mapping[str, int]
    reasons: Sequence[Reason]

    @property
    def sessions(self) -> int:
        return self.counts.get("sessions", 0) + self.counts.get("known_sessions", 0)

    @property
    def set_aside_count(self) -> int:
        return sum(reason.count for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An import's sums, a page of its files, and the places of what is damaged or differs."""

    new_sessions: int = 0
    known_sessions: int = 0
    touched_sessions: int = 0
    new_interactions: int = 0
    known_interactions: int = 0
    differing: int = 0
    branches: int = 0
    reasons: Sequence[Reason] = ()
    files: Sequence[FileFound] = ()
    file_count: int = 0
    files_from: int = 0
    files_told: int = 0
    damaged: Sequence[Place] = ()
    damaged_count: int = 0
    differing_places: Sequence[str] = ()

    @property
    def grown_sessions(self) -> int:
        """How many that were there before have more now."""
        return self.touched_sessions - self.new_sessions

    @property
    def is_empty(self) -> bool:
        return not (self.new_sessions or self.known_sessions)

    @property
    def set_aside_count(self) -> int:
        return sum(reason.count for reason in self.reasons)

    @property
    def more_files(self) -> int:
        """From which file on the next page of them goes; 0 where none is left to tell of."""
        behind = self.files_from + len(self.files)
        return behind if behind < self.files_told else 0


def found_in(preview: Mapping[str, Any], *, files_from: int = 0) -> Found:
    """What was found when an import's files were looked at."""
    told = preview.get("files", [])
    return Found(
        new_sessions=preview.get("sessions", 0),
        known_sessions=preview.get("known_sessions", 0),
        new_interactions=preview.get("new_interactions", 0),
        known_interactions=preview.get("known_interactions", 0),
        differing=preview.get("differing", 0),
        branches=preview.get("branches", 0),
        reasons=_reasons(preview),
        files=[_file(one) for one in told[files_from : files_from + PAGE_FILES]],
        file_count=preview.get("file_count", 0),
        files_from=files_from,
        files_told=len(told),
        damaged=_places(preview),
        damaged_count=preview.get("damaged_count", 0),
        differing_places=preview.get("differing_places", [])[:MOST_PLACES],
    )


def taken_in(preview: Mapping[str, Any], report: Mapping[str, Any], *, files_from: int = 0) -> Found:
    """What an import did, with what had been found in its files where they were looked at first."""
    found = found_in(preview, files_from=files_from)
    created, touched = report.get("sessions_created", 0), report.get("sessions_touched", 0)
    return replace(
        found,
        new_sessions=created,
        # Of those that were there before, which have more now; the others are told by the preview alone.
        known_sessions=max(found.known_sessions, touched - created),
        touched_sessions=touched,
        new_interactions=report.get("added", 0),
        known_interactions=report.get("known", 0),
        differing=report.get("differing_count", 0),
        reasons=_reasons(report),
        damaged=_places(report),
        damaged_count=report.get("damaged_count", 0),
        differing_places=report.get("differing", [])[:MOST_PLACES],
    )


def undo_of(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """What undoing an import did: sessions that went to the trash, were parted, and were left as they are."""
    empty = {"trashed_count": 0, "parted_count": 0, "left_count": 0}
    return {**empty, **report.get("undo", {})}


def _file(told: Mapping[str, Any]) -> FileFound:
    counts = {name: value for name, value in told.items() if isinstance(value, int)}
    return FileFound(told["name"], label_of(told["format"]), counts, _reasons(told))


def _reasons(told: Mapping[str, Any]) -> list[Reason]:
    """The most frequent first."""
    aside = [Reason(text, count) for text, count in told.get("set_aside", {}).items()]
    refused = [Reason(text, count, is_refused=True) for text, count in told.get("refused", {}).items()]
    return sorted([*refused, *aside], key=lambda reason: (not reason.is_refused, -reason.count))


def _places(told: Mapping[str, Any]) -> list[Place]:
    return [Place(one["place"], one["reason"]) for one in told.get("damaged", [])[:MOST_PLACES]]
