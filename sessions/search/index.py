"""Keeping the index in step: what a session's row owes the search, and settling it.

A write raises `Session.revision` in its own transaction, and that is the record of the debt; `searched_revision`
says how far the index is. Both are compared among the sessions whose document is behind, which have an index of their
own: a document is written last, so whoever owes the search something is among them.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched, groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import DatabaseError
from django.db.models import F

from sessions import database, statements
from sessions.figures import is_error
from sessions.models import Interaction, Passage, Session
from sessions.querysets import InteractionQuerySet
from sessions.records import InteractionKind

from . import passages
from .engine import NewPassage, engine

# What is written in one transaction: an append waits that long at most.
_BATCH_INTERACTIONS = 100
_BATCH_CHARACTERS = 150_000
# Longer sessions owe the index what they hold when they come in.
_MOST_WITH_NEW = 500
# How many sessions are asked for at once where they are short.
_READ_TOGETHER = 25
# Somebody who waits for an answer does not wait for more of one text; it takes a second.
_MOST_AT_ONCE = 1_000_000
_NEEDED = (
    "id",
    "session_id",
    "revision",
    "kind",
    "prompt",
    "response",
    "reasoning",
    "tool_name",
    "tool_parameters",
    "model",
    "status",
    "error_message",
    "occurred_at",
    "parent_id",
)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a round of settling did. `left` are the sessions that owed something when it began and still do.

    They are counted up to one more than the limit of the round; where more than the limit owed something, others count
    with them. Otherwise what came in meanwhile is not among it: a worker that went on for that would never rest while
    somebody writes, and would index every few interactions by themselves.
    """

    sessions: int
    interactions: int
    left: int


def settle(*, limit: int, seconds: float, wait: bool = True) -> Settled:
    """Index what up to `limit` sessions owe, for about so many seconds; one that fails stops no other.

    With `wait=False` what somebody else has locked, or what is very long, is left for later.
    """
    owing = dict(Session.objects.in_search_debt().order_by().values_list("pk", "revision")[: limit + 1])
    round_ = _Round(wait=wait)
    deadline = time.monotonic() + seconds
    for names in batched(list(owing)[:limit], _READ_TOGETHER, strict=False):
        alone = dict.fromkeys(names)
        for batch in _read_short(names):
            round_.take(batch)
            del alone[batch.session_id]
        for session_id in alone:
            _settle_one(round_, session_id, deadline)
            if round_.gave_up or time.monotonic() > deadline:
                break
        if round_.gave_up or time.monotonic() > deadline:
            break
    round_.flush()
    return Settled(round_.sessions, round_.interactions, _still_owing(owing, limit) if owing else 0)


def _still_owing(owing: Mapping[str, int], limit: int) -> int:
    """How many of the sessions do not have indexed what they owed at a revision."""
    now = Session.objects.in_search_debt().order_by()
    if len(owing) > limit:
        # There were others, which are not known by name, and somebody else may have settled these.
        return now.values("pk")[: limit + 1].count()
    now = now.filter(pk__in=list(owing))
    return sum(searched < owing[pk] for pk, searched in now.values_list("pk", "searched_revision"))


def _settle_one(round_: "_Round", session_id: str, deadline: float) -> None:
    while (batch := _read(session_id, patient=round_.wait)) is not None:
        round_.take(batch)
        # What is left of a long session can only be read when this much of it is written.
        if batch.reached >= batch.revision or not round_.flush() or time.monotonic() > deadline:
            break


def of_new(session: Session, tags: Iterable[str], rows: Sequence[Interaction]) -> list[NewPassage] | None:
    """All passages of a session that is about to be inserted with these interactions; None where they are many.

    Who inserts it stores them in the same transaction, and says so by `searched_revision`; else it is a debt.
    """
    characters = sum(len(text) for row in rows for _, text in passages.said(row))
    if len(rows) > _MOST_WITH_NEW or characters > _BATCH_CHARACTERS:
        return None
    said = [passage for row in rows for passage in of_interaction(row, _tool_name(row, rows))]
    return [*said, *of_session(session, tags)]


def store(found: Sequence[NewPassage]) -> None:
    """Store passages within the caller's transaction."""
    engine().insert(found)


