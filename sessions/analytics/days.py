"""Interactions per day, the days being the viewer's: midnight to midnight in a time zone, 23 to 25 hours long."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import groupby, pairwise

from django.db.models import F, Sum

from sessions.models import ActivityCount

from . import tally

# Not yet counted interactions that a page may look at; a worker that runs leaves far fewer.
_MOST_UNCOUNTED = 5_000


@dataclass(frozen=True, slots=True)
class Day:
    """One day and how many interactions happened in it; `errors` are among them."""

    date: date
    interactions: int
    errors: int


@dataclass(frozen=True, slots=True)
class Days:
    """Some days in a row, today last. `complete` is false while more waits to be counted than a page may count."""

    days: Sequence[Day]
    complete: bool

    @property
    def interactions(self) -> int:
        return sum(day.interactions for day in self.days)

    @property
    def errors(self) -> int:
        return sum(day.errors for day in self.days)


def interactions_per_day(number: int, *, now: datetime, zone: tzinfo) -> Days:
    """The last so many days up to the one that `now` lies in."""
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=back) for back in range(number - 1, -1, -1)]
    starts = [_first_quarter(day, zone) for day in (*dates, today + timedelta(days=1))]
    interactions, errors = _counted(starts)
    waiting, complete = tally.uncounted(_MOST_UNCOUNTED)
    for sums, counts in ((interactions, waiting.interactions), (errors, waiting.errors)):
        for quarter, count in counts.items():
            if starts[0] <= quarter < starts[-1]:
                sums[bisect_right(starts, quarter) - 1] += count
    return Days([Day(day, interactions[place], errors[place]) for place, day in enumerate(dates)], complete)


def _first_quarter(day: date, zone: tzinfo) -> int:
    return tally.quarter_of(datetime.combine(day, time(), tzinfo=zone))


def _counted(starts: Sequence[int]) -> tuple[Counter[int], Counter[int]]:
    """Interactions and errors by the day's place, added up by the database: a year has 35,000 quarters of an hour."""
    interactions: Counter[int] = Counter()
    errors: Counter[int] = Counter()
    for first, length, number in _stretches(starts):
        rows = ActivityCount.objects.filter(pk__gte=starts[first], pk__lt=starts[first + number]).order_by()
        by_day = rows.values_list((F("quarter") - starts[first]) / length)
        for day, said, failed in by_day.annotate(Sum("interactions"), Sum("errors")):
            interactions[first + day] += said
            errors[first + day] += failed
    return interactions, errors


def _stretches(starts: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Days of equal length in a row: the place of the first, their length in quarters, and how many they are.

    All days are 96 quarters long, but for the two of a year on which clocks are changed.
    """
    place = 0
    for length, days in groupby(end - start for start, end in pairwise(starts)):
        number = len(list(days))
        yield place, length, number
        place += number
