"""The search in SQLite: an FTS5 index over the passages, kept in step by triggers (migration 0002)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

from sessions.querysets import SessionQuerySet

from . import joined
from .query import Phrase

if TYPE_CHECKING:
    from .engine import AnyOf, Expression, Match, NewPassage

_INDEX = "conversations_passage_index"
_INSERT = (
    "INSERT INTO conversations_passage (interaction_id, session_id, field, place, facets, terms) "
    "VALUES (%s, %s, %s, %s, %s, %s)"
)
_LATEST = f"SELECT rowid FROM {_INDEX} WHERE {_INDEX} MATCH %s {{}} ORDER BY rowid DESC LIMIT %s"  # noqa: S608
_PATIENCE_SECONDS = 0.05


class SQLite:
    """See `engine.Engine`."""

    def insert(self, passages: Sequence["NewPassage"]) -> None:
        rows = [
            (one.interaction_id and one.interaction_id.hex, one.session_id, one.field, one.place, one.facets, one.terms)
            for one in passages
        ]
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)

    def matching(
        self, expression: "Expression", homes: SessionQuerySet, *, below: int | None, limit: int
    ) -> list["Match"]:
        where, bound = ("", []) if below is None else ("AND rowid < %s", [below])
        return joined.matches(_LATEST.format(where), [written(expression), *bound, limit], homes)

    def matching_among(self, phrases: "AnyOf", passages: Sequence[int]) -> set[int]:
        places = ", ".join(["%s"] * len(passages))
        # The plus keeps the index from being searched once for each of the passages.
        sql = f"SELECT rowid FROM {_INDEX} WHERE {_INDEX} MATCH %s AND +rowid IN ({places})"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [_any_of(phrases), *passages])
            return {row[0] for row in cursor.fetchall()}

    @contextmanager
    def impatient(self) -> Iterator[None]:
        with connection.waiting_at_most(_PATIENCE_SECONDS):  # type: ignore[attr-defined]  # sessionsite.sqlite
            yield


def written(expression: "Expression") -> str:
    """The expression in FTS5's language. Terms hold letters, digits and our own underscore, and stand in quotes."""
    needed = " AND ".join(_any_of(group) for group in expression.all_of)
    return f"({needed}) NOT {_any_of(expression.none_of)}" if expression.none_of else needed


def _any_of(phrases: "AnyOf") -> str:
    return f"({' OR '.join(_phrase(one) for one in phrases)})"


def _phrase(phrase: Phrase) -> str:
    quoted = " ".join(phrase.terms).replace('"', "")
    return f'"{quoted}"{" *" if phrase.prefix else ""}'
