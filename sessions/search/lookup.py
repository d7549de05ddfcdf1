"""From a question to hits: candidates from the index, what they are now from the live rows, the best first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from sessions import conf
from sessions.models import Interaction, Passage, Session, SessionTag
from sessions.querysets import SessionQuerySet

from . import passages, ranking
from .engine import AnyOf, Expression, engine
from .query import Phrase, Query, days
from .snippets import Snippet, snippet

# So many candidates are ranked together; older ones come with the next cursor.
WINDOW = 256
# A filter on sessions is looked up beforehand where it lets through no more of them; else the latest candidates are
# asked for their session, so many at a time. The index is asked no more often, whatever is asked for.
_FEW_SESSIONS = 600
_ROUNDS = (WINDOW + 64, 2_000, 8_000)
_EVERYTHING = (Phrase(("k_i",)), Phrase(("k_s",)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of hits begins: below a passage's ID, behind so many of those that are ranked together."""

    below: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An interaction in which all was found, or a session by its own texts.

    `field` is where; `snippet` how the live text reads there.
    """

    session: Session
    interaction: Interaction | None
    field: str
    snippet: Snippet
    score: float


@dataclass(slots=True)
class _Candidate:
    """A passage that fits, and where what it was taken from stands now."""

    passage_id: int
    session: Session
    interaction_id: UUID | None
    sequence: int
    at: datetime
    field: str = ""
    place: int = 0
    score: float = 0.0

    @property
    def order(self) -> tuple[Any, ...]:
        return (-self.score, -self.at.timestamp(), self.session.pk, self.sequence)


def look(query: Query, place: Place, limit: int) -> tuple[list[SearchHit], Place | None]:
    """Up to `limit` hits from a place on, and the place to go on from; None behind the last."""
    expression = _expression(query)
    if expression is None:
        return [], None
    window, below = _window(query, expression, place.below)
    top = max((one.passage_id for one in window), default=0) + 1
    ranked = _ranked(query, window)
    hits: list[SearchHit] = []
    offset = place.offset
    while offset < len(ranked) and len(hits) < limit:
        # One that is not shown after all is made up for by the next.
        part = ranked[offset : offset + limit - len(hits)]
        hits += [hit for hit in _hits(query, part) if hit is not None]
        offset += len(part)
    if offset < len(ranked):
        return hits, Place(top, offset)
    return hits, None if below is None else Place(below)


# --- what the index is asked --------------------------------------------------------------------------------


def _expression(query: Query) -> Expression | None:
    """The question to the index; None where no session can fit."""
    groups: list[AnyOf] = [word.phrases for word in query.words]
    if query.models:
        groups.append([_prefixed("m", phrase) for phrase in query.models])
    if query.tools:
        groups.append([_prefixed("o", phrase) for phrase in query.tools])
    if query.errors:
        groups.append([Phrase(("e_",))])
    if query.since or query.until:
        wanted = days(query.since, query.until, today=timezone.now().date())
        groups.append([Phrase((f"d_{day}",)) for day in wanted])
    if query.state == "merged":
        # Of an absorbed session only its own texts are found; what was said in it is its survivor's.
        groups.append([Phrase(("k_s",))])
    narrow = False
    if query.sessions or query.narrows_sessions:
        found = list(_sessions(query).values_list("pk", flat=True)[: _FEW_SESSIONS + 1])
        narrow = len(found) <= _FEW_SESSIONS
        if narrow:
            groups.append([Phrase((passages.session_facet(pk),)) for pk in found])
    if not all(groups):
        return None
    return Expression(groups or [_EVERYTHING], [phrase for word in query.excluded for phrase in word.phrases], narrow)


def _prefixed(kind: str, phrase: Phrase) -> Phrase:
    return Phrase(tuple(f"{kind}_{term}" for term in phrase.terms), phrase.prefix)


def _sessions(query: Query) -> SessionQuerySet:
    """The sessions that the filters let through, in no order."""
    found = Session.objects.in_state(query.state, conf.expires_before())
    if query.sessions:
        found = found.filter(pk__in=query.sessions)
    if query.users:
        found = found.filter(user_id__in=query.users)
    if query.sources:
        found = found.filter(source__in=query.sources)
    for tag in query.tags:
        found = found.filter(tags__name=tag)
    return found.order_by()


# --- what fits now ------------------------------------------------------------------------------------------


def _window(query: Query, expression: Expression, below: int | None) -> tuple[list[_Candidate], int | None]:
    """The latest candidates below a passage's ID, and the ID to go on below; None where there are no more."""
    found: list[int] = []
    for size in _ROUNDS:
        matches = engine().matching(expression, _sessions(query), below=below, limit=size)
        for match in matches:
            if match.at_home:
                found.append(match.passage_id)
            below = match.passage_id
            if len(found) == WINDOW:
                break
        else:
            if len(matches) < size:
                below = None
        if below is None or len(found) == WINDOW:
            break
    return _without_excluded(query, list(_live(query, found))), below


