"""The search in PostgreSQL: a tsvector made of our own terms, with no parser and no text-search configuration."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING

from django.db import connection, transaction

from sessions.querysets import SessionQuerySet

from . import joined
from .passages import BREAK
from .query import Phrase

if TYPE_CHECKING:
    from .engine import AnyOf, Expression, Match, NewPassage

_TABLE = "conversations_passage"
_INSERT = (
    f"INSERT INTO {_TABLE} (interaction_id, session_id, field, place, facets, terms, vector) "  # noqa: S608
    "VALUES (%s, %s, %s, %s, %s, %s, %s::tsvector)"
)
_LATEST = f"SELECT id FROM {_TABLE} WHERE vector @@ %s::tsquery {{}} ORDER BY id DESC LIMIT %s"  # noqa: S608
# PostgreSQL takes a long list of terms for a common one and would walk the table from its end, looking at each row; an
# order that no index has leaves it the GIN index.
_NARROWED = _LATEST.replace("ORDER BY id", "ORDER BY id + 0")
_AMONG = f"SELECT id FROM {_TABLE} WHERE id = ANY(%s) AND vector @@ %s::tsquery"  # noqa: S608


class Postgres:
    """See `engine.Engine`."""

    def insert(self, passages: Sequence["NewPassage"]) -> None:
        rows = [
            (one.interaction_id, one.session_id, one.field, one.place, one.facets, one.terms, vector(one))
            for one in passages
        ]
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)

    def matching(
        self, expression: "Expression", homes: SessionQuerySet, *, below: int | None, limit: int
    ) -> list["Match"]:
        where, bound = ("", []) if below is None else ("AND id < %s", [below])
        latest = (_NARROWED if expression.is_narrow else _LATEST).format(where)
        with transaction.atomic(), connection.cursor() as cursor:
            # Compiling the statement takes longer than answering it.
            cursor.execute("SET LOCAL jit = off")
            if expression.is_narrow:
                cursor.execute("SET LOCAL enable_seqscan = off")
            return joined.matches(latest, [written(expression), *bound, limit], homes)

    def matching_among(self, phrases: "AnyOf", passages: Sequence[int]) -> set[int]:
        with connection.cursor() as cursor:
            cursor.execute(_AMONG, [list(passages), _any_of(phrases)])
            return {row[0] for row in cursor.fetchall()}

    def impatient(self) -> AbstractContextManager[object]:
        # Rows that somebody else has locked are passed over where they are asked for.
        return nullcontext()


def vector(passage: "NewPassage") -> str:
    """A passage's terms with their places, as PostgreSQL writes a tsvector; facets stand behind the terms."""
    places: dict[str, list[str]] = defaultdict(list)
    terms = passage.terms.split(" ")
    for place, term in enumerate([*terms, BREAK, *passage.facets.split(" ")], start=1):
        if term != BREAK:
            places[term].append(str(place))
    placed = [f"{_quoted(term)}:{','.join(found)}" for term, found in places.items()]
    return " ".join([*placed, *_pairs(terms)])


def written(expression: "Expression") -> str:
    """The expression in the language of tsquery, every term quoted."""
    needed = " & ".join(_any_of(group) for group in expression.all_of)
    return f"{needed} & !{_any_of(expression.none_of)}" if expression.none_of else needed


def _any_of(phrases: "AnyOf") -> str:
    return f"({' | '.join(_phrase(one) for one in phrases)})"


def _phrase(phrase: Phrase) -> str:
    quoted = " <-> ".join(_quoted(term) for term in phrase.terms)
    pairs = _pairs(phrase.terms)
    return f"({' & '.join([f'({quoted}{":*" if phrase.prefix else ""})', *pairs])})"


def _pairs(terms: Sequence[str]) -> list[str]:
    """Two characters in a row of a script without spaces, as one lexeme each.

    The GIN index knows no places, and single characters are in every text: by them alone it would have to look at
    nearly all passages for each phrase. A passage that holds the phrase holds its pairs, so they leave nothing out.
    """
    single = [len(term) == 1 and not term.isascii() for term in terms]
    pairs = [
        f"{one}+{other}" for (one, other), both in zip(pairwise(terms), pairwise(single), strict=True) if all(both)
    ]
    return [_quoted(pair) for pair in dict.fromkeys(pairs)]


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