def in_debt() -> int:
    """How many sessions wait to be indexed."""
    return Session.objects.in_search_debt().order_by().count()


def forget() -> None:
    """Let every session wait to be indexed anew; what is found meanwhile is found by the old index."""
    Session.objects.order_by().update(searched_revision=0, documented_revision=0)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is about to be written of a session, read and analysed before anything is locked.

    `since` is how far the index was, `reached` how far it will be, `revision` how far the row is; `settled_at` tells
    the row from another that was loaded in its place.
    """

    session_id: str
    settled_at: datetime
    since: int
    reached: int
    revision: int
    rows: Sequence[UUID]
    passages: Sequence[NewPassage]
    header: Sequence[NewPassage] | None

    @property
    def characters(self) -> int:
        return sum(len(one.terms) for one in self.passages)


@dataclass(slots=True)
class _Round:
    """Batches of several sessions, written together: a commit costs more than a short session's passages do."""

    wait: bool
    sessions: int = 0
    interactions: int = 0
    gave_up: bool = False
    _waiting: list[_Batch] = field(default_factory=list)

    def take(self, batch: _Batch) -> None:
        """Keep a batch until there are enough for a transaction."""
        self._waiting.append(batch)
        rows = sum(len(one.rows) + 1 for one in self._waiting)
        if rows >= _BATCH_INTERACTIONS or sum(one.characters for one in self._waiting) >= _BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> bool:
        """Write what waits; False where anything of it could not be."""
        waiting, self._waiting = self._waiting, []
        written = not waiting or self._write(waiting)
        if not written and len(waiting) > 1 and not self.gave_up:
            written = len([one for one in waiting if self._write([one])]) == len(waiting)
        return written

    def _write(self, batches: list[_Batch]) -> bool:
        try:
            done = _write(batches, wait=self.wait)
        except DatabaseError as error:
            log.warning(
                "search_not_settled", extra={"session_id": batches[0].session_id, "reason": type(error).__name__}
            )
            # The whole database is busy: the others would only wait as long.
            self.gave_up = not self.wait
            return False
        self.sessions += len(done)
        self.interactions += sum(len(one.rows) for one in done)
        return len(done) == len(batches)


def _read_short(session_ids: Sequence[str]) -> Iterator[_Batch]:
    """Batches of those of the sessions that no index knows yet and that are short, read by three queries for all.

    After an import of many short conversations, asking for each of them would take as long as all the rest.
    """
    short = Session.objects.filter(
        pk__in=session_ids, searched_revision=0, revision__gt=0, interaction_count__lte=_BATCH_INTERACTIONS
    ).order_by("pk")
    sessions = {session.pk: session for session in short.prefetch_related("tags")}
    for session in sessions.values():
        if not session.interaction_count:
            yield _batch(session, [], session.revision)
    # What was said since in one that was empty makes it no second batch.
    spoken = [pk for pk, session in sessions.items() if session.interaction_count]
    found = Interaction.objects.filter(session_id__in=spoken).order_by("session_id", "revision")
    for session_id, rows in groupby(_rows(found), attrgetter("session_id")):
        session = sessions[session_id]
        taken, more, characters = _stretch(row for row in rows if row.revision <= session.revision)
        if more or characters > _BATCH_CHARACTERS:
            # Much was said in it: the rest of those that were asked for with it are as well read one by one.
            break
        yield _batch(session, taken, session.revision)


def _read(session_id: str, *, patient: bool) -> _Batch | None:
    session = Session.objects.filter(pk=session_id, revision__gt=F("searched_revision")).first()
    if session is None:
        return None
    since = session.searched_revision
    rows, more, characters = _take(session, since)
    if characters > _MOST_AT_ONCE and not patient:
        return None
    return _batch(session, rows, rows[-1].revision if more else session.revision)


def _batch(session: Session, rows: Sequence[Any], reached: int) -> _Batch:
    since = session.searched_revision
    return _Batch(
        session.pk,
        session.settled_at,
        since,
        reached,
        session.revision,
        [row.id for row in rows],
        [passage for row in rows for passage in of_interaction(row, _tool_name(row, rows))],
        list(_headed(session)) if session.header_revision > since or since == 0 else None,
    )