def _live(query: Query, ids: Sequence[int]) -> Iterator[_Candidate]:
    """The passages' interactions and sessions as they stand now, without those that the filters leave out."""
    rows = Passage.objects.filter(pk__in=ids).order_by("-pk").values_list("pk", "interaction_id", "session_id")
    taken_from = list(rows)
    interactions = {
        row[0]: row
        for row in Interaction.objects.filter(pk__in=[one[1] for one in taken_from if one[1]])
        .order_by()
        .values_list("pk", "session_id", "sequence", "occurred_at")
    }
    wanted = {row[1] for row in interactions.values()} | {one[2] for one in taken_from if one[2]}
    sessions = _sessions(query).filter(pk__in=wanted).in_bulk()
    for pk, interaction_id, session_id in taken_from:
        _, home, sequence, at = interactions.get(interaction_id, (None, session_id, 0, None))
        session = sessions.get(home)
        # What an absorbed session has kept, its survivor has as well.
        if session is None or (interaction_id and session.merged_into_id):
            continue
        yield _Candidate(pk, session, interaction_id, sequence, at or session.last_activity_at)


def _without_excluded(query: Query, window: list[_Candidate]) -> list[_Candidate]:
    """Without those whose other passages hold what is to be left out."""
    if not query.excluded:
        return window
    here = {one.passage_id for one in window}
    owners: dict[int, Any] = {}
    for part in batched(window, WINDOW):
        others = Passage.objects.filter(interaction_id__in=[one.interaction_id for one in part if one.interaction_id])
        owners.update(
            {pk: owner for pk, owner in others.order_by().values_list("pk", "interaction_id") if pk not in here}
        )
    if not owners:
        return window
    phrases = [phrase for word in query.excluded for phrase in word.phrases]
    bad = {owners[pk] for pk in engine().matching_among(phrases, list(owners))}
    return [one for one in window if one.interaction_id not in bad]


# --- what comes first ---------------------------------------------------------------------------------------


def _ranked(query: Query, window: Sequence[_Candidate]) -> list[_Candidate]:
    """The best passage of each interaction and session, the best first."""
    texts: dict[int, tuple[str, int, str]] = {
        pk: (field, place, terms)
        for part in batched([one.passage_id for one in window], WINDOW)
        for pk, field, place, terms in Passage.objects.filter(pk__in=part)
        .order_by()
        .values_list("pk", "field", "place", "terms")
    }
    newest = max((one.at for one in window), default=None)
    best: dict[Any, _Candidate] = {}
    for one in window:
        if newest is None or one.passage_id not in texts:
            continue
        one.field, one.place, terms = texts[one.passage_id]
        of_session = one.interaction_id is None
        title_first = of_session and one.field == "title" and one.place == 0
        score = ranking.score(query.words, terms, title_first=title_first, of_session=of_session)
        one.score = round(score + ranking.recency(one.at, newest), 6)
        key = one.interaction_id or one.session.pk
        if key not in best or (-one.score, one.passage_id) < (-best[key].score, best[key].passage_id):
            best[key] = one
    return sorted(best.values(), key=lambda one: one.order)


def _hits(query: Query, part: Sequence[_Candidate]) -> Iterator[SearchHit | None]:
    """The hits of candidates; None for one whose live text does not say it any more."""
    rows = _whole(one.interaction_id for one in part if one.interaction_id)
    interactions = {row.pk: row for row in rows}
    tags = _tags(one.session.pk for one in part)
    for one in part:
        interaction = interactions.get(one.interaction_id) if one.interaction_id else None
        if one.interaction_id and interaction is None:
            yield None
            continue
        fields = passages.said(interaction) if interaction else passages.described(one.session, tags[one.session.pk])
        shown = snippet(fields, query.words, field=one.field, place=one.place)
        yield None if shown is None else SearchHit(one.session, interaction, shown.field, shown, one.score)


def _whole(ids: Iterable[UUID]) -> QuerySet[Interaction]:
    return Interaction.objects.filter(pk__in=list(ids)).order_by().defer("source_record", "metadata", "origins")


def _tags(session_ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {pk: [] for pk in session_ids}
    rows = SessionTag.objects.filter(session_id__in=list(found))
    for session_id, name in rows.order_by("name").values_list("session_id", "name"):
        found[session_id].append(name)
    return found
