"""How a page of texts is shown: as markdown or as it was written, and with which words marked."""

from dataclasses import dataclass, field

from .highlight import Budget


@dataclass(slots=True)
class Looks:
    """Handed to the template's tags; `budget` is shared by all texts of the page."""

    as_source: bool = False
    whole: bool = False
    words: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=lambda: Budget(0.3))