def _take(session: Session, since: int) -> tuple[list[Any], bool, int]:
    """The next interactions to be indexed, whether there are more, and their characters.

    Those of one revision stay together.
    """
    changed = Interaction.objects.changed_after(session.pk, since).filter(revision__lte=session.revision)
    return _stretch(_rows(changed))


def _stretch(found: Iterator[Any]) -> tuple[list[Any], bool, int]:
    """As many rows as are written at once, whether there are more, and the characters of those."""
    rows: list[Any] = []
    characters = 0
    for row in found:
        full = len(rows) >= _BATCH_INTERACTIONS or characters >= _BATCH_CHARACTERS
        if full and row.revision != rows[-1].revision:
            return rows, True, characters
        rows.append(row)
        characters += sum(len(text) for _, text in passages.said(row))
    return rows, False, characters


def _rows(found: InteractionQuerySet) -> Iterator[Any]:
    """Interactions with what is needed of them, a few at a time; instances would take three times as long."""
    return found.values_list(*_NEEDED, named=True).iterator(chunk_size=20)


def _write(batches: Sequence[_Batch], *, wait: bool) -> list[_Batch]:
    """Store batches, all or none, but for those that are locked or that somebody else got further with meanwhile.

    What a crash takes of the index it takes of `searched_revision` too, and it is written again.
    """
    with database.relaxed_transaction():
        rows = Session.objects.select_for_update(skip_locked=not wait).filter(
            pk__in=[one.session_id for one in batches]
        )
        now = set(rows.order_by("pk").values_list("pk", "searched_revision", "settled_at"))
        ready = [one for one in batches if (one.session_id, one.since, one.settled_at) in now]
        ids = [pk for one in ready for pk in one.rows]
        # What was moved or deleted since it was read is another session's debt, or nobody's.
        homes = dict(Interaction.objects.filter(pk__in=ids).order_by().values_list("pk", "session_id"))
        here = {pk for one in ready for pk in one.rows if homes.get(pk) == one.session_id}
        headed = [one for one in ready if one.header is not None]
        Passage.objects.filter(interaction_id__in=here).order_by()._raw_delete(Passage.objects.db)
        Passage.objects.filter(session_id__in=[one.session_id for one in headed]).order_by()._raw_delete(
            Passage.objects.db
        )
        new = [passage for one in ready for passage in one.passages if passage.interaction_id in here]
        engine().insert([*new, *(passage for one in headed for passage in one.header or ())])
        for one in ready:
            statements.put(Session, "searched_revision", one.reached, one.session_id)
    return ready


# --- passages of rows -----------------------------------------------------------------------------------------


def of_interaction(row: Any, tool_name: str) -> Iterator[NewPassage]:
    """The passages of an interaction, or of what was read of one; one without any text has none."""
    facets = [
        "k_i",
        passages.session_facet(row.session_id),
        *passages.day_facets(row.occurred_at),
        *passages.name_facets("m", row.model),
        "_",
        *passages.name_facets("o", tool_name),
        *(["e_"] if is_error(row) else []),
    ]
    for cut in passages.cut(passages.said(row)):
        yield NewPassage(
            interaction_id=row.id, field=cut.field, place=cut.place, facets=" ".join(facets), terms=cut.terms
        )


def _headed(session: Session) -> Iterator[NewPassage]:
    return of_session(session, [tag.name for tag in session.tags.all()])


def of_session(session: Session, tags: Iterable[str]) -> Iterator[NewPassage]:
    """The passages of a session's own texts."""
    facets = " ".join(["k_s", passages.session_facet(session.pk), *passages.day_facets(session.created_at)])
    for cut in passages.cut(passages.described(session, sorted(tags))):
        yield NewPassage(session_id=session.pk, field=cut.field, place=cut.place, facets=facets, terms=cut.terms)


def _tool_name(row: Any, batch: Sequence[Any]) -> str:
    """The tool that an interaction is about: a result's is that of its call, which it names as its parent."""
    if row.tool_name or row.kind != InteractionKind.TOOL_RESPONSE or row.parent_id is None:
        return str(row.tool_name)
    known: str | None = next((one.tool_name for one in batch if one.id == row.parent_id), None)
    if known is None:
        known = Interaction.objects.filter(pk=row.parent_id).values_list("tool_name", flat=True).first()
    return known or ""
