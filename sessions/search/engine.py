"""What a database must do for the search, and which one does it: keep passages, and give those that fit, latest first.

Both databases are asked the same and answer the same; all that could differ between them (what a word is, what a
phrase is, what comes first) is decided elsewhere, in Python.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from uuid import UUID

from django.db import connection

from sessions.querysets import SessionQuerySet

from . import postgres, sqlite
from .query import Phrase

type AnyOf = Sequence[Phrase]


@dataclass(frozen=True, slots=True)
class Expression:
    """What a passage must hold: of each group one phrase, and of the last ones none.

    `is_narrow` says that one of the groups lists sessions, so that few passages fit.
    """

    all_of: Sequence[AnyOf]
    none_of: AnyOf = field(default=())
    is_narrow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassage:
    """A passage about to be stored, of an interaction or of a session."""

    interaction_id: UUID | None = None
    session_id: str | None = None
    field: str
    place: int
    facets: str
    terms: str


class Match(NamedTuple):
    """A passage that fits, and whether what it was taken from stands in a session that is asked for."""

    passage_id: int
    at_home: bool


class Engine(Protocol):
    """One database's part."""

    def insert(self, passages: Sequence[NewPassage]) -> None:
        """Store passages; they get ascending IDs in their order."""

    def matching(self, expression: Expression, homes: SessionQuerySet, *, below: int | None, limit: int) -> list[Match]:
        """The passages that fit, the highest first, from below an ID on; whether they stand in one of `homes` now."""

    def matching_among(self, phrases: AnyOf, passages: Sequence[int]) -> set[int]:
        """Those of these passages that hold any of the phrases."""

    def impatient(self) -> AbstractContextManager[object]:
        """A block in which a write that would have to wait fails soon, with an OperationalError."""


def engine() -> Engine:
    """The engine of the database in use."""
    return postgres.Postgres() if connection.vendor == "postgresql" else sqlite.SQLite()
