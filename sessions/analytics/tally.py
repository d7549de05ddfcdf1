"""Counting interactions by the quarter of an hour they happened in, behind the writers' backs.

Home shows interactions per day. Counting a million rows takes too long for a page, an index on `occurred_at` would
cost every append a page of the write-ahead log, and a counter that appends raise would make all of them wait for one
row. So interactions are counted afterwards, in the order of their IDs, which begin with the millisecond they were
made in: what is new lies at the end of the primary key's index, whatever time it tells of.

The law: an interaction is in `ActivityCount` if and only if its ID is smaller than `ActivityMark.counted_before`.

- An append writes nothing here; its ID lies beyond the mark, and `count_more` moves the mark over it.
- What is deleted, and what is loaded from a journal with an old ID, is subtracted and added in the same transaction
  (`subtract`, `add`).
- A merge moves interactions from session to session and changes neither IDs nor times.

Whoever changes the counts holds the mark's row locked, so that the law holds for everybody else's transactions.
"""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from sessions import figures
from sessions.models import QUARTER_SECONDS, ActivityCount, ActivityMark, Interaction, Session
from sessions.querysets import InteractionQuerySet

# How far behind the clock the mark stays: room for clocks that differ or are set back.
LAG_SECONDS = 10.0
_BEGINNING = UUID(int=0)
_COLUMNS = ("id", "occurred_at", "kind", "status")

type Counts = Counter[int]


class Tally:
    """Interactions and errors, each by quarter of an hour."""

    def __init__(self) -> None:
        self.interactions: Counts = Counter()
        self.errors: Counts = Counter()

    def count_in(self, row: Any) -> None:
        """`row` is an interaction, or what was read of one."""
        quarter = quarter_of(row.occurred_at)
        self.interactions[quarter] += 1
        if figures.is_error(row):
            self.errors[quarter] += 1

    def store(self, sign: int = 1) -> None:
        """Add these to what is counted, or with -1 take them away; the caller holds the mark."""
        counts = ActivityCount.objects.in_bulk(list(self.interactions))
        for quarter, number in self.interactions.items():
            count = counts.setdefault(quarter, ActivityCount(pk=quarter))
            count.interactions += sign * number
            count.errors += sign * self.errors[quarter]
        ActivityCount.objects.bulk_create(
            counts.values(),
            update_conflicts=True,
            update_fields=["interactions", "errors"],
            unique_fields=["quarter"],
        )


def quarter_of(moment: datetime) -> int:
    return int(moment.timestamp() // QUARTER_SECONDS)


def count_more(limit: int) -> int:
    """Count up to `limit` interactions that are not counted yet, and move the mark over them; return how many."""
    with transaction.atomic(durable=True):
        mark = _lock_mark(make=True)
        assert mark is not None  # noqa: S101  (it was made)
        end = _id_at(_settled_until())
        rows = list(_new(mark.counted_before).filter(pk__lt=end)[:limit])
        if not rows:
            return 0
        _tally(rows).store()
        mark.counted_before = _next(rows[-1].id)
        mark.save(force_update=True)
    return len(rows)


def uncounted(limit: int) -> tuple[Tally, bool]:
    """What is not counted yet, and whether that is all of it: no more than `limit` interactions are looked at."""
    mark = ActivityMark.objects.values_list("counted_before", flat=True).first()
    rows = list(_new(mark or _BEGINNING)[: limit + 1])
    return _tally(rows[:limit]), len(rows) <= limit


def subtract(rows: InteractionQuerySet) -> None:
    """Take interactions that are about to be deleted out of the counts; belongs into the deleting transaction."""
    mark = _lock_mark()
    if mark is not None:
        _tally(_read(rows.filter(pk__lt=mark.counted_before).order_by()).iterator()).store(-1)


def add(rows: Iterable[Interaction]) -> None:
    """Count interactions that were inserted with IDs they had before; belongs into the inserting transaction."""
    mark = _lock_mark()
    if mark is not None:
        _tally(row for row in rows if row.pk < mark.counted_before).store()


def is_exact() -> bool:
    """Whether the counts add up to what the sessions say they hold; false while something is not counted yet."""
    with transaction.atomic():
        _lock_mark()
        counted = ActivityCount.objects.aggregate(total=Sum("interactions"))["total"] or 0
        held = Session.objects.aggregate(total=Sum("interaction_count"))["total"] or 0
        waiting, all_of_it = uncounted(10_000)
        return not all_of_it or counted + waiting.interactions.total() == held


def forget() -> None:
    """Start counting from the first interaction on."""
    with transaction.atomic(durable=True):
        mark = _lock_mark(make=True)
        assert mark is not None  # noqa: S101  (it was made)
        ActivityCount.objects.all().delete()
        mark.counted_before = _BEGINNING
        mark.save(force_update=True)


def _lock_mark(*, make: bool = False) -> ActivityMark | None:
    if make:
        ActivityMark.objects.bulk_create([ActivityMark(counted_before=_BEGINNING)], ignore_conflicts=True)
    return ActivityMark.objects.select_for_update().first()


def _new(counted_before: UUID) -> QuerySet[Interaction, Any]:
    return _read(Interaction.objects.filter(pk__gte=counted_before).order_by("pk"))


def _read(rows: InteractionQuerySet) -> QuerySet[Interaction, Any]:
    """Only what is counted by: instances would take three times as long."""
    return rows.values_list(*_COLUMNS, named=True)


def _tally(rows: Iterable[Any]) -> Tally:
    tally = Tally()
    for row in rows:
        tally.count_in(row)
    return tally


def _settled_until() -> float:
    """The Unix time before which no ID can come any more.

    An ID is made inside the transaction that inserts it, after its session's row was locked. SQLite has one writer
    at a time, and that is us; on PostgreSQL a transaction that began earlier may still be writing.
    """
    now = time.time()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
            )
            oldest_seconds = cursor.fetchone()[0]
        now -= float(oldest_seconds or 0)
    return now - LAG_SECONDS


def _id_at(unix_time: float) -> UUID:
    """The smallest ID of a millisecond; see `records.new_interaction_id`."""
    return UUID(int=(int(unix_time * 1000) << 80))


def _next(pk: UUID) -> UUID:
    return UUID(int=pk.int + 1)
