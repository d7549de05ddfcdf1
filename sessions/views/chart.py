"""A bar chart of days, drawn as SVG on the server: no script, no style attribute, axes with round numbers.

Heights are in pixels and widths in percent, so the drawing fills whatever width there is and its letters keep their
size. Colours come from the style sheet, by class.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sessions.analytics.days import Day, Days

TOP, BOTTOM = 8, 168
_TICKS = 4
# A day's bar takes so much of its place; narrow places leave no room for gaps.
_FILLED, _FILLED_WHEN_NARROW, _NARROW = 0.72, 0.86, 60


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the upright axis: its height in pixels from the top, and what stands beside it."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class DayTick:
    """A day that the level axis names: its middle in percent of the width."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a template needs to draw the days; `rows` are those of a table that says the same."""

    ticks: Sequence[Tick]
    day_ticks: Sequence[DayTick]
    bars: SafeString
    rows: SafeString


def chart(days: Days) -> Chart:
    top = max((day.interactions for day in days.days), default=0)
    step = nice_step(top)
    lines = max(1, math.ceil(top / step))
    ticks = [Tick(_y(number * step, lines * step), compact(number * step)) for number in range(lines + 1)]
    return Chart(ticks, list(_day_ticks(days.days)), _bars(days.days, lines * step), _rows(days.days))


def nice_step(top: int) -> int:
    """The distance between two lines of an axis up to `top`: 1, 2 or 5 times a power of ten, for about four lines."""
    rough = max(1.0, top / _TICKS)
    power = 10 ** math.floor(math.log10(rough))
    return int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))


def compact(number: int) -> str:
    """A number of at most four signs: 950, 1.5k, 20k, 3M."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.4g}{sign}"
    return str(number)


def _y(value: int, top: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * value / top, 1)


def _day_ticks(days: Sequence[Day]) -> Iterator[DayTick]:
    """Few enough for a narrow page: every day of a week, Mondays of a month or a quarter, months of a year."""
    for place, day in enumerate(days):
        if _is_named(day.date, place, len(days)):
            yield DayTick(round(100 * (place + 0.5) / len(days), 2), f"{day.date.day} {day.date:%b}")


def _is_named(day: date, place: int, number: int) -> bool:
    # One at the very end would stick out of the drawing.
    if number > 7 and not 0.03 < (place + 0.5) / number < 0.97:
        return False
    if number <= 7:
        return True
    if number <= 31:
        return day.weekday() == 0
    if number <= 92:
        return day.weekday() == 0 and day.isocalendar().week % 3 == 0
    return day.day == 1 and day.month % 2 == 1


def _bars(days: Sequence[Day], top: int) -> SafeString:
    """For each day its bar, the errors at its foot, and a place as high as the chart that says the numbers."""
    width = 100 / len(days)
    filled = _FILLED if len(days) < _NARROW else _FILLED_WHEN_NARROW
    return format_html_join(
        "", "{}", ((_bar(day, place * width, width, filled, top),) for place, day in enumerate(days))
    )


def _bar(day: Day, x: float, width: float, filled: float, top: int) -> SafeString:
    said_so = f"{_counted(day.interactions, 'interaction')}, {_counted(day.errors, 'error')}"
    title = f"{day.date:%A}, {day.date.day} {day.date:%B %Y}: {said_so}"
    inner = (x + width * (1 - filled) / 2, width * filled)
    said = _rect("column", *inner, _y(day.interactions, top)) if day.interactions else ""
    failed = _rect("column failed", *inner, _y(day.errors, top)) if day.errors else ""
    return format_html("<g><title>{}</title>{}{}{}</g>", title, _rect("place", x, width, 0), said, failed)


def _rect(name: str, x: float, width: float, y: float) -> SafeString:
    # What is there must be seen, however small beside the rest.
    height = max(BOTTOM - y, 1.5)
    drawn = '<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>'
    return format_html(drawn, name, _short(x), _short(BOTTOM - height), _short(width), _short(height))


def _rows(days: Sequence[Day]) -> SafeString:
    """The same numbers as a table's rows, the latest first."""
    row = '<tr><th scope="row">{}</th><td class="number">{}</td><td class="number">{}</td></tr>'
    told = ((f"{day.date:%a}, {day.date.day} {day.date:%b %Y}", day.interactions, day.errors) for day in reversed(days))
    return format_html_join("", row, ((name, f"{number:,}", f"{errors:,}") for name, number, errors in told))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _short(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")
