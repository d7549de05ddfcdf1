"""A sparkline of days, drawn by the server as SVG that stretches to its place; `chart` is the one with axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

HEIGHT = 40
_LEAST = 1.5


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, one unit wide from `x`; the chart is 40 units high, and `y` counts from its top."""

    x: float
    y: float
    height: float
    date: date
    number: int


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of days. `most` is the largest number, the top of the chart; `best` the latest day that had it."""

    bars: Sequence[Bar]
    most: int
    best: date | None

    @property
    def width(self) -> int:
        return len(self.bars)


def bars(days: Sequence[tuple[date, int]]) -> Bars:
    """A bar for each day, the largest as high as the chart; the smallest can still be seen."""
    most = max((number for _, number in days), default=0)
    best = next((day for day, number in reversed(days) if number == most), None) if most else None
    drawn = []
    for place, (day, number) in enumerate(days):
        height = max(round(HEIGHT * number / most, 2), _LEAST) if number else 0
        drawn.append(Bar(place + 0.12, HEIGHT - height, height, day, number))
    return Bars(drawn, most, best)
