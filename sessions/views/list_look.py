"""How a list looks: its columns and how dense its rows are. In the address, else in a cookie, else as it comes."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from sessions.actions import SORTS, Order

from .page import query

COOKIE = "sessionsite_list"
_YEAR_SECONDS = 365 * 86_400
COLUMNS = {
    "user": "User",
    "source": "Source",
    "model": "Model",
    "interactions": "Interactions",
    "errors": "Errors",
    "tokens": "Tokens",
    "cost": "Cost",
    "created": "Created",
    "activity": "Last activity",
}
_USUAL = ("user", "source", "interactions", "tokens", "activity")
_NUMBERS = frozenset({"interactions", "errors", "tokens", "cost"})
_TIMES = frozenset({"created", "activity"})
DENSITIES = ("comfortable", "compact")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list; `sort_url` is "" for one that cannot be sorted by, `sorted` what `aria-sort` says."""

    name: str
    label: str
    shape: str
    sort_url: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Look:
    """The chosen columns in their order, and the density."""

    names: Sequence[str]
    density: str
    from_address: bool

    @property
    def shows(self) -> dict[str, bool]:
        """The columns by name, for the rows."""
        return dict.fromkeys(self.names, True)

    @classmethod
    def of(cls, request: HttpRequest) -> "Look":
        """What the address says, for what it does not say the cookie."""
        density, _, names = request.COOKIES.get(COOKIE, "").partition(":")
        asked = request.GET
        return cls(
            _known(asked.get("columns", names if density else ",".join(_USUAL)).split(",")),
            _density(asked.get("density", density)),
            "columns" in asked or "density" in asked,
        )

    @classmethod
    def chosen(cls, request: HttpRequest) -> "Look":
        """What the form "Display" says."""
        return cls(_known(request.GET.getlist("column")), _density(request.GET.get("density", "")), False)

    def remember(self, response: HttpResponse) -> None:
        response.set_cookie(
            COOKIE, f"{self.density}:{','.join(self.names)}", max_age=_YEAR_SECONDS, samesite="Lax", httponly=True
        )

    def given(self) -> dict[str, str]:
        """For a saved view, which shows what it showed."""
        return {"columns": ",".join(self.names), "density": self.density}

    def columns(self, order: Order, here: dict[str, str]) -> list[Column]:
        """The columns to draw, with the addresses that sort by them."""
        return [_column(name, order, here) for name in self.names]


def _column(name: str, order: Order, here: dict[str, str]) -> Column:
    shape = "number" if name in _NUMBERS else "time" if name in _TIMES else ""
    if name not in SORTS:
        return Column(name, COLUMNS[name], shape, "", "")
    is_sorted = order.sort == name
    # The first press shows what is most looked for: the largest, the latest, but names from their beginning.
    is_natural = order.descending != (name == "user")
    return Column(
        name,
        COLUMNS[name],
        shape,
        query(**{**here, "sort": f"-{name}" if is_sorted and is_natural else name}),
        ("descending" if order.descending else "ascending") if is_sorted else "",
    )


def _known(names: Sequence[str]) -> tuple[str, ...]:
    wanted = set(names)
    return tuple(name for name in COLUMNS if name in wanted)


def _density(name: str) -> str:
    return name if name in DENSITIES else DENSITIES[0]
